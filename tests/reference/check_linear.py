"""Checks images of linear layers against float64, and their bits against each
other.

    check_linear.py --compiler build/bin/lathe-compile-kernels --level x86-64-v3
                    [--emulator "qemu-aarch64 run-image"]

A row must have the same bytes whatever the number of rows, and however a launch
is cut into ranges of tiles (docs/design.md, decision 6). Maxima of panels must be
exactly those of the rows, of which some numbers are NaN and some are equal.
"""

import argparse
import pathlib
import sys
import tempfile
from math import ceil, erf, sqrt

import numpy as np

import operators
from run_image import Image
from run_kernel import Buffer

PANEL = 32
FUNCTIONS = {
    "gelu": lambda x: x / 2 * (1 + np.vectorize(erf)(x / sqrt(2))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "quick_gelu": lambda x: x / (1 + np.exp(-1.702 * x)),
}


# What /proc/cpuinfo must list for a level, beyond the levels before it.
NEEDS = {
    "x86-64-v3": {"avx2", "bmi2", "f16c", "fma", "movbe"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v4-vnni-bf16": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
                            "avx512_bf16"},
}
SKIPPED = 77


def runs_here(level):
    cpu = pathlib.Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    return level in NEEDS and NEEDS[level] <= flags


def cases(is_short):
    """Depth K, columns N, and what is done before and behind."""
    if is_short:
        yield dict(K=77, N=97, bias=True, activation="gelu", residual=True)
        yield dict(K=33, N=14, gate="silu", element="bf16")
        yield dict(K=97, N=33, element="f16", chunk=16)
        yield dict(K=256, N=33, element="q5_k")
        yield dict(K=96, N=14, element="q8_0", gate="silu")
        yield dict(K=77, N=97, element="q8_row", bias=True)
        yield dict(K=77, N=33, element="q8_row", rows="row")
        yield dict(K=96, N=33, element="q4_0", rows="32", bias=True, residual=True)
        yield dict(K=256, N=14, element="q6_k", rows="32", gate="silu")
        yield dict(K=77, N=97, bias=True, softcap=30.0, maxima=True)
        yield dict(K=96, N=64, element="q4_0", rows="32", maxima=True)
        return
    elements = ("f32", "bf16", "f16")
    for K in (1, 7, 77, 97, 64):
        for N in (1, 7, 33, 77, 97, 160):
            element = elements[(K + N) % 3]
            yield dict(K=K, N=N, element=element, bias=N % 2 == 1, residual=K % 2 == 1)
    for kind in FUNCTIONS:
        yield dict(K=77, N=97, activation=kind, bias=True)
    # Halves of a gate at every offset from a panel and from a vector.
    for N in (2, 14, 64, 96, 344, 154, 194, 1376):
        yield dict(K=77, N=N, gate="silu", bias=N == 96, residual=N == 154,
                   element="bf16" if N == 194 else "f32")
    for i, K in enumerate((1, 7, 32, 77, 97, 264, 300)):
        yield dict(K=K, N=(7, 97, 64)[i % 3], element="q8_row", bias=i % 2 == 0)
        yield dict(K=K, N=(97, 64, 7)[i % 3], element="q8_row", rows="row", bias=i % 2 == 1)
        yield dict(K=K, N=(14, 64, 154)[i % 3], element="q8_row", gate="silu",
                   **({"rows": "row"} if i % 2 else {}))
    for i, element in enumerate(QUANTS):
        if element == "q8_row":
            continue
        depth = QUANTS[element][5] or QUANTS[element][1]
        for K, N in ((depth, 7), (3 * depth, 97), (512, 64)):
            yield dict(K=K, N=N, element=element, rows="32", bias=i % 2 == 0, residual=N == 97)
        yield dict(K=288 if depth == 32 else 512, N=(2, 14, 64, 154)[i % 4], element=element,
                   rows="32", gate="silu")
        for K, N in ((depth, 7), (3 * depth, 97), (512, 64)):
            yield dict(K=K, N=N, element=element, bias=i % 2 == 0, residual=N == 97)
        yield dict(K=288 if depth == 32 else 512, N=(2, 14, 64, 154)[i % 4], element=element,
                   gate="silu")
    yield dict(K=77, N=97, chunk=16, bias=True)
    yield dict(K=77, N=97, chunk=32, element="bf16")
    yield dict(K=97, N=64, softcap=30.0)
    for i, N in enumerate((1, 33, 64, 77, 97, 160)):
        yield dict(K=77, N=N, element=elements[i % 3], bias=i % 2 == 0, maxima=True)
        yield dict(K=96, N=N, element="q4_0", maxima=True, **({"rows": "32"} if i % 2 else {}))
        yield dict(K=77, N=N, element="q8_row", rows="row", softcap=1.0, maxima=True)
    yield dict(K=77, N=194, gate="silu", maxima=True)
    yield dict(K=77, N=97, before="silu")
    yield dict(K=64, N=64, before="relu", element="f16")


# #lathe.quant of GGUF's types, and of a scale a row (group 0): quantum, group, scale,
# zero, minimum, block.
QUANTS = {
    "q8_row": ("si8", 0, "f32", 0, False, 0),
    "q4_0": ("ui4", 32, "f16", 8, False, 0), "q4_1": ("ui4", 32, "f16", 0, True, 0),
    "q5_0": ("ui5", 32, "f16", 16, False, 0), "q5_1": ("ui5", 32, "f16", 0, True, 0),
    "q8_0": ("si8", 32, "f16", 0, False, 0), "q4_k": ("ui4", 32, "ui6", 0, True, 256),
    "q5_k": ("ui5", 32, "ui6", 0, True, 256), "q6_k": ("ui6", 16, "si8", 32, False, 256),
}


def packed_type(N, K, element):
    if element not in QUANTS:
        depth = 1 if element == "f32" else 2
        return f"tensor<{N}x{K}x{element}, #lathe.packed<columns = {PANEL}, depth = {depth}>>"
    quantum, group, scale, zero, minimum, block = QUANTS[element]
    quant = f"quantum = {quantum}, group = {group or K}, scale = {scale}"
    quant += f", minimum = {scale}" if minimum else ""
    quant += f", zero = {zero}" if zero else ""
    quant += f", block = {block}" if block else ""
    return (f"tensor<{N}x{K}xf32, #lathe.packed<columns = {PANEL}, depth = 8, "
            f"quant = <{quant}>>>")


def store_quantised(N, K, element, random):
    """The packed bytes of random numbers (dialects/lathe/PackedQuant.h), and the numbers."""
    if element == "q8_row":
        return store_bytes(N, K, random)
    quantum, group, scale, zero, minimum, block = QUANTS[element]
    bits, terms = int(quantum[2:]), block or group
    zero = 128 if quantum == "si8" else zero
    rows, blocks, groups = ceil(N / PANEL) * PANEL, K // terms, terms // group
    q = random.integers(0, 1 << bits, (rows, blocks, groups, group), dtype=np.uint32)
    d = random.uniform(0.01, 0.1, (rows, blocks)).astype(np.float16)
    e = random.uniform(-0.5, 0.5, (rows, blocks)).astype(np.float16)
    low, high = (0, 64) if minimum else (-128, 128)
    t = random.integers(low, high, (rows, blocks, groups)) if block else np.ones((1, 1, 1), int)
    u = random.integers(0, 64, (rows, blocks, groups))
    scale = d.astype(np.float32)[:, :, None] * t.astype(np.float32)
    offset = scale * np.float32(-zero)
    if minimum:
        offset = -e.astype(np.float32)[:, :, None] * (u.astype(np.float32) if block else 1)
    # One rounding, as an fma has: both products are exact.
    numbers = (q.astype(np.float64) * scale[..., None] + offset[..., None]).astype(np.float32)

    def columns_last(array):
        """(panels, blocks, ..., columns) of (rows, blocks, ...)."""
        return np.moveaxis(array.reshape(rows // PANEL, PANEL, *array.shape[1:]), 1, -1)

    def bytes_of(array, type):
        array = np.ascontiguousarray(columns_last(array).astype(type))
        return array.reshape(rows // PANEL, blocks, -1).view(np.uint8)

    parts = [bytes_of(d, np.float16)] + ([bytes_of(e, np.float16)] if minimum else [])
    if block:
        parts += [bytes_of(t, np.int8)] + ([bytes_of(u, np.int8)] if minimum else [])
    octets = q.reshape(rows, blocks, groups, group // 8, 2, 4)
    shifts = np.arange(4, dtype=np.uint32) * 8
    for g in range(groups):
        eight = octets[:, :, g]
        if bits == 8:
            words = (eight << shifts).sum(-1, dtype=np.uint32).reshape(rows, blocks, -1)
            parts.append(bytes_of(words, np.uint32))
            continue
        low_bits = (eight & 15) << np.array([[0], [4]], np.uint32)
        words = (low_bits << shifts).sum((-1, -2), dtype=np.uint32)
        parts.append(bytes_of(words, np.uint32))
        if bits > 4:
            # Terms i, 4 + i, 8 + i ... from the low bit of byte i on.
            per_word = 32 // (bits - 4)
            extra = (eight >> 4).reshape(rows, blocks, group // per_word, per_word // 4, 4)
            place = np.arange(per_word // 4, dtype=np.uint32)[:, None] * (bits - 4) + shifts
            parts.append(bytes_of((extra << place).sum((-1, -2), dtype=np.uint32), np.uint32))
    packed = np.ascontiguousarray(np.concatenate(parts, axis=2))
    return packed, numbers.reshape(rows, K)[:N].astype(np.float64)


def store_bytes(N, K, random):
    """The same for signed bytes with a scale a row."""
    rows, octets = ceil(N / PANEL) * PANEL, ceil(K / 8)
    q = random.integers(-127, 128, (rows, K))
    d = random.uniform(0.0005, 0.005, rows).astype(np.float32)
    codes = np.zeros((rows, octets * 8), np.uint32)
    codes[:, :K] = q + 128
    words = (codes.reshape(rows, -1, 4) << (np.arange(4, dtype=np.uint32) * 8)).sum(
        -1, dtype=np.uint32)
    panels = words.reshape(-1, PANEL, octets * 2).transpose(0, 2, 1)
    packed = np.concatenate([d.reshape(-1, 1, PANEL).view(np.uint32), panels], axis=1)
    numbers = (d[:, None] * q.astype(np.float32)).astype(np.float64)
    return np.ascontiguousarray(packed).view(np.uint8), numbers[:N]


def input_type(case):
    """The rows that a kernel takes: plain, or quantised by groups of 32 or whole."""
    K = case["K"]
    if "rows" not in case:
        return f'tensor<?x{K}xf32, #lathe.dims<"tokens">>'
    group = K if case["rows"] == "row" else 32
    return (f'tensor<?x{K}xf32, #lathe.dims<"tokens" quant <quantum = si8, group = {group}, '
            "scale = f32>>>")


def kernel_text(name, case, maxima=False, few=False):
    """The kernel function of a case; with `maxima` it gives those of panels, and
    with `few` it is one for few rows."""
    def rows(columns, element="f32"):
        return f'tensor<?x{columns}x{element}, #lathe.dims<"tokens">>'

    K, N, element = case["K"], case["N"], case.get("element", "f32")
    columns = N // 2 if case.get("gate") else N
    weight = packed_type(N, K, element)
    arguments, lines, value = [f"%x: {input_type(case)}", f"%w: {weight}"], [], "%x"

    def add(line):
        nonlocal value
        value = f"%{len(lines)}"
        lines.append(f"{value} = {line}")

    if "before" in case:
        add(f"lathe.activation {case['before']} {value} : {rows(K)}")
    bias = reduce = ""
    if case.get("bias"):
        arguments.append(f"%b: tensor<{N}xf32>")
        bias = f"bias %b : tensor<{N}xf32>"
    if "chunk" in case:
        reduce = f"reduce <chunk = {case['chunk']}>"
    add(f"lathe.linear {value}, %w {bias} {reduce} : {input_type(case)}, {weight} -> {rows(N)}")
    if "activation" in case:
        add(f"lathe.activation {case['activation']} {value} : {rows(N)}")
    if case.get("gate"):
        add(f"lathe.gated_activation {case['gate']} {value} : {rows(N)} -> {rows(columns)}")
    if "softcap" in case:
        add(f"lathe.softcap {value} cap {case['softcap']:e} : {rows(columns)}")
    if case.get("residual"):
        arguments.append(f"%r: {rows(columns)}")
        add(f"arith.addf {value}, %r : {rows(columns)}")
    results = rows(columns)
    if maxima:
        results = f"{rows(ceil(columns / PANEL))}, {rows(ceil(columns / PANEL), 'i32')}"
        lines.append(f"%v, %p = lathe.panel_argmax {value} : {rows(columns)} -> {results}")
        value = "%v, %p"
    body = "\n".join(f"    {line}" for line in lines)
    limit = "lathe.row_limit = 16 : i64, " if few else ""
    return (f"  func.func private @{name}({', '.join(arguments)}) -> ({results}) "
            f'attributes {{lathe.kernel, {limit}lathe.symbols = ["tokens"]}} {{\n{body}\n'
            f"    return {value} : {results}\n  }}\n")


def store(weight, element):
    """The packed bytes of a weight, and the numbers that they hold."""
    N, K = weight.shape
    bits = weight.astype(np.float32)
    if element == "f16":
        bits = weight.astype(np.float16)
    if element == "bf16":
        words = bits.view(np.uint32)
        bits = ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype(np.uint16)
    depth = 1 if element == "f32" else 2
    full = np.zeros((ceil(N / PANEL) * PANEL, ceil(K / depth) * depth), bits.dtype)
    full[:N, :K] = bits
    packed = full.reshape(-1, PANEL, full.shape[1] // depth, depth).transpose(0, 2, 1, 3)
    if element == "bf16":
        bits = (bits.astype(np.uint32) << 16).view(np.float32)
    return np.ascontiguousarray(packed), bits.astype(np.float64)


def expected(case, x, weight, bias, residual):
    x = FUNCTIONS[case["before"]](x) if "before" in case else x
    y = x @ weight.T
    if case.get("bias"):
        y = y + bias
    if "activation" in case:
        y = FUNCTIONS[case["activation"]](y)
    if case.get("gate"):
        half = y.shape[1] // 2
        y = FUNCTIONS[case["gate"]](y[:, :half]) * y[:, half:]
    if "softcap" in case:
        y = case["softcap"] * np.tanh(y / case["softcap"])
    return y + residual if case.get("residual") else y


class Operands:
    """What a case is computed from, for up to `count` rows."""

    def __init__(self, case, random, count):
        K, N = case["K"], case["N"]
        self.columns = N // 2 if case.get("gate") else N
        if case.get("element") in QUANTS:
            self.packed, self.weight = store_quantised(N, K, case["element"], random)
        else:
            self.packed, self.weight = store(random.standard_normal((N, K)),
                                             case.get("element", "f32"))
        self.bias = random.standard_normal(N).astype(np.float32) if case.get("bias") else None
        self.inputs = self.stored = random.standard_normal((count, K)).astype(np.float32)
        if "rows" in case:
            quanta, scale = operators.quantize(self.inputs, K if case["rows"] == "row" else 32)
            self.inputs = operators.dequantize(quanta, scale).astype(np.float32)
            self.stored = operators.quantized_rows(quanta, scale)
        self.residuals = None
        if case.get("residual"):
            self.residuals = random.standard_normal((count, self.columns)).astype(np.float32)

    def arrays(self, rows):
        """The operands of a call of so many rows."""
        arrays = [self.stored[:rows], self.packed]
        arrays += [] if self.bias is None else [self.bias]
        return arrays + ([] if self.residuals is None else [self.residuals[:rows]])


def check(image, name, case, random, row_counts):
    """What is wrong with the kernel of a case."""
    operands = Operands(case, random, max(row_counts))
    inputs, weight = operands.inputs, operands.weight
    reference = expected(case, inputs.astype(np.float64), weight, operands.bias,
                         operands.residuals)
    # Each sum of K products is off by at most K / 2 roundings of the sum of
    # their sizes, and less than that in the mean; activations have slopes of
    # about one, and a gate multiplies two such sums.
    bound = 2.0**-24 * max(case["K"], 8)
    bound *= max(1.0, (np.abs(inputs) @ np.abs(weight).T).max())
    bound *= np.abs(reference).max() ** 0.5 if case.get("gate") else 1
    faults, seen = [], {}
    for rows in row_counts:
        empty = np.full((rows, operands.columns), 7, np.float32)
        result, intact = image.call(name, [*operands.arrays(rows), empty], [rows],
                                    parts=1 + rows % 3)
        error = np.abs(result - reference[:rows]).max()
        if not error <= bound:
            faults.append(f"{rows} rows: off by {error:.2e}, allowed {bound:.2e}")
        if not intact:
            faults.append(f"{rows} rows: wrote past a buffer")
        if any(seen.setdefault(row, result[row].tobytes()) != result[row].tobytes()
               for row in range(rows)):
            faults.append(f"{rows} rows: other bytes than with fewer rows")
    return faults


def check_maxima(image, name, case, random, row_counts):
    """What is wrong with the kernels of a case that give maxima: they are exactly
    those of the rows that the kernel without them gives."""
    operands = Operands(case, random, max(row_counts))
    if case.get("bias"):
        operands.bias[::5] = np.nan
        operands.bias[2::7] = -np.inf
        operands.bias[:32] = np.nan if case["N"] > 64 else operands.bias[:32]
    faults = []
    for rows in row_counts:
        arrays = operands.arrays(rows)
        empty = np.full((rows, operands.columns), 7, np.float32)
        row_values, _ = image.call(f"{name}_rows", [*arrays, empty], [rows])
        maxima = operators.panel_argmax(row_values)
        for kernel in (name, f"{name}_few")[: 1 + (rows <= 16)]:
            buffers = [Buffer(array) for array in arrays]
            results = [Buffer(np.full(maxima[0].shape, 7, kind)) for kind in ("f4", "i4")]
            intact = image.call_in_place(kernel, buffers + results, [rows], parts=1 + rows % 3)
            if any(not np.array_equal(result.array, value)
                   for result, value in zip(results, maxima)):
                faults.append(f"{kernel}: {rows} rows: other maxima than of the rows")
            if not intact or not all(b.is_guard_intact() for b in buffers + results):
                faults.append(f"{kernel}: {rows} rows: wrote past a buffer")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--level", required=True)
    parser.add_argument("--emulator", default="")
    options = parser.parse_args()
    if not options.emulator and not runs_here(options.level):
        print(f"{options.level}: this machine does not run it")
        return SKIPPED
    todo = list(cases(is_short=bool(options.emulator)))
    text = ""
    for i, case in enumerate(todo):
        maxima = case.get("maxima", False)
        text += kernel_text(f"k{i}", case, maxima=maxima)
        if maxima:
            text += kernel_text(f"k{i}_few", case, maxima=True, few=True)
            text += kernel_text(f"k{i}_rows", case)
    row_counts = (1, 7, 20) if options.emulator else (1, 2, 3, 5, 7, 8, 9, 77, 97, 260)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        image = Image(f"module {{\n{text}}}\n", options.level, pathlib.Path(folder),
                      options.compiler, options.emulator.split())
        random = np.random.default_rng(1)
        for i, case in enumerate(todo):
            checker = check_maxima if case.get("maxima") else check
            faults = checker(image, f"k{i}", case, random, row_counts)
            failed += bool(faults)
            for fault in faults:
                print(f"{case}: {fault}")
    print(f"{options.level}: {len(todo) - failed} kernels right, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
