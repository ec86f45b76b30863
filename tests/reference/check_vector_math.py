"""Checks the f32 functions of passes/lowering/VectorMath.h over the floats.

    check_vector_math.py --lathe-opt build/bin/lathe-opt [--stride 997] [--cpu x86-64-v3]

Each function is run on every `stride`-th of the 2^32 floats, NaNs, infinities
and subnormals included, and compared with NumPy's float64; powf on pairs of all
exponents and of all special numbers, gelu `rounded` within what its op allows,
and the powers of 2 in attention. Errors are in units of the last place of
the exact result; below the normal numbers, in units of the smallest subnormal.
`--stride 1` takes all floats.
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


def erfc(x):
    return np.vectorize(math.erfc, otypes=[np.float64])(x)


def gelu(x):
    # By erfc, which keeps its digits in the tail.
    return x / 2 * erfc(-x / math.sqrt(2))


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def gelu_tanh(x):
    return x * sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


def angle(function):
    """NaN where passes/lowering/MathExpansion.h says so."""
    return lambda x: np.where(np.abs(x) <= 2.0**24, function(x), np.nan)


erf = np.vectorize(math.erf, otypes=[np.float64])

# name: op, exact function, units that a result may be off.
FUNCTIONS = {
    kind: (f"lathe.activation {kind} %x", exact, units)
    for kind, exact, units in (
        ("tanh", np.tanh, 2),
        ("gelu", gelu, 2),
        ("silu", lambda x: x * sigmoid(x), 2),
        ("quick_gelu", lambda x: x * sigmoid(1.702 * x), 2),
        ("gelu_tanh", gelu_tanh, 2),
        ("relu", lambda x: np.maximum(x, 0), 0),
    )
} | {
    "softcap": ("lathe.softcap %x cap 30.0", lambda x: 30 * np.tanh(x / 30), 4),
    "exp": ("math.exp %x", np.exp, 2),
    "log": ("math.log %x", np.log, 0.51),
    "erf": ("math.erf %x", erf, 0.51),
    "sin": ("math.sin %x", angle(np.sin), 0.51),
    "cos": ("math.cos %x", angle(np.cos), 0.51),
    "sqrt": ("math.sqrt %x", np.sqrt, 0.5),
    "rsqrt": ("math.rsqrt %x", lambda x: 1 / np.sqrt(x), 1.5),
    "absf": ("math.absf %x", np.abs, 0),
    "floor": ("math.floor %x", np.floor, 0),
    "ceil": ("math.ceil %x", np.ceil, 0),
    "trunc": ("math.trunc %x", np.trunc, 0),
    "roundeven": ("math.roundeven %x", np.rint, 0),
}
GATES = ("gelu", "silu", "quick_gelu", "gelu_tanh")  # 0 at -inf
POW_UNITS = 0.51
POWER_UNITS = 1  # of 2^t in attention


def text():
    kind = f"tensor<?x{COLUMNS}xf32, #lathe.dims<\"tokens\">>"
    head = "attributes {lathe.kernel, lathe.symbols = [\"tokens\"]}"
    one = "".join(
        f"func.func private @{name}(%x: {kind}) -> {kind} {head} {{\n  %r = {op} : {kind}\n"
        f"  return %r : {kind}\n}}\n" for name, (op, _, _) in FUNCTIONS.items())
    heads, index = (f"tensor<?x{size}#lathe.dims<\"tokens\">>" for size in ("1x1xf32, ", "i32, "))
    return one + (f"func.func private @rounded_gelu(%x: {kind}) -> {kind} {head} {{\n"
                  f"  %r = lathe.activation gelu %x rounded : {kind}\n  return %r : {kind}\n}}\n"
                  # A scale that is 1 as a power of 2.
                  f"func.func private @power(%q: {heads}, %k: {heads}, %v: {heads}, %s: {index}) -> {heads} {head} {{\n"
                  f"  %r = lathe.attention %q, %k, %v by %s scale 0.693147182 : {heads}, {heads}, {index}\n"
                  f"  return %r : {heads}\n}}\n"
                  f"func.func private @powf(%x: {kind}, %y: {kind}) -> {kind} {head} {{\n"
                  f"  %r = math.powf %x, %y : {kind}\n  return %r : {kind}\n}}\n")


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


def faults_of(x, got, exact, allowed):
    """The worst error in units, where it is, and how many are too large or not
    the special number that they should be."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded)
        error = np.where(finite, units(got, exact), 0.0)
    # A tail that small may be 0: its like contributes nothing.
    error[(np.abs(exact) < TAIL_END) & (x < -1) & (got == 0)] = 0.0
    special = np.where(np.isnan(exact), ~np.isnan(got), ~finite & (got != rounded))
    # The last numbers before infinity may be that.
    special &= ~(np.isinf(rounded) & (np.abs(got) > 3.4e38))
    return error, int((~(error <= allowed) | special).sum())


