"""Writes blocks.safetensors: random blocks of each type, and their values.

    python3 make_blocks.py        (PyPI's gguf and safetensors)

TYPE.bytes, (blocks, bytes of a block) U8: any bits, but for the f16 scales and minima, that are
finite; the first block is all zero bits, the second all ones but for these. TYPE.values, (blocks,
elements) F32: what gguf.quants.dequantize gives. So every pattern of quanta and codes may occur,
also such as no quantiser writes.
"""

import pathlib

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from safetensors.numpy import save_file

# Where the f16 numbers of a block lie.
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
          Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208], Type.F16: [0], Type.BF16: []}


def main():
    rng = np.random.default_rng(4)
    arrays = {}
    for kind, places in HALVES.items():
        elements, size = GGML_QUANT_SIZES[kind]
        count = 6 if elements == 256 else 24 if elements == 32 else 256
        blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
        blocks[0], blocks[1] = 0, 255
        for place in places:
            halves = rng.standard_normal(count).astype(np.float16)
            halves[2:4] = [6e-8, 65504]
            blocks[:, place:place + 2] = halves.view(np.uint8).reshape(count, 2)
        if kind == Type.BF16:
            blocks = (rng.standard_normal(count).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
            blocks = blocks.view(np.uint8).reshape(count, 2)
        arrays[kind.name + ".bytes"] = blocks
        values = quants.dequantize(blocks.reshape(-1), kind).reshape(count, elements)
        assert np.isfinite(values).all()
        arrays[kind.name + ".values"] = values.astype(np.float32)
    save_file(arrays, pathlib.Path(__file__).with_name("blocks.safetensors"))


if __name__ == "__main__":
    main()
