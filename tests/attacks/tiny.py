"""The tiny good checkpoint that bad files are put into.

    python3 tests/attacks/tiny.py OUT
"""

import json
import pathlib
import random
import struct
import sys

from generate import (GOOD_CONFIG, GOOD_MODULES, GOOD_POOLING, GOOD_SENTENCE_CONFIG, GOOD_TOKENIZER, entry,
                      safetensors)
from text_files import GOOD_VOCABULARY

HIDDEN, MLP, HEAD, VOCABULARY = 16, 32, 8, 8
SHAPES = {
    "model.embed_tokens.weight": [VOCABULARY, HIDDEN],
    "model.norm.weight": [HIDDEN],
    "model.layers.0.input_layernorm.weight": [HIDDEN],
    "model.layers.0.post_attention_layernorm.weight": [HIDDEN],
    "model.layers.0.self_attn.q_proj.weight": [2 * HEAD, HIDDEN],
    "model.layers.0.self_attn.k_proj.weight": [HEAD, HIDDEN],
    "model.layers.0.self_attn.v_proj.weight": [HEAD, HIDDEN],
    "model.layers.0.self_attn.o_proj.weight": [HIDDEN, 2 * HEAD],
    "model.layers.0.mlp.gate_proj.weight": [MLP, HIDDEN],
    "model.layers.0.mlp.up_proj.weight": [MLP, HIDDEN],
    "model.layers.0.mlp.down_proj.weight": [HIDDEN, MLP],
}


ENCODER_CONFIG = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_size": HIDDEN, "intermediate_size": MLP,
    "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": VOCABULARY, "max_position_embeddings": 32}


def encoder_shapes():
    """The tensors of a bert: (N, K) of linear layers, and biases."""
    for name, rows in {"word": VOCABULARY, "position": 32, "token_type": 2}.items():
        yield f"embeddings.{name}_embeddings.weight", [rows, HIDDEN]
    layer = "encoder.layer.0."
    linear = {f"attention.self.{name}": [HIDDEN, HIDDEN] for name in ("query", "key", "value")} | {
        "attention.output.dense": [HIDDEN, HIDDEN], "intermediate.dense": [MLP, HIDDEN],
        "output.dense": [HIDDEN, MLP]}
    for name, shape in linear.items():
        yield f"{layer}{name}.weight", shape
        yield f"{layer}{name}.bias", shape[:1]
    for name in ("embeddings.", layer + "attention.output.", layer + "output."):
        yield name + "LayerNorm.weight", [HIDDEN]
        yield name + "LayerNorm.bias", [HIDDEN]


def weights(shapes, seed=1):
    """A safetensors file of small random F32 numbers."""
    rng = random.Random(seed)
    header, data = {}, b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        begin = len(data)
        data += struct.pack(f"<{count}f", *(rng.uniform(-0.5, 0.5) for _ in range(count)))
        header[name] = entry(begin, len(data), shape)
    return safetensors(header, data)


def write_checkpoint(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(GOOD_CONFIG))
    (folder / "tokenizer.json").write_text(json.dumps(GOOD_TOKENIZER))
    (folder / "model.safetensors").write_bytes(weights(SHAPES))


def write_encoder(folder):
    """A sentence encoder: bert, mean pooling, a vocab.txt."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(ENCODER_CONFIG))
    (folder / "model.safetensors").write_bytes(weights(dict(encoder_shapes())))
    (folder / "vocab.txt").write_bytes(GOOD_VOCABULARY)
    for name, value in {"modules.json": GOOD_MODULES, "1_Pooling/config.json": GOOD_POOLING,
                        "sentence_bert_config.json": GOOD_SENTENCE_CONFIG}.items():
        (folder / name).write_text(json.dumps(value))


if __name__ == "__main__":
    write_checkpoint(pathlib.Path(sys.argv[1]))
