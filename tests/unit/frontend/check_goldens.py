"""Compares imported modules, run in NumPy, with the reference's outputs.

    check_goldens.py LATHE_IMPORT_TEST DIRECTORY...

This checks the frontend alone: no pass and no kernel of ours takes part. The
goldens are f32, the modules run in float64, so they differ by the reference's
own rounding: some units of 2^-24 for each of about ten sums a layer. 1e-5 of
the largest output is far above that and far below any mistake.
"""

import json
import pathlib
import sys

import numpy as np

from module import Module, load_tensors

TOLERANCE = 1e-5
# Argmax generation is comparable where the best token leads by this much.
MARGIN = 1e-3


def error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


def flatten(mask):
    """positions and sequences of the tokens that a (B, T) mask keeps."""
    lengths = mask.sum(axis=1)
    positions = np.concatenate([np.arange(length) for length in lengths])
    return positions, np.repeat(np.arange(len(lengths)), lengths)


def check_batch(module, golden):
    mask = golden["batch.attention_mask"].astype(bool)
    tokens = golden["batch.input_ids"][mask]
    positions, sequences = flatten(mask)
    types = golden.get("batch.token_type_ids", np.zeros_like(mask, int))[mask]
    outputs = module.run(
        "forward_hidden",
        tokens=tokens,
        positions=positions,
        sequences=sequences,
        token_types=types,
    )
    for name, actual in outputs.items():
        if (expected := golden.get("batch." + name)) is not None:
            rows = expected[mask] if expected.ndim == 3 else expected
            yield "batch." + name, error(actual, rows)


def check_single(module, golden):
    tokens = golden["single.input_ids"][0]
    outputs = module.run(
        "forward_hidden",
        tokens=tokens,
        positions=np.arange(len(tokens)),
        sequences=np.zeros(len(tokens), int),
    )
    for name, actual in outputs.items():
        yield "single." + name, error(actual, golden["single." + name][0])


def generate(module, prompt, count):
    """Argmax tokens through the cache, in slot 1, whose pages are out of order."""
    page_table = np.array([[15, 14], [7, 3]])
    tokens, done, generated = list(prompt), 0, []
    while len(generated) < count:
        outputs = module.run(
            "step_greedy",
            tokens=np.array(tokens),
            positions=np.arange(done, done + len(tokens)),
            sequences=np.ones(len(tokens), int),
            rows=np.array([len(tokens) - 1]),
            page_table=page_table,
        )
        done += len(tokens)
        tokens = [int(outputs["next"][0])]
        generated += tokens
    return generated


def check(tool, directory):
    """Failures of one golden directory, as text."""
    info = json.loads((directory / "golden.json").read_text())
    module = Module(tool, directory, info.get("context"))
    golden = load_tensors(directory / "golden.safetensors")
    errors = list(check_batch(module, golden))
    if "single.input_ids" in golden:
        errors += check_single(module, golden)
    failures = [f"{name}: {e:.2g}" for name, e in errors if not e <= TOLERANCE]
    if len(errors) < 3:
        failures.append(f"only {len(errors)} outputs were compared")
    if info.get("greedy_min_margin", 0.0) > MARGIN:
        expected = golden["greedy.output"][0].tolist()
        actual = generate(module, golden["greedy.prompt"][0], len(expected))
        if actual != expected:
            failures.append(f"greedy: {actual}, expected {expected}")
    return failures


def main():
    failed = 0
    for directory in map(pathlib.Path, sys.argv[2:]):
        failures = check(sys.argv[1], directory)
        failed += bool(failures)
        print("FAIL" if failures else "PASS", directory.name, "; ".join(failures))
    return 1 if failed or len(sys.argv) < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
