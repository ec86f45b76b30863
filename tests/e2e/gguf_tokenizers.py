"""A tokenizer in GGUF metadata gives the ids of the tokenizer.json it was made from.

    gguf_tokenizers.py BUILD_DIRECTORY

Each tokenizer of tests/data/tokenizers that GGUF has a name for is written as a file of
metadata alone, and encodes the texts of its cases.
"""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import gguf_file

program = Program(sys.argv[1])
data = ROOT / "tests" / "data"
PRE = {"gpt2": "gpt-2", "smollm2": "smollm", "llama3-style": "llama-bpe", "qwen2-style": "qwen2"}


def metadata(source, pre):
    """The tokenizer.json `source` as a GGUF file writes it."""
    vocab = dict(source["model"]["vocab"])
    kinds = dict.fromkeys(vocab, 1)
    for token in source["added_tokens"]:
        vocab[token["content"]] = token["id"]
        kinds[token["content"]] = 3 if token["special"] else 4
    texts = {i: text for text, i in vocab.items()}
    tokens = [texts.get(i, f"[PAD{i}]") for i in range(max(texts) + 1)]
    merges = [m if isinstance(m, str) else " ".join(m) for m in source["model"]["merges"]]
    values = {"general.architecture": ("string", "llama"), "tokenizer.ggml.model": ("string", "gpt2"),
              "tokenizer.ggml.pre": ("string", pre), "tokenizer.ggml.tokens": ("array", ("string", tokens)),
              "tokenizer.ggml.token_type": ("array", ("i32", [kinds.get(t, 5) for t in tokens])),
              "tokenizer.ggml.merges": ("array", ("string", merges))}
    return gguf_file.gguf([gguf_file.pair(key, *value) for key, value in values.items()], [], b"")


def encode(tokenizer, texts, *flags):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = program.run("tokenize", tokenizer, "--jsonl", *flags, input=lines)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(name, ours, theirs, texts, *flags):
    got, expected = encode(ours, texts, *flags), encode(theirs, texts, *flags)
    wrong = [t for t, g, e in zip(texts, got, expected, strict=True) if g != e]
    print(f"{name}: {len(texts)} texts, {len(wrong)} differ")
    check(not wrong, f"{name}: {wrong[:3]!r}")


with tempfile.TemporaryDirectory() as folder:
    for name, pre in PRE.items():
        source = data / "tokenizers" / name
        file = pathlib.Path(folder) / f"{name}.gguf"
        file.write_bytes(metadata(json.loads((source / "tokenizer.json").read_text()), pre))
        texts = [case["text"] for case in json.loads((source / "cases.json").read_text())["cases"]]
        compare(name, file, source / "tokenizer.json", texts)

# SentencePiece, with the token before a text.
stories = ROOT / "examples" / "models" / "stories260K"
texts = [case["text"] for case in
         json.loads((data / "tokenizers" / "stories-tok512" / "cases.json").read_text())["cases"]]
compare("stories260K", data / "gguf" / "stories260K-q4_0.gguf", stories, texts)
compare("stories260K", data / "gguf" / "stories260K-q4_0.gguf", stories, texts, "--special")
