"""Compiles a golden checkpoint and compares what it computes with the reference.

    golden.py BUILD_DIRECTORY CASE_DIRECTORY [compile flags...]

The bound is 2e-4 of the largest |output| in f32: the reference itself is f32, whose
results move by about 1e-5 when sums of a few hundred terms are taken in another
order, and the factor left covers the depth of the model. With --dtype bf16 it is 2e-2,
a few roundings to 8 bits, of weights and of inputs.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import Program

program, case = Program(sys.argv[1]), pathlib.Path(sys.argv[2])
flags = sys.argv[3:]
bound = 2e-2 if "bf16" in flags else 2e-4
failures = []

golden = case / "golden.safetensors"
info = json.loads((case / "golden.json").read_text())
if "context" in info:
    flags += ["--context", info["context"]]
everything = arrays.load(golden)
with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "m.lathe"
    out = pathlib.Path(folder) / "out.safetensors"
    program.run("compile", case, "-o", model, *flags)
    for prefix in ("single.", "batch."):
        expected = {n[len(prefix):]: a for n, a in everything.items() if n.startswith(prefix)}
        if not expected:
            continue
        hidden = any(name.startswith("hidden.") for name in expected)
        program.run("run", model, "forward", "-i", f"{golden}:{prefix}", "-o", out,
            *(["--hidden-states"] if hidden else []))
        got = arrays.load(out)
        mask = expected.get("attention_mask")
        for name, array in expected.items():
            if array.dtype != np.float32:
                continue
            if name not in got:
                failures.append(f"{prefix}{name}: not among the outputs {sorted(got)}")
                continue
            error = arrays.worst(got[name], array, mask)
            print(f"{prefix}{name}: {error:.2e}")
            if not error <= bound:
                failures.append(f"{prefix}{name}: off by {error:.2e} of the largest, bound {bound}")

    # Greedy ids hang on the order of the two largest logits, so they are compared only
    # where the reference's margin is above what f32 may move, and not in bf16.
    if "greedy.prompt" in everything and info["greedy_min_margin"] > 1e-3 and "bf16" not in flags:
        prompt = ",".join(map(str, everything["greedy.prompt"][0]))
        expected = everything["greedy.output"][0].tolist()
        done = program.run("generate", model, "--prompt-ids", prompt, "-n", len(expected),
                   "--ids", "--ignore-eos")
        got = [int(i) for i in done.stdout.replace(",", " ").split()]
        if got != expected:
            failures.append(f"greedy: {got}, expected {expected}")

for failure in failures:
    print("FAILED", failure)
sys.exit(bool(failures))
