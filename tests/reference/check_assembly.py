"""Checks the inner loops of contractions of a level, as assembly.

    check_assembly.py --compiler build/bin/lathe-compile-kernels --level x86-64-v3

Each kernel, for many rows and for few, must multiply by the instruction that its level has,
and the loops that do must leave the stack alone: a register tile that does not fit the
registers of a level shows there.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from check_linear import kernel_text

# By level: what multiplies f32, bf16 by bf16, bytes.
PRODUCTS = {
    "x86-64-v3": ("vfmadd", "vfmadd", "vpmadd"),
    "x86-64-v4": ("vfmadd", "vfmadd", "vpmadd"),
    "x86-64-v4-vnni-bf16": ("vfmadd", "vdpbf16ps", "vpdpbusd"),
    "x86-64-v4-amx": ("vfmadd", "tdpbf16ps", "vpdpbusd"),
    "aarch64": ("fmla", "fmla", "sdot"),
}
AMX_BYTES = "tdpbsud"

CASES = {
    "f32": dict(element="f32"),
    "bf16_stored": dict(element="bf16"),
    "bf16": dict(element="bf16", input="bf16"),
    "bytes": dict(element="q8_row", rows="row"),
    "q8_group": dict(element="q8_0", rows="32"),
    "q4_group": dict(element="q4_0", rows="32"),
    "q4_minimum": dict(element="q4_1", rows="32"),
    "q4_k": dict(element="q4_k", rows="32"),
    "q4_decoded": dict(element="q4_0"),
}
# What is left, as a share of a loop's lines; 0 where a kernel is not listed. Multiplying bytes
# by way of 16 bits (vpmaddwd) has two vectors for each of weights and activations, groups have a
# float beside each integer sum, and blocks of groups two more factors a column.
ALLOWED = {
    "x86-64-v3": {"bytes": 0.2, "q8_group": 0.35, "q4_group": 0.25, "q4_minimum": 0.2,
                  "q4_k": 0.21, "q4_decoded": 0.02},
    "x86-64-v4": {"q8_group": 0.32, "q4_group": 0.07, "q4_minimum": 0.07, "q4_k": 0.16},
    "x86-64-v4-vnni-bf16": {"q4_k": 0.02},
    "x86-64-v4-amx": {"q4_k": 0.02},
    "aarch64": {"q4_group": 0.02, "q4_minimum": 0.02, "q4_k": 0.07},
}
K, N = 2048, 4096


def text_of(name, case, few):
    text = kernel_text(name, {**case, "K": K, "N": N})
    if case.get("input"):
        plain = f'tensor<?x{K}xf32, #lathe.dims<"tokens">>'
        text = text.replace(plain, plain.replace("xf32", f"x{case['input']}"))
    limit = "lathe.kernel, lathe.row_limit = 16 : i64,"
    return text.replace("lathe.kernel,", limit) if few else text


def inner_loops(assembly):
    """The lines of each loop that has none inside."""
    lines = [line.split("#")[0].split("//")[0].strip() for line in assembly.splitlines()]
    labels = {line[:-1]: i for i, line in enumerate(lines) if re.match(r"\.L\w+:$", line)}
    loops = []
    for i, line in enumerate(lines):
        jump = re.match(r"(?:j\w+|b(?:\.\w+)?|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#?\d+,)\s+(\.L\w+)$", line)
        if jump and labels[jump[1]] <= i:
            loops.append((labels[jump[1]], i))
    inner = [(first, last) for first, last in loops
             if not any(first <= f and l <= last and (f, l) != (first, last) for f, l in loops)]
    return [lines[first : last + 1] for first, last in inner]


def faults_of(assembly, product, allowed):
    """What is wrong with a kernel whose inner loops have `product`."""
    loops = [loop for loop in inner_loops(assembly) if any(l.startswith(product) for l in loop)]
    if not loops:
        return [f"no inner loop has {product}"]
    faults = []
    for loop in loops:
        stack = [line for line in loop if re.search(r"\(%rsp|\[sp\b", line)]
        if len(stack) > allowed * len(loop):
            faults.append(f"{len(stack)} of {len(loop)} lines of a loop access the stack: {stack[0]}")
        if product.startswith("tdp"):
            faults += tile_faults(loop)
    return faults


def tile_faults(loop):
    """A step loads its rows and columns once each, and keeps its sums in tiles."""
    def count(name):
        return sum(line.startswith(name) for line in loop)

    products, loads = count("tdp"), count("tileload")
    # Two by two; or one of rows by two or four. LLVM may unroll short steps.
    shapes = [(4, 4), (2, 3), (4, 5)]
    if any(products * l == loads * p and products % p == 0 for p, l in shapes) and not count("tilestored"):
        return []
    return [f"a step of {products} products has {loads} loads of tiles"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--level", required=True)
    options = parser.parse_args()
    fma, pairs, bytes_ = PRODUCTS[options.level]
    kernels = {f"{name}_{'few' if few else 'many'}": (case, few)
               for name, case in CASES.items() for few in (False, True)}
    text = "".join(text_of(name, case, few) for name, (case, few) in kernels.items())
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / "kernels.mlir"
        source.write_text(f"module {{\n{text}}}\n")
        subprocess.run([options.compiler, source, folder / "kernels.so", options.level, "3",
                        folder / "dump"], check=True, stdout=subprocess.DEVNULL)
        for name, (case, few) in kernels.items():
            product = bytes_ if "rows" in case else pairs if "input" in case else fma
            if options.level == "x86-64-v4-amx" and name == "bytes_many":
                product = AMX_BYTES
            assembly = (folder / "dump" / options.level / f"{name}.s").read_text()
            allowed = ALLOWED[options.level].get(name.rsplit("_", 1)[0], 0)
            faults = faults_of(assembly, product, allowed)
            failed += bool(faults)
            for fault in faults:
                print(f"{name}: {fault}")
    print(f"{options.level}: {len(kernels) - failed} kernels right, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
