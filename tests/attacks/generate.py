"""Writes bad files of each format, for tests and for `lathe` itself.

    python3 tests/attacks/generate.py OUT [--count 100] [--seed 1]

OUT/<format>/<number>-<class>-<idea>.<extension>; an index is a folder of that
name with its shards. The class says what a reader must do:
    bad     the bytes break the format: refuse
    wrong   well-formed, but a field has a value that makes no sense: whoever
            uses the field must refuse, a reader of the format alone may not
    any     a random change: refuse or accept, but neither crash nor hang
The same count and seed give the same files. Needs nothing but Python.
"""

import argparse
import json
import pathlib
import random
import struct

import gguf_file
from text_files import attack_sentencepiece, attack_vocabulary

BOUNDARIES = [0, 1, -1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1,
              2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, -2**31, -2**63]
WRONG_TYPES = [None, True, 1.5, -1, "x", "", [], {}, [[]], {"a": 1}, 1e308]
DEPTHS = [65, 257, 1000, 100_000]


def safetensors(header, data, length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    length = len(header) if length is None else length
    return struct.pack("<Q", length % 2**64) + header + data


def entry(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD_TENSORS = {"a": entry(0, 16, [2, 2]), "b": entry(16, 24, [4], "F16")}
GOOD_CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16,
    "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 8, "max_position_embeddings": 32,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
    "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "tie_word_embeddings": True}
GOOD_TOKENIZER = {
    "version": "1.0", "added_tokens": [{"id": 0, "content": "<s>", "special": True}],
    "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel"},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]}}
GOOD_NPY = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
GOOD_MLIR = """#map = affine_map<(d0) -> (d0 * 2)>
module attributes {lathe.model = {family = "llama"}} {
  func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}
"""


