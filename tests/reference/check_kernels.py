"""Checks a lowering of lathe-opt against the NumPy reference of each op.

    check_kernels.py --lathe-opt build/bin/lathe-opt [--lower="--lathe-lower-to-loops"]
                     [--only REGEX] [--tolerance 1e-6] [--cpu x86-64-v3]

A result may differ from the reference by `tolerance` of the largest |element|,
plus one rounding to the result's type; what is quantised in memory, in no byte. Each kernel runs in one range of tiles
and in three, which must give the same bytes.
"""

import argparse
import pathlib
import re
import sys
import tempfile

import numpy as np

from cases import ROUNDING, all_cases, from_bits, to_bits
from run_kernel import Buffer, Kernels


def run(kernels, case, parts):
    """The results of one call, as stored, and the faults seen beside them."""
    buffers = []
    for index, (tensor, value) in enumerate(zip(case.operands, case.values)):
        stored = case.stored.get(index)
        buffers.append(Buffer(to_bits(value, tensor.element) if stored is None else stored))
    before = [buffer.array.copy() for buffer in buffers]
    outputs = []
    for index, tensor in enumerate(case.results):
        if index in case.tied:
            outputs.append(buffers[case.tied[index]])
            continue
        empty = to_bits(np.full(tensor.shape, -77), tensor.element)
        outputs.append(Buffer(empty))
        buffers.append(outputs[-1])

    kernels.call(case.name, buffers, list(case.symbols().values()), parts)
    faults = []
    if not all(buffer.is_guard_intact() for buffer in buffers):
        faults.append("wrote past the end of a buffer")
    for index, array in enumerate(before):
        same = array.tobytes() == buffers[index].array.tobytes()
        if index not in case.tied.values() and not same:
            faults.append(f"changed operand {index}")
    return [output.array for output in outputs], faults


def error_of(got, expected, tensor):
    """Largest difference, relative to the largest |expected|, past one rounding."""
    if tensor.element == "i32" or got.dtype == np.uint8:
        return 0.0 if np.array_equal(got, expected) else np.inf
    got = from_bits(got, tensor.element)
    finite = np.isfinite(expected)
    if not np.array_equal(got[~finite], expected[~finite]):
        return np.inf
    got, expected = got[finite], expected[finite]
    difference = np.abs(got - expected)
    difference -= np.abs(expected) * ROUNDING[tensor.element]
    worst = difference.max() / max(np.abs(expected).max(), 1e-30)
    return worst if np.isfinite(worst) else np.inf


def check(kernels, case, tolerance):
    """The case's worst error, and what is wrong with it."""
    results, faults = run(kernels, case, parts=1)
    again, _ = run(kernels, case, parts=3)
    if any(a.tobytes() != b.tobytes() for a, b in zip(results, again)):
        faults.append("gives other bytes in three ranges of tiles")
    worst = max(
        error_of(got, expected, tensor)
        for got, expected, tensor in zip(results, case.expected, case.results)
    )
    if not worst <= tolerance:
        faults.append(f"differs by {worst:.2e} of the largest element")
    return max(worst, 0.0), faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="", help="prefix of mlir-opt, mlir-translate, clang")
    parser.add_argument("--lower", default="--lathe-lower-to-loops", help="options of lathe-opt")
    parser.add_argument("--only", default="", help="cases whose name matches this")
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--cpu", default="x86-64-v3")
    parser.add_argument("--keep", help="folder for the text of each stage")
    options = parser.parse_args()

    cases = [case for case in all_cases() if re.search(options.only, case.name)]
    if not cases:
        raise SystemExit(f"no case matches {options.only}")
    with tempfile.TemporaryDirectory() as temporary:
        kernels = Kernels(
            "\n".join(case.text() for case in cases), options.lower,
            pathlib.Path(options.keep or temporary), options.lathe_opt, options.tools, options.cpu,
        )
        failed, worst = 0, 0.0
        for case in cases:
            error, faults = check(kernels, case, options.tolerance)
            worst = max(worst, error)
            failed += bool(faults)
            for fault in faults:
                print(f"{case.name}: {fault}")
    print(f"{len(cases) - failed} passed, {failed} failed, largest error {worst:.2e}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
