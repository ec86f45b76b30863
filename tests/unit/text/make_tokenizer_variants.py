"""Writes tokenizers with every part that tokenizer.json can name, for
compare_with_tokenizers.py: python3 make_tokenizer_variants.py DATA_FOLDER OUT_FOLDER
"""

import json
import pathlib
import sys

data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
load = lambda name: json.loads((data / name / "tokenizer.json").read_text())

GPT4O = "|".join([
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""])
GPT4 = (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|"""
        r""" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+""")
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
            r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
split = lambda pattern, behavior="Isolated", invert=False: {
    "type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}
literal = lambda text, behavior, invert=False: {
    "type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": invert}
sequence = lambda *parts: {"type": "Sequence", "pretokenizers": list(parts)}
normal = lambda *parts: {"type": "Sequence", "normalizers": list(parts)}


def added(id, content, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": False} | flags


def write(name, base, **parts):
    tokenizer = load(base)
    extra = parts.pop("extra", [])
    vocab = tokenizer["model"]["vocab"]
    ids = {t: i for i, (t, _) in enumerate(vocab)} if isinstance(vocab, list) else vocab
    free = 1 + max([t["id"] for t in tokenizer["added_tokens"]] + [len(vocab) - 1])
    known = {t["content"] for t in tokenizer["added_tokens"]}
    for token in extra:
        if token["content"] in known:
            continue
        if token["content"] in ids:
            tokenizer["added_tokens"].append(token | {"id": ids[token["content"]]})
        else:
            tokenizer["added_tokens"].append(token | {"id": free})
            free += 1
    model = parts.pop("model", {})
    tokenizer["model"] |= model
    tokenizer |= parts
    (out / f"{name}.json").write_text(json.dumps(tokenizer, ensure_ascii=False))


EXTRA = [added(0, "hello", single_word=True), added(0, "the", lstrip=True, rstrip=True),
         added(0, "WORLD", normalized=True, lstrip=True), added(0, "Straße", normalized=True),
         added(0, "  ", rstrip=True), added(0, "'s", single_word=True, normalized=True),
         added(0, "<|user|>", special=True, rstrip=True), added(0, "é", normalized=True)]

for name, pattern in {"gpt4o": GPT4O, "gpt4": GPT4, "deepseek": DEEPSEEK}.items():
    write(name, "llama3-style", pre_tokenizer=sequence(split(pattern), byte_level))
write("deepseek3", "qwen2-style", pre_tokenizer=sequence(
    split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level))
write("prefix", "gpt2", pre_tokenizer=byte_level | {"add_prefix_space": True, "use_regex": True}, extra=EXTRA)
write("roberta", "gpt2", post_processor={"type": "RobertaProcessing", "sep": ["a", 64], "cls": ["b", 65],
                                         "trim_offsets": True, "add_prefix_space": False})
write("digits", "smollm2", pre_tokenizer=sequence(
    {"type": "Digits", "individual_digits": False}, byte_level | {"use_regex": True}),
      normalizer={"type": "NFKC"}, extra=EXTRA)
write("punctuation", "smollm2", pre_tokenizer=sequence(
    {"type": "Punctuation", "behavior": "Contiguous"}, byte_level | {"use_regex": True}),
      normalizer=normal({"type": "NFKD"}, {"type": "StripAccents"}))
for behavior in ["Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
    for invert in [False, True]:
        write(f"split-{behavior}-{invert}", "qwen2-style", pre_tokenizer=sequence(
            split(r"\s+|\p{N}", behavior, invert), literal("'", behavior, invert), byte_level))
for form in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"]:
    write(f"normal-{form}", "phi3-spm", normalizer=normal(
        {"type": form}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}), extra=EXTRA)
write("metaspace-first", "phi3-spm", normalizer=None, extra=EXTRA, decoder=None, pre_tokenizer={
    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True})
write("metaspace-whole", "phi3-spm", normalizer=None, extra=EXTRA, pre_tokenizer={
    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
      decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False})
write("metaspace-never", "t5-style", extra=EXTRA, pre_tokenizer={
    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True},
      decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True})
charsmap = load("t5-style")["normalizer"]["normalizers"][0]
write("unigram-spaces", "t5-style", pre_tokenizer=sequence(
    {"type": "WhitespaceSplit"}, load("t5-style")["pre_tokenizer"]), normalizer=normal(
        {"type": "Strip", "strip_left": True, "strip_right": False}, charsmap,
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}))
write("bert-cased", "minilm-bert", extra=EXTRA, normalizer={
    "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": None,
    "lowercase": False})
write("bert-accents", "minilm-bert", normalizer={
    "type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True, "strip_accents": False,
    "lowercase": True}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": False},
      post_processor={"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]})
write("bert-whitespace", "minilm-bert", pre_tokenizer={"type": "Whitespace"}, decoder=None, extra=EXTRA)
write("bert-short", "minilm-bert", pre_tokenizer={"type": "WhitespaceSplit"},
      model={"max_input_chars_per_word": 7})
write("no-fuse", "stories-tok512", model={"fuse_unk": False, "byte_fallback": False}, extra=EXTRA)
write("no-unknown", "stories-tok512", model={"unk_token": None, "byte_fallback": False})
write("fuse", "stories-tok512", model={"byte_fallback": False}, decoder={"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Strip", "content": " ", "start": 2, "stop": 0},
    {"type": "ByteFallback"}]})
write("fused-strip", "stories-tok512", decoder={"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 3, "stop": 0}]})