def truncations(name, data):
    """Each prefix breaks the format."""
    for size in sorted({0, 1, 7, 8, 9, len(data) // 4, len(data) // 2, len(data) - 1}):
        if size < len(data):
            yield "bad", f"cut-at-{size}", data[:size]


def flips(rng, data):
    """Random changes, without end."""
    while True:
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 1, 2, 8])):
            kind, place = rng.randrange(4), rng.randrange(len(changed))
            if kind == 0:
                changed[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                changed[place] = rng.choice(b'\0\xff"\\{}[]<>()0-9,:e. \n')
            elif kind == 2 and len(changed) > 1:
                del changed[place:place + rng.randrange(1, 9)]
                changed = changed or bytearray(b"x")
            else:
                changed[place:place] = changed[place:place + rng.randrange(1, 17)]
        yield "any", "change", bytes(changed)


def broken_json():
    """Texts that are no JSON, or that readers disagree on."""
    for depth in DEPTHS:
        yield f"arrays-{depth}", b"[" * depth + b"]" * depth
        yield f"objects-{depth}", b'{"a":' * depth + b"1" + b"}" * depth
        yield f"open-{depth}", b"[" * depth
    for text in [b"", b" ", b"\0", b"\xef\xbb\xbf{}", b"{", b"}", b'{"a"', b'{"a":1,}', b"{1:2}",
                 b'{"a":1 "b":2}', b'{"a":1}{"b":2}', b'{"a":1}x', b'{"a":1,"a":2}',
                 b'{"a":1,"\\u0061":2}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}',
                 b'{"a":1e999}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"a":"\n"}',
                 b'{"a":\'b\'}', b'{"a":tru}', b"{//\n}", b'{"a":"' + b"x" * 100_000,
                 b"[" + b"0," * 3_000_000 + b"0]"]:
        yield "text", text


def fields(value, path=()):
    """The path of each field below an object or array."""
    if isinstance(value, (dict, list)):
        for key in (value if isinstance(value, dict) else range(len(value))):
            yield path + (key,)
            yield from fields(value[key], path + (key,))


def with_field(value, path, new):
    copy = json.loads(json.dumps(value))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if new is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return copy


def changed_fields(good):
    """`good` with one field missing, at a boundary or of another type."""
    for path in fields(good):
        for new in [..., *BOUNDARIES, *WRONG_TYPES, "x" * 10_000]:
            name = ".".join(map(str, path))
            yield name, with_field(good, path, new)


def attack_safetensors(rng):
    good = safetensors(GOOD_TENSORS, bytes(24))
    yield from truncations("safetensors", good)
    header = json.dumps(GOOD_TENSORS).encode()
    for length in [*BOUNDARIES, len(header) - 1, len(header) + 1, len(header) + 24, 100_000_001]:
        yield "bad", f"length-{length}", safetensors(GOOD_TENSORS, bytes(24), length)
    for idea, text in broken_json():
        yield "bad", "header-" + idea, safetensors(text, bytes(24))
    begins = [0, 1, 4, 15, 16, 17, 23, 24, 25]
    for begin, end in [(b, e) for b in begins for e in begins if (b, e) != (0, 16)]:
        yield "bad", "offsets", safetensors(
            GOOD_TENSORS | {"a": entry(begin, end, [2, 2])}, bytes(24))
    for size in BOUNDARIES:
        yield "bad", "shape", safetensors(GOOD_TENSORS | {"a": entry(0, 16, [size, 2])}, bytes(24))
        yield "bad", "offset", safetensors(GOOD_TENSORS | {"b": entry(size, 24, [4], "F16")}, bytes(24))
        yield "bad", "wrap", safetensors({"a": entry(0, 0, [size or 3, 2**62, 4])}, b"")
    for dtype in ["f32", "", "F33", "U32", "F4", "float", None, 4, [], "F32\0", "F64", "BF16"]:
        yield "bad", "dtype", safetensors(GOOD_TENSORS | {"a": entry(0, 16, [2, 2], dtype)}, bytes(24))
    for path in fields(GOOD_TENSORS):
        for new in [None, True, 1.5, "x", {}, [[]]]:
            yield "bad", "type", safetensors(with_field(GOOD_TENSORS, path, new), bytes(24))
    for metadata in [[], "x", 1, {"a": 1}, {"a": None}, {"a": {}}]:
        yield "bad", "metadata", safetensors(GOOD_TENSORS | {"__metadata__": metadata}, bytes(24))
    for size in [0, 23, 25, 4096]:
        yield "bad", "data-size", safetensors(GOOD_TENSORS, bytes(size))
    twice = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
    yield "bad", "twice", safetensors(twice + twice[1:-1] + b"}", b"x")
    yield "bad", "empties", safetensors({n: entry(0, 0, [0]) for n in "ab"}, b"")
    yield "bad", "many", safetensors({f"t{i}": entry(0, 0, [0]) for i in range(20_000)}, b"")
    yield from flips(rng, good)


def attack_json(good):
    def attack(rng):
        data = json.dumps(good).encode()
        yield from truncations("json", data)
        for idea, text in broken_json():
            yield "bad", idea, text
        cases = list(changed_fields(good))
        rng.shuffle(cases)
        changes = flips(rng, data)
        for name, value in cases:
            yield "wrong", "field-" + name, json.dumps(value).encode()
            yield next(changes)
        yield from changes
    return attack


def attack_index(rng):
    """Each case is a folder: a dict of names and bytes."""
    shards = {"one.safetensors": safetensors({"a": entry(0, 16, [2, 2])}, bytes(16)),
              "two.safetensors": safetensors({"b": entry(0, 8, [4], "F16")}, bytes(8))}
    good = {"metadata": {"total_size": 24},
            "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}

    def case(index, **others):
        if not isinstance(index, bytes):
            index = json.dumps(index).encode()
        return shards | {"model.safetensors.index.json": index} | others

    for name in ["../one.safetensors", "/dev/zero", "/etc/passwd", "..", ".", "", "a\0b", "x" * 300,
                 "x" * 5000, "missing.safetensors", "/proc/self/environ", "./../one.safetensors",
                 "one.safetensors/", "one.safetensors/x", "model.safetensors.index.json",
                 "ONE.safetensors", "\ud800", "one\u202esafetensors", "~/one.safetensors",
                 "file:///etc/passwd", "one.safetensors\n", "sub/../../one.safetensors"]:
        yield "bad", "name", case(with_field(good, ("weight_map", "a"), name))
    for new in WRONG_TYPES + BOUNDARIES:
        if new not in ({}, []):
            yield "bad", "shard-type", case(with_field(good, ("weight_map", "a"), new))
        if not isinstance(new, dict) or not new:
            yield "bad", "map-type", case(with_field(good, ("weight_map",), new))
    yield "bad", "map-missing", case({"metadata": {}})
    yield "bad", "unknown-tensor", case(with_field(good, ("weight_map", "c"), "one.safetensors"))
    yield "bad", "swapped", case({"weight_map": {"a": "two.safetensors", "b": "one.safetensors"}})
    yield "bad", "in-two", case(good, **{"two.safetensors": shards["one.safetensors"]})
    yield "bad", "many-shards", case({"weight_map": {f"t{i}": f"s{i}" for i in range(5000)}})
    for idea, text in broken_json():
        yield "bad", idea, case(text)
    for _, idea, text in truncations("json", json.dumps(good).encode()):
        yield "bad", idea, case(text)
    for _, idea, text in truncations("shard", shards["two.safetensors"]):
        yield "bad", "shard-" + idea, case(good, **{"two.safetensors": text})
    for _, idea, text in flips(rng, json.dumps(good).encode()):
        yield "any", idea, case(text)


def npy(header, data=bytes(24), version=(1, 0), length=None):
    length = len(header) if length is None else length
    size = struct.pack("<H" if version[0] == 1 else "<I", length % (1 << (16 if version[0] == 1 else 32)))
    return b"\x93NUMPY" + bytes(version) + size + header + data


def attack_npy(rng):
    good = npy(GOOD_NPY)
    yield from truncations("npy", good)
    for size in [0, 23, 25, 4096]:
        yield "bad", "data-size", npy(GOOD_NPY, bytes(size))
    for version in [(0, 0), (0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (255, 255)]:
        yield "bad", "version", npy(GOOD_NPY, version=version)
    for length in [0, 1, len(GOOD_NPY) - 1, len(GOOD_NPY) + 1, 65535]:
        yield "bad", "length", npy(GOOD_NPY, length=length)
    for length in [0, 65536, 2**31, 2**32 - 1]:
        yield "bad", "length-2", npy(GOOD_NPY, version=(2, 0), length=length)
    for descr in ["'>f4'", "'<c8'", "'|O'", "'<U6'", "'|S4'", "'<u4'", "'=f4'", "'f4'", "''", "4",
                  "None", "[('a', '<f4')]", "'<f4", "<f4", "'<f4444'", "'<f2'", "'<f8'", "'|f4'"]:
        yield "bad", "descr", npy(GOOD_NPY.replace(b"'<f4'", descr.encode()))
    for order in ["True", "0", "1", "None", "false", "'False'", "", "Falsex"]:
        yield "bad", "order", npy(GOOD_NPY.replace(b"False", order.encode()))
    shapes = [f"({n}, 3)" for n in BOUNDARIES if n != 2] + [f"({n}, {n})" for n in BOUNDARIES]
    for shape in shapes + ["6", "(6)", "[2, 3]", "(2 3)", "(2, 3", "(2,, 3)", "(,)", "(2, 3.0)",
                           "(2L, 3L)", "('2', 3)", "(0x2, 3)", "()", "None", "((2, 3))",
                           "(" * 10_000, "(" + "1," * 33 + ")", "(2, -3)", "(" + "9" * 1000 + ",)"]:
        yield "bad", "shape", npy(GOOD_NPY.replace(b"(2, 3)", shape.encode()))
    for header in [b"", b"{", b"}", b"{}", b"[]", b"{'shape': (6,)}", GOOD_NPY + b"x", b"x" + GOOD_NPY,
                   GOOD_NPY[:-1] + b"'x': 1, }", GOOD_NPY[:-1] + b"'descr': '<f4', }", GOOD_NPY * 2,
                   b"__import__('os').system('true')", b"{" * 60_000, b"(" * 60_000, b"'" * 60_000]:
        yield "bad", "dict", npy(header)
    yield from flips(rng, good)


def attack_gguf(rng):
    pairs, tensors, data = gguf_file.tiny()
    good = gguf_file.gguf(pairs, tensors, data)
    f32, u8 = gguf_file.F32, struct.pack("<B", 1)

    def head(key, kind, content):
        """A value of a kind that may not be one."""
        return gguf_file.name(key) + struct.pack("<I", kind % 2**32) + content

    def placed(dims, kind=f32, offset=0, size=32, name="w"):
        return gguf_file.gguf([], [gguf_file.tensor(name, dims, kind, offset)], bytes(size))

    yield from truncations("gguf", good)
    for place in range(16, len(good) - len(data), 37):
        yield "bad", f"cut-at-{place}", good[:place]
    for number in BOUNDARIES:
        yield "bad", "tensor-count", gguf_file.gguf(pairs, tensors, data, counts=(number or 99, len(pairs)))
        yield "bad", "value-count", gguf_file.gguf(pairs, tensors, data, counts=(len(tensors), number or 99))
        if number % 2**32 not in (2, 3):
            yield "bad", "version", gguf_file.gguf(pairs, tensors, data, version=number)
        length = struct.pack("<Q", number % 2**64)
        if number != 1:
            yield "bad", "key-length", gguf_file.gguf([length + bytes(12)], [], b"")
        if number % 2**64:
            yield "bad", "string-length", gguf_file.gguf([head("k", 8, length)], [], b"")
            for kind in [*range(13), 13, 2**32 - 1]:
                content = struct.pack("<I", kind) + length
                yield "bad", f"array-length-{kind}", gguf_file.gguf([head("k", 9, content)], [], b"")
        yield "bad", "dim", placed([number if number != 1 else 0, 4096])
        yield "bad", "dims", placed([number or 2**40, 2**32, 2**31])
        yield "bad", "offset", placed([8], offset=number % 2**64 or 64)
        yield "bad", "wrap", placed([2**62, 4 * (number or 1)], size=0)
        yield "bad", "type", placed([256], kind=number if number % 2**32 > 1 else 40, size=16)
        if number % 2**32 not in (1, 2, 32, 64):
            alignment = struct.pack("<I", number % 2**32)
            yield "bad", "alignment", gguf_file.gguf([head("general.alignment", 4, alignment)], [], b"")
    for rank in [0, 5, 33, 255]:
        yield "bad", "rank", placed([1] * rank)
    for kind in [13, 14, 99, 2**31, 2**32 - 1]:
        yield "bad", "kind", gguf_file.gguf([head("k", kind, bytes(8))], [], b"")
    for kind in range(13):
        if kind != 4:
            yield "bad", "alignment-kind", gguf_file.gguf([head("general.alignment", kind, bytes(16))], [], b"")
    for depth in [1, 2, 64, 1000, 100_000]:
        nested = struct.pack("<IQ", 9, 1) * depth + struct.pack("<IQ", 0, 1) + u8
        yield "bad", f"nested-{depth}", gguf_file.gguf([head("k", 9, nested)], [], b"")
    for number in [2, 3, 127, 128, 255]:
        yield "bad", "bool", gguf_file.gguf([head("k", 7, struct.pack("<B", number))], [], b"")
        yield "bad", "bools", gguf_file.gguf([head("k", 9, struct.pack("<IQBB", 7, 2, 1, number))], [], b"")
    for magic in [b"GGML", b"ggjt", b"FUGG", b"gguf", b"GGU\0", b"PK\3\4"]:
        yield "bad", "magic", gguf_file.gguf(pairs, tensors, data, magic=magic)
    for size in [0, 1, 31, len(data) // 2, len(data) - 33, len(data) + 32, len(data) + 4096]:
        yield "bad", "data-size", gguf_file.gguf(pairs, tensors, data[:size] + bytes(max(0, size - len(data))))
    for name in ["", "n" * 65, "n" * 4096]:
        yield "bad", "name", placed([8], name=name)
    yield "bad", "key-twice", gguf_file.gguf(pairs + pairs[3:4], tensors, data)
    yield "bad", "tensor-twice", gguf_file.gguf(pairs, tensors[:1] * 2, data)
    yield "bad", "many", gguf_file.gguf([gguf_file.pair(f"k{i}", "u8", 1) for i in range(65_537)], [], b"")
    for first, second in [(0, 0), (0, 32), (32, 64), (0, 96), (64, 0), (31, 64), (2**64 - 32, 0)]:
        both = [gguf_file.tensor("a", [16], f32, first), gguf_file.tensor("b", [16], f32, second)]
        yield "bad", "places", gguf_file.gguf([], both, bytes(256))
    values = gguf_file.tiny_values()
    for key, (kind, content) in values.items():
        others = [None, ("u32", 0), ("u32", 2**32 - 1), ("i32", -1), ("u64", 2**63), ("f32", float("nan")),
                  ("f32", float("inf")), ("f64", -1.0), ("string", ""), ("string", "x" * 5000), ("bool", 1),
                  ("array", ("string", [])), ("array", ("i32", [-1] * 8)), ("array", ("string", ["a"] * 8))]
        for other in others:
            changed = values | {key: other}
            if other is None:
                del changed[key]
            new = [gguf_file.pair(k, *v) for k, v in changed.items()]
            yield "wrong", f"value-{key}", gguf_file.gguf(new, tensors, data)
    for gone in range(len(tensors)):
        rest = list(gguf_file.tiny_tensors())
        del rest[gone]
        heads, body = [], b""
        for key, dims, kind, content in rest:
            heads.append(gguf_file.tensor(key, dims, kind, len(body)))
            body += gguf_file.padded(content)
        yield "wrong", "tensor-gone", gguf_file.gguf(pairs, heads, body)
    yield from flips(rng, good)


def attack_mlir(rng):
    good = GOOD_MLIR.encode()
    for depth in [257, 300, 1000, 100_000]:
        for opening, closing in ["()", "[]", "{}", ("tuple<", ">"), "([", ("(>", ")")]:
            yield "bad", f"brackets-{depth}", (opening * depth + closing * depth).encode()
            yield "bad", f"open-{depth}", (GOOD_MLIR + opening * depth).encode()
        yield "bad", f"types-{depth}", ("func.func private @f(" + "tuple<" * depth + "i32" + ">" * depth + ")").encode()
        yield "bad", f"aliases-{depth}", ("!t0 = i32\n" + "".join(
            f"!t{i} = tuple<!t{i - 1}>\n" for i in range(1, depth))).encode()
        yield "bad", f"locations-{depth}", ("#l0 = loc(unknown)\n" + "".join(
            f"#l{i} = loc(callsite(#l{i - 1} at #l0))\n" for i in range(1, depth))).encode()
    for count in [3000, 10_000, 100_000]:
        for operator in ["-", "d0 + ", "d0*", "d0 floordiv 2 + ", "(d0) + ", "d0 mod 3 + // x\n"]:
            yield "bad", f"expression-{count}", f"#m = affine_map<(d0) -> ({operator * count}d0)>".encode()
        yield "bad", f"arrows-{count}", ("func.func private @f() -> (" + "() -> " * count + "i32)").encode()
    for place in [0, len(good) // 2, len(good)]:
        yield "bad", "nul", good[:place] + b"\0" + good[place:]
    for text in [b'"', b'"\\', b'"abc\n"', b'module attributes {a = "x', b'"\\"']:
        yield "bad", "string", text
    for _, idea, text in truncations("mlir", good):
        yield "wrong", idea, text
    yield from flips(rng, good)


GOOD_GENERATION = {"bos_token_id": 1, "eos_token_id": [1, 2], "pad_token_id": 0, "do_sample": True,
                   "temperature": 0.7, "top_k": 50, "top_p": 0.9, "repetition_penalty": 1.1}
SENTENCE_MODULES = "sentence_transformers.models."
GOOD_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": SENTENCE_MODULES + "Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": SENTENCE_MODULES + "Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": SENTENCE_MODULES + "Normalize"}]
GOOD_POOLING = {"word_embedding_dimension": 16, "pooling_mode_cls_token": False,
                "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
GOOD_SENTENCE_CONFIG = {"max_seq_length": 16, "do_lower_case": False}


def attack_generation(rng):
    """Each case is a folder with the file; it may be left out, but not be broken."""
    for kind, idea, text in attack_json(GOOD_GENERATION)(rng):
        yield kind, idea, {"generation_config.json": text}


GOOD_TEMPLATES = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": [
    {"name": "default", "template": "{% for m in messages %}{{ m.content }}{% endfor %}"},
    {"name": "tool_use", "template": "{{ tools }}"}]}


def attack_templates(rng):
    """Each case is a folder with tokenizer_config.json, and perhaps chat_template.jinja."""
    good = json.dumps(GOOD_TEMPLATES).encode()
    for idea, text in [("latin", b"\xe9"), ("nul", b"a\0b"), ("cut", b"\xe2\x82"), ("surrogate", b"\xed\xa0\x80"),
                       ("long", b"x" * (2**20 + 1))]:
        yield "bad", idea, {"tokenizer_config.json": good, "chat_template.jinja": text}
    named = [{"name": str(i), "template": ""} for i in range(65)]
    for idea, value in [("many", named), ("twice", named[:1] * 2), ("long", "x" * (2**20 + 1)), ("nul", "a\0b"),
                        ("no-name", [{"template": "t"}]), ("no-text", [{"name": "a"}]),
                        ("control", [{"name": "a\x1b[2J", "template": "t"}]),
                        ("empty", [{"name": "", "template": "t"}]), ("object", {"default": "t"})]:
        yield "bad", idea, {"tokenizer_config.json": json.dumps(GOOD_TEMPLATES | {"chat_template": value}).encode()}
    for kind, idea, text in attack_json(GOOD_TEMPLATES)(rng):
        yield kind, idea, {"tokenizer_config.json": text}


def attack_modules(rng):
    """Each case is a folder with the three files of a sentence encoder."""
    files = {"modules.json": GOOD_MODULES, "1_Pooling/config.json": GOOD_POOLING,
             "sentence_bert_config.json": GOOD_SENTENCE_CONFIG}
    good = {name: json.dumps(value).encode() for name, value in files.items()}
    yield "bad", "no-pooling", {name: text for name, text in good.items() if "Pooling" not in name}
    for path in ["..", ".", "", "../x", "/etc", "1_Pooling/", "1_Pooling\0", "x" * 300, "missing", "\ud800"]:
        changed = with_field(GOOD_MODULES, (1, "path"), path)
        yield "bad", "path", good | {"modules.json": json.dumps(changed).encode()}
    yield "bad", "many", good | {"modules.json": json.dumps(GOOD_MODULES * 1000).encode()}
    parts = [attack_json(value)(rng) for value in files.values()]
    while True:
        for name, part in zip(files, parts):
            kind, idea, text = next(part)
            yield kind, idea, good | {name: text}


FORMATS = {
    "safetensors": ("safetensors", attack_safetensors),
    "index": ("", attack_index),
    "config": ("json", attack_json(GOOD_CONFIG)),
    "tokenizer": ("json", attack_json(GOOD_TOKENIZER)),
    "npy": ("npy", attack_npy),
    "gguf": ("gguf", attack_gguf),
    "mlir": ("mlir", attack_mlir),
    "sentencepiece": ("model", attack_sentencepiece(BOUNDARIES, truncations, flips)),
    "vocabulary": ("txt", attack_vocabulary(truncations, flips)),
    "generation": ("", attack_generation),
    "modules": ("", attack_modules),
    "templates": ("", attack_templates),
}


def pick(cases, count, rng):
    """`count` cases, up to three quarters of them ideas, the others random changes."""
    ideas, changes = [], []
    for case in cases:
        (changes if case[0] == "any" else ideas).append(case)
        if len(changes) >= count:
            break
    ideas = [ideas[i] for i in sorted(rng.sample(range(len(ideas)), min(len(ideas), count * 3 // 4)))]
    return ideas + changes[:count - len(ideas)]


def write(path, content):
    if isinstance(content, dict):
        path.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(data)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100, help="files a format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=sorted(FORMATS), action="append")
    arguments = parser.parse_args()
    for name in arguments.format or sorted(FORMATS):
        extension, attack = FORMATS[name]
        rng = random.Random(f"{name}-{arguments.seed}")
        cases = pick(attack(rng), arguments.count, rng)
        for number, (kind, idea, content) in enumerate(cases):
            idea = "".join(c if c.isalnum() or c in "-_" else "_" for c in idea)[:60]
            file = f"{number:04}-{kind}-{idea}" + (f".{extension}" if extension else "")
            write(arguments.out / name / file, content)


if __name__ == "__main__":
    main()
