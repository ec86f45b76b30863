"""Compiles a GGUF model and compares what it computes with the reference.

    gguf.py BUILD_DIRECTORY CASE.gguf [compile flags...]

CASE.golden.safetensors holds what PyTorch computes in f32 with the dequantised weights.
Ours are the same weights and f32 too, so the bound is that of golden.py: 2e-4 of the
largest logit. The module that `lathe import` writes gives the same bits.
"""

import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import Program, check

program, case = Program(sys.argv[1]), pathlib.Path(sys.argv[2])
flags = sys.argv[3:]
golden = case.with_suffix(".golden.safetensors")
expected = arrays.load(golden)

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)

    def logits(source, name):
        program.run("compile", source, "-o", folder / name, *flags)
        program.run("run", folder / name, "forward", "-i", golden, "-o", folder / "out.safetensors")
        return arrays.load(folder / "out.safetensors")["logits"]

    got = logits(case, "m.lathe")
    error = arrays.worst(got, expected["logits"])
    print(f"logits: {error:.2e}")
    check(error <= 2e-4, f"off by {error:.2e} of the largest logit, bound 2e-4")

    program.run("import", case, "-o", folder / "m.mlir")
    check(np.array_equal(logits(folder / "m.mlir", "again.lathe"), got),
          "the imported module computes other bits")

    # Greedy ids hang on the order of the two largest logits: of this one the reference's
    # margin is 2e-4, not far enough above what f32 may move.
    if case.stem != "qwen2-q8_0":
        prompt = ",".join(map(str, expected["greedy.prompt"][0]))
        ids = expected["greedy.output"][0].tolist()
        done = program.run("generate", folder / "m.lathe", "--prompt-ids", prompt, "-n", len(ids),
                           "--ids", "--ignore-eos")
        check([int(i) for i in done.stdout.replace(",", " ").split()] == ids, f"greedy ids {done.stdout}")
