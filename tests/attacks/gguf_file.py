"""Writes GGUF files value by value, also such as break the format.

A value is (kind, content): kind one of KINDS; an array is ("array", (kind, [content …])).
A tensor is (dims, type, offset, bytes), dims innermost first.
"""

import struct

KINDS = {"u8": 0, "i8": 1, "u16": 2, "i16": 3, "u32": 4, "i32": 5, "f32": 6, "bool": 7,
         "string": 8, "array": 9, "u64": 10, "i64": 11, "f64": 12}
FORMATS = dict(zip(KINDS, "BbHhIifB__Qqd"))
F32, F16, Q4_0, Q8_0, Q6_K = 0, 1, 2, 8, 14


def name(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text)) + text


def value(kind, content):
    if kind == "string":
        return name(content)
    if kind == "array":
        element, items = content
        return struct.pack("<IQ", KINDS[element], len(items)) + b"".join(value(element, i) for i in items)
    return struct.pack("<" + FORMATS[kind], content)


def pair(key, kind, content):
    return name(key) + struct.pack("<I", KINDS[kind]) + value(kind, content)


def tensor(key, dims, kind, offset):
    return (name(key) + struct.pack("<I", len(dims)) +
            b"".join(struct.pack("<Q", dim % 2**64) for dim in dims) +
            struct.pack("<IQ", kind % 2**32, offset % 2**64))


def gguf(pairs, tensors, data, version=3, counts=None, magic=b"GGUF", alignment=32):
    """A file of encoded `pairs` and `tensors`."""
    tensor_count, pair_count = counts or (len(tensors), len(pairs))
    head = magic + struct.pack("<IQQ", version % 2**32, tensor_count % 2**64, pair_count % 2**64)
    head += b"".join(pairs) + b"".join(tensors)
    if tensors:
        head += bytes(-len(head) % alignment)
    return head + data


def padded(data, alignment=32):
    return data + bytes(-len(data) % alignment)


def tiny_values():
    """Metadata of the tiny llama, by key."""
    return {
        "general.architecture": ("string", "llama"),
        "llama.context_length": ("u32", 32), "llama.embedding_length": ("u32", 32),
        "llama.block_count": ("u32", 1), "llama.feed_forward_length": ("u32", 32),
        "llama.attention.head_count": ("u32", 4), "llama.attention.head_count_kv": ("u32", 2),
        "llama.attention.layer_norm_rms_epsilon": ("f32", 1e-5),
        "llama.rope.freq_base": ("f32", 10000.0), "llama.rope.dimension_count": ("u32", 8),
        "llama.vocab_size": ("u32", 8),
        "tokenizer.ggml.model": ("string", "gpt2"), "tokenizer.ggml.pre": ("string", "gpt-2"),
        "tokenizer.ggml.tokens": ("array", ("string", ["<s>", "a", "b", "ab", "c", "d", "e", "f"])),
        "tokenizer.ggml.token_type": ("array", ("i32", [3] + [1] * 7)),
        "tokenizer.ggml.merges": ("array", ("string", ["a b"])),
        "tokenizer.ggml.bos_token_id": ("u32", 0), "tokenizer.ggml.eos_token_id": ("u32", 0),
        "tokenizer.ggml.add_bos_token": ("bool", 0)}


def tiny_tensors():
    """(name, dims, type, bytes) of the tiny llama."""
    shapes = [("token_embd", [32, 8]), ("output_norm", [32]), ("blk.0.attn_norm", [32]), ("blk.0.ffn_norm", [32]),
              ("blk.0.attn_q", [32, 32]), ("blk.0.attn_k", [32, 16]), ("blk.0.attn_v", [32, 16]),
              ("blk.0.attn_output", [32, 32]), ("blk.0.ffn_gate", [32, 32]), ("blk.0.ffn_up", [32, 32]),
              ("blk.0.ffn_down", [32, 32])]
    for stem, dims in shapes:
        if len(dims) == 1:
            yield stem + ".weight", dims, F32, struct.pack("<32f", *[1.0] * 32)
        else:
            row = bytes((13 * i + 5) % 256 for i in range(32))
            yield stem + ".weight", dims, Q8_0, (struct.pack("<e", 0.002) + row) * dims[1]


def tiny():
    """(pairs, tensors, data) of the tiny llama, encoded; one list item each."""
    pairs = [pair(key, *content) for key, content in tiny_values().items()]
    tensors, data = [], b""
    for key, dims, kind, content in tiny_tensors():
        tensors.append(tensor(key, dims, kind, len(data)))
        data += padded(content)
    return pairs, tensors, data
