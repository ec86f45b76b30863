"""Decoding from a cache of each --cache-type: near `forward`, and in as many bytes as it says.

    cache.py BUILD_DIRECTORY CASE_DIRECTORY...

The bound is 1e-6 of the largest |logit| for f32, whose bits are those of `forward`, and 1e-2
for bf16, which rounds each key and value by 2^-9 of itself: --dtype bf16, which rounds the
inputs and weights of all layers, is held to twice that. q8 rounds each by 1 / 254 of the
largest of its head, four times a bf16's, and is held to 2e-2. So is the slow twin.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import library
from program import Program, check

BOUNDS = {"f32": 1e-6, "bf16": 1e-2, "q8": 2e-2}
LENGTH = 60


def logits(model, ids, size):
    """Of `forward`, and of steps of `size` tokens."""
    places, zeros = np.arange(len(ids)), np.zeros(len(ids))
    context = library.Context(model, threads=2)
    together = context.call("forward", {"tokens": ids, "positions": places, "sequences": zeros})
    rows = []
    for first in range(0, len(ids), size):
        pick = slice(first, min(first + size, len(ids)))
        rows += context.call("step", {
            "tokens": ids[pick], "positions": places[pick], "sequences": zeros[pick],
            "rows": np.arange(len(ids[pick])),
            "page_table": [np.arange(context.symbol("slot_pages"))]}).values()
    return together["logits"], np.concatenate(rows), context.state_bytes()


def check_order(name, model, ids):
    """All tokens in one call, in order and in none, give each token the same bits."""
    results = []
    for order in (np.arange(len(ids)), np.random.default_rng(7).permutation(len(ids)),
                  np.arange(len(ids))[::-1]):
        context = library.Context(model, threads=2)
        found, = context.call("step", {
            "tokens": ids[order], "positions": order, "sequences": np.zeros(len(ids)),
            "rows": np.arange(len(ids)),
            "page_table": [np.arange(context.symbol("slot_pages"))]}).values()
        inverse = np.argsort(order)
        results.append(found[inverse].tobytes())
    check(results[0] == results[1] == results[2], f"{name}: the order of tokens changes bits")


def moved(program, path):
    """Bytes of the cache that a step reads and writes, of 3 tokens after 40."""
    found = json.loads(program.run("inspect", path, "--launches", "--json", "--entry", "step",
                                   "--set", "tokens=3,rows=1", "--past", 40).stdout)
    entry, = found["launches"]
    check(entry["not_counted"] == 0, f"{path}: launches without costs")
    return sum(o["bytes_read"] + o["bytes_written"] for c in entry["commands"]
               for o in c["operands"] if o["memory"] == "state")


def main():
    program = Program(sys.argv[1])
    loaded = library.load(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "m.lathe"
        for case in map(pathlib.Path, sys.argv[2:]):
            config = json.loads((case / "config.json").read_text())
            ids = np.random.default_rng(5).integers(3, config["vocab_size"], LENGTH)
            sizes, traffic = {}, {}
            for kind, bound in BOUNDS.items():
                for level in ("-O3", "-O0"):
                    program.run("compile", case, "-o", path, level, "--cache-type", kind)
                    for size in (1, 7, LENGTH):
                        expected, got, sizes[kind] = logits(library.Model(loaded, path), ids, size)
                        error = np.abs(got - expected).max() / np.abs(expected).max()
                        print(f"{case.name} {kind} {level}, steps of {size}: {error:.1e}")
                        check(error <= bound, f"{case.name} {kind} {level}: off by {error:.2e}")
                    check_order(f"{case.name} {kind} {level}", library.Model(loaded, path), ids)
                traffic[kind] = moved(program, path)
            # Bytes of a key of each head: q8 has a scale of 4 behind it.
            head = config.get("head_dim") or (
                config.get("hidden_size", config.get("n_embd"))
                // config.get("num_attention_heads", config.get("n_head")))
            for kind, bytes_of_head in {"bf16": 2 * head, "q8": head + 4}.items():
                for what, found in {"has": sizes, "moves": traffic}.items():
                    check(found[kind] * 4 * head == found["f32"] * bytes_of_head,
                          f"{case.name} {kind}: a cache {what} {found[kind]} bytes, f32 {found['f32']}")
        program.run("import", case, "-o", path.with_suffix(".mlir"))
        done = program.run("compile", path.with_suffix(".mlir"), "-o", path, "--cache-type", "bf16")
        check("--cache-type changes nothing" in done.stderr, f"a module: {done.stderr!r}")


if __name__ == "__main__":
    main()
