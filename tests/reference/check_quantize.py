"""Checks rows that kernels quantise in memory against NumPy, byte for byte.

    check_quantize.py --lathe-opt build/bin/lathe-opt [--cpu x86-64-v3]

Each kernel returns the numbers that it rounds too, so that the bytes expected are
those of exactly these numbers, whatever a norm before them lost.
"""

import argparse
import pathlib
import tempfile

import numpy as np

import operators as ref
from cases import Draw, Tensor, tokens
from run_kernel import Buffer, Kernels

SIZES = ((1, 1, 1), (7, 77, 77), (3, 96, 32), (5, 300, 300), (2, 32, 32), (4, 448, 32), (2, 64, 64))


def rows(k, quant=""):
    dims = '"tokens"' + (f" quant <{quant}>" if quant else "")
    return f"tensor<?x{k}xf32, #lathe.dims<{dims}>>"


def kernel_text(name, k, group, what):
    """A kernel that rounds `what`: its argument, a sum, or a norm."""
    plain = rows(k)
    stored = rows(k, f"quantum = si8, group = {group}, scale = f32")
    lines = {
        "plain": f"%y = arith.addf %x, %z : {plain}\n  %q = lathe.quantize %x",
        "sum": f"%y = arith.addf %x, %z : {plain}\n  %q = lathe.quantize %y",
        "norm": f"%y = lathe.rms_norm %x, %w eps 1.0e-6 : {plain}, tensor<{k}xf32>\n"
                "  %q = lathe.quantize %y",
        "only": f"%y = lathe.layer_norm %x, %w, %w eps 1.0e-6 : {plain}, tensor<{k}xf32>\n"
                "  %q = lathe.quantize %y",
    }[what]
    results = ("%q", stored) if what == "only" else ("%y, %q", f"{plain}, {stored}")
    return (f"func.func private @{name}(%x: {plain}, %z: {plain}, %w: tensor<{k}xf32>)"
            f' -> ({results[1]}) attributes {{lathe.kernel, lathe.symbols = ["tokens"]}} {{\n'
            f"  {lines} to <quantum = si8, group = {group}, scale = f32> : {plain} -> {stored}\n"
            f"  return {results[0]} : {results[1]}\n}}\n")


def check(kernels, name, t, k, group, what):
    """What is wrong with the kernel."""
    draw = Draw(name)
    x, z, w = (draw.normal(Tensor("f32", shape)) for shape in ((t, k), (t, k), (k,)))
    if t > 2 and what in ("plain", "sum"):
        x[1] = z[1] = 0.0
        x[2, -1] = np.inf
    buffers = [Buffer(np.asarray(array, np.float32)) for array in (x, z, w)]
    size = ref.quantized_rows(*ref.quantize(np.zeros((t, k)), group)).shape
    numbers, stored = Buffer(np.zeros((t, k), np.float32)), Buffer(np.full(size, 0xC3, np.uint8))
    outputs = [stored] if what == "only" else [numbers, stored]
    seen = []
    for parts in (1, 3):
        kernels.call(name, buffers + outputs, [t], parts)
        seen.append(stored.array.tobytes())
    faults = [] if seen[0] == seen[1] else ["gives other bytes in three ranges of tiles"]
    if not all(buffer.is_guard_intact() for buffer in buffers + outputs):
        faults.append("wrote past the end of a buffer")
    if what == "only":
        # The norm is not to be seen: a quantum may be one off where it rounds.
        return faults + near(stored.array, ref.layer_norm(x, w, w, 1e-6), k, group)
    source = buffers[0].array if what == "plain" else numbers.array
    # The group that overflowed, and what its row has of sums, is looked at by itself.
    whole = np.isfinite(source).all(axis=1)
    expected = ref.quantized_rows(*ref.quantize(np.where(np.isfinite(source), source, 0), group))
    # Behind the sums a row holds nothing.
    end = -(-k // 64) * 64 + 4 * (k // group) + (k // 8 if group == 32 else 4 * (k // group))
    if not np.array_equal(stored.array[whole, :end], expected[whole, :end]):
        faults.append("stores other bytes than the formula gives")
    scales = scales_of(stored.array, k, group)
    bad = ~np.isfinite(source.reshape(t, -1, group)).all(axis=2)
    if not np.array_equal(np.isnan(scales), bad):
        faults.append("has NaN as scale elsewhere than in groups with an infinity")
    return faults


def scales_of(stored, k, group):
    offset = -(-k // 64) * 64
    return np.ascontiguousarray(stored[:, offset : offset + 4 * (k // group)]).view(np.float32)


def near(stored, exact, k, group):
    quanta, scale = stored[:, :k].view(np.int8), scales_of(stored, k, group)
    error = np.abs(ref.dequantize(quanta, scale) - exact)
    # Half a step, and what the norm itself may be off.
    allowed = 0.501 * np.repeat(scale, group, axis=1) + 1e-6 * np.abs(exact).max()
    return [] if (error <= allowed).all() else ["is more than half a step off"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="")
    parser.add_argument("--lower", default="--lathe-lower-rows")
    parser.add_argument("--cpu", default="x86-64-v3")
    options = parser.parse_args()
    todo = [(f"quantize_{what}_{t}x{k}_{group}", t, k, group, what)
            for t, k, group in SIZES for what in ("plain", "sum", "norm", "only")]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(kernel_text(name, k, group, what) for name, _, k, group, what in todo)
        kernels = Kernels(text, options.lower, pathlib.Path(folder), options.lathe_opt,
                          options.tools, options.cpu)
        for case in todo:
            faults = check(kernels, *case)
            failed += bool(faults)
            for fault in faults:
                print(f"{case[0]}: {fault}")
    print(f"{len(todo) - failed} passed, {failed} failed")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
