"""Checks the f32 functions of passes/lowering/VectorMath.h over the floats.

    check_vector_math.py --lathe-opt build/bin/lathe-opt [--stride 997] [--cpu x86-64-v3]

Each function is run on every `stride`-th of the 2^32 floats, NaNs, infinities
and subnormals included, and compared with NumPy's float64. Errors are in units
of the last place of the exact result; below the normal numbers, in units of
the smallest subnormal. `--stride 1` takes all of them.
"""

import argparse
import math
import pathlib
import tempfile

import numpy as np

from run_kernel import Buffer, Kernels

COLUMNS = 4096
SMALLEST = 2.0**-126
TAIL_END = 2.0**-120


def gelu(x):
    # By erfc, which keeps its digits in the tail.
    return x / 2 * np.vectorize(math.erfc)(-x / math.sqrt(2))


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def gelu_tanh(x):
    return x * sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


# kind: exact function, units that a result may be off where x >= -1, and for
# x < -1 the factor of |argument of the exponential| units.
FUNCTIONS = {
    "tanh": (np.tanh, 2, 0),
    "gelu": (gelu, 6, 0),
    "silu": (lambda x: x * sigmoid(x), 4, 0),
    "quick_gelu": (lambda x: x * sigmoid(1.702 * x), 4, 2),
    "gelu_tanh": (gelu_tanh, 4, 4),
    "relu": (lambda x: np.maximum(x, 0), 0, 0),
}


def text():
    kind = f"tensor<?x{COLUMNS}xf32, #lathe.dims<\"tokens\">>"
    return "".join(
        f"func.func private @{name}(%x: {kind}) -> {kind} attributes {{lathe.kernel,"
        f" lathe.symbols = [\"tokens\"]}} {{\n  %r = lathe.activation {name} %x : {kind}\n"
        f"  return %r : {kind}\n}}\n" for name in FUNCTIONS)


def inputs(stride):
    """Blocks of floats: every `stride`-th bit pattern, positive and negative."""
    block = COLUMNS * 256
    for first in range(0, 1 << 32, stride * block):
        bits = np.arange(first, min(first + stride * block, 1 << 32), stride, dtype=np.uint64)
        bits = np.concatenate([bits, np.zeros(-len(bits) % COLUMNS, np.uint64)])
        yield bits.astype(np.uint32).view(np.float32).reshape(-1, COLUMNS)


def units(got, exact):
    """|got - exact| in units of the last place of the exact result."""
    exponent = np.floor(np.log2(np.maximum(np.abs(exact), SMALLEST)))
    return np.abs(got.astype(np.float64) - exact) / 2.0 ** (exponent - 23)


def check(kernels, name, stride):
    """The worst error in units, less what is allowed; and where it is."""
    exact_of, plain, tail = FUNCTIONS[name]
    worst, where, faults = 0.0, 0.0, 0
    for x in inputs(stride):
        source, result = Buffer(x), Buffer(np.empty_like(x))
        kernels.call(name, [source, result], [len(x)])
        with np.errstate(all="ignore"):
            wide = x.astype(np.float64)
            exact = exact_of(wide)
            exact = np.where(np.isneginf(wide) & (name not in ("tanh", "relu")), 0.0, exact)
            finite = np.isfinite(exact) & (np.abs(exact) < 3.4e38)
            error = np.where(finite, units(result.array, exact), 0.0)
        # The end of a negative tail may be 0: its like contributes nothing.
        error[(np.abs(exact) < TAIL_END) & (wide < -1)] = 0.0
        argument = np.minimum(np.abs(wide), 100) * (1 + 0.0356774 * 2 * np.minimum(wide**2, 1e4)
                                                    * (name == "gelu_tanh"))
        with np.errstate(all="ignore"):
            allowed = plain + np.where(wide < -1, tail * np.minimum(argument, 200), 0.0)
        excess = np.where(finite, error - allowed, -1.0)
        faults += int((excess > 0).sum())
        faults += int((np.isnan(x) != np.isnan(result.array)).sum())
        inner = np.where(wide >= -1, error, 0.0)
        if inner.max() > worst:
            worst, where = inner.max(), x.flat[inner.argmax()]
    return worst, where, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="")
    parser.add_argument("--cpu", default="x86-64-v3")
    parser.add_argument("--stride", type=int, default=4999)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        kernels = Kernels(text(), "--lathe-lower-rows", pathlib.Path(folder), options.lathe_opt,
                          options.tools, options.cpu)
        for name in FUNCTIONS:
            worst, where, faults = check(kernels, name, options.stride)
            failed += faults > 0
            print(f"{name}: {worst:.2f} units at {where:.9g}, {faults} faults")
    print(f"{len(FUNCTIONS) - failed} passed, {failed} failed")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
