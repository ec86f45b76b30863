"""Exports MiniLM with pooling as ONNX, batch and length free.

    export.py CHECKPOINT TARGET.onnx
"""

import pathlib
import sys

import torch

from torch_peer import Embedder


def main(folder, target):
    model = Embedder(folder).eval()
    example = torch.randint(1000, 30000, (2, 128)), torch.ones(2, 128, dtype=torch.int64)
    batch, length = torch.export.Dim("batch", min=1, max=1024), torch.export.Dim("length", min=2, max=512)
    part = pathlib.Path(target).with_suffix(".part.onnx")
    with torch.no_grad():
        torch.onnx.export(model, example, str(part), input_names=["input_ids", "attention_mask"],
                          output_names=["sentence"], dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}))
    part.rename(target)


main(*sys.argv[1:])
