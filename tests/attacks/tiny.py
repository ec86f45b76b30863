"""The tiny good checkpoint that bad files are put into.

    python3 tests/attacks/tiny.py OUT
"""

import json
import pathlib
import random
import struct
import sys

from generate import GOOD_CONFIG, GOOD_TOKENIZER, entry, safetensors

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


if __name__ == "__main__":
    write_checkpoint(pathlib.Path(sys.argv[1]))