def check(kernels, name, stride):
    """The worst error in units, where it is, and the number of faults."""
    _, exact_of, allowed = FUNCTIONS[name]
    worst, where, faults = 0.0, 0.0, 0
    for x in inputs(stride):
        source, result = Buffer(x), Buffer(np.empty_like(x))
        kernels.call(name, [source, result], [len(x)])
        with np.errstate(all="ignore"):
            exact = exact_of(x.astype(np.float64))
        if name in GATES:
            exact = np.where(np.isneginf(x), 0.0, exact)
        # x / cap is rounded to a multiple of the smallest number.
        tiny = (np.abs(x) < TAIL_END) & (name == "softcap")
        error, wrong = faults_of(x, result.array, exact, np.where(tiny, 16, allowed))
        error[tiny] = 0
        faults += wrong
        if error.max() > worst:
            worst, where = error.max(), x.flat[error.argmax()]
    return worst, where, faults


def pairs():
    """Bases and exponents: all special pairs, then bases of every exponent with
    exponents that bring the power anywhere into the range of f32."""
    special = np.array([0.0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, np.inf, -np.inf,
                        np.nan, 1e-42, -1e-42, 3e38, -3e38, 16777217, 1e10], np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(special, special))
    random = np.random.default_rng(0)
    bits = random.integers(0, 0x7F800000, 64 * COLUMNS, dtype=np.uint32)
    base = bits.view(np.float32)
    with np.errstate(divide="ignore"):
        power = random.uniform(-104, 89, base.size) / np.log(base.astype(np.float64))
    exponent = power.astype(np.float32)
    whole = random.integers(-9, 9, base.size).astype(np.float32)
    x = np.concatenate([x, base, -base[:COLUMNS]])
    y = np.concatenate([y, exponent, whole[:COLUMNS]])
    padding = -x.size % COLUMNS
    return (np.pad(v, (0, padding)).reshape(-1, COLUMNS) for v in (x, y))


def check_pow(kernels):
    x, y = pairs()
    result = Buffer(np.empty_like(x))
    kernels.call("powf", [Buffer(x), Buffer(y), result], [len(x)])
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.float64), y.astype(np.float64))
    error, faults = faults_of(np.abs(x), result.array, exact, POW_UNITS)
    return error.max(), x.flat[error.argmax()], faults


def check_rounded_gelu(kernels, stride):
    """Errors here are shares of what is allowed: 2^-14, below 1 2^-11 of the result, and its rounding."""
    worst, where, faults = 0.0, 0.0, 0
    for x in inputs(stride):
        result = Buffer(np.empty_like(x))
        kernels.call("rounded_gelu", [Buffer(x), result], [len(x)])
        with np.errstate(all="ignore"):
            exact = np.where(np.isneginf(x), 0.0, gelu(x.astype(np.float64)))
            bound = np.where(np.abs(x) < 1, 2.0**-11 * np.abs(exact) + 2.0**-149, 2.0**-14 + 2.0**-23 * np.abs(exact))
            error = np.abs(result.array.astype(np.float64) - exact) / bound
        special = ~np.isfinite(exact)
        same = (result.array == exact) | (np.isnan(result.array) & np.isnan(exact))
        error = np.where(special, 0.0, error)
        faults += int((~(error <= 1) | (special & ~same)).sum())
        if error.max() > worst:
            worst, where = error.max(), x.flat[error.argmax()]
    return worst, where, faults


def check_power(kernels):
    """2^t of attention: of two keys with scores 0 and t the second has that weight, as 1 + 2^t is 1 here."""
    edges = np.array([-125, np.nextafter(np.float32(-125), 0), -25, -126, -1000, -3e38], np.float32)
    t = np.concatenate([edges, np.random.default_rng(0).uniform(-125, -25, 20000).astype(np.float32)])
    ones = np.ones((2 * len(t), 1, 1), np.float32)
    keys, values = np.zeros_like(ones), np.zeros_like(ones)
    keys[1::2, 0, 0], values[1::2] = t, 1
    result = Buffer(np.empty_like(ones))
    sequences = np.repeat(np.arange(len(t), dtype=np.int32), 2)
    kernels.call("power", [Buffer(ones), Buffer(keys), Buffer(values), Buffer(sequences), result], [len(ones)])
    got = result.array.reshape(-1, 2)
    exact = np.where(t < -125, 0.0, 2.0 ** np.maximum(t.astype(np.float64), -200))
    error = units(got[:, 0], exact)
    faults = (error > POWER_UNITS) | (got[:, 0] != got[:, 1]) | ((t < -125) & (got[:, 0] != 0))
    return error.max(), t[error.argmax()], int(faults.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="")
    parser.add_argument("--cpu", default="x86-64-v3")
    parser.add_argument("--stride", type=int, default=4999)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        kernels = Kernels(text(), "--lathe-lower-rows --lathe-lower-attention", pathlib.Path(folder), options.lathe_opt,
                          options.tools, options.cpu)
        others = {"powf": lambda: check_pow(kernels), "power": lambda: check_power(kernels),
                  "rounded_gelu": lambda: check_rounded_gelu(kernels, options.stride)}
        for name in [*FUNCTIONS, *others]:
            worst, where, faults = (others[name]() if name in others else check(kernels, name, options.stride))
            failed += faults > 0
            print(f"{name}: {worst:.2f} units at {where:.9g}, {faults} faults")
    print(f"{len(FUNCTIONS) + len(others) - failed} passed, {failed} failed")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
