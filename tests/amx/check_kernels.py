"""Kernels of the level x86-64-v4-amx, run with an emulator of tiles.

    check_kernels.py BUILD_DIRECTORY LIBLATHE_AMX

Sums of bytes must have the bits of the level without AMX. Sums of bf16 must have those of
the order that docs/design.md, 8.3, states, computed here in NumPy, whether by the kernel
of many rows or by that of few.
"""

import ctypes
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
import operators
from check_linear import FUNCTIONS, SKIPPED, kernel_text, runs_here, store, store_bytes
from run_image import Image

AMX, OTHER = "x86-64-v4-amx", "x86-64-v4-vnni-bf16"
# Both sides of a tile, of two, and of a block of the launch.
ROWS = (1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 97, 150)

BYTES = [
    dict(K=64, N=7, bias=True), dict(K=64, N=97), dict(K=192, N=33, bias=True, residual=True),
    dict(K=128, N=14, gate="silu"), dict(K=320, N=154, gate="silu"), dict(K=768, N=64),
    # Not whole steps: left to vectors.
    dict(K=77, N=97),
]
PAIRS = [
    dict(K=32, N=7, bias=True), dict(K=64, N=97), dict(K=96, N=33, bias=True),
    dict(K=64, N=14, gate="silu"), dict(K=160, N=154, gate="silu"), dict(K=96, N=1600),
    # More terms than a chunk that stays in the cache.
    dict(K=8224, N=33, counts=(1, 33)),
]


def to_bf16(array):
    """Rounded to bf16: its 16 bits, and the number as f32."""
    words = np.asarray(array, np.float32).view(np.uint32)
    bits = ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype(np.uint16)
    return bits, (bits.astype(np.uint32) << 16).view(np.float32)


def pair_sums(x, w):
    """(T, N) sums of (T, K) and (N, K) in the order of tdpbf16ps: a product of two bf16 is
    exact in f32, so an fma is a sum of f32."""
    sums = np.zeros((len(x), len(w)), np.float32)
    for step in range(0, x.shape[1], 32):
        chains = np.zeros((2, *sums.shape), np.float32)
        for term in range(step, step + 32):
            chains[term % 2] += np.outer(x[:, term], w[:, term])
        sums += chains[0] + chains[1]
    return sums


class Check:
    def __init__(self, library):
        self.library, self.faults = library, []

    def expect(self, got, expected, what):
        if got.tobytes() != expected.tobytes():
            worst = np.abs(got - expected).max()
            self.faults.append(f"{what}: other bits, off by {worst:.2e}")

    def run(self, image, name, arrays, rows):
        """The result of a kernel, and how many products of tiles it took."""
        before = self.library.amx_products()
        result, intact = image.call(name, arrays, [rows], parts=1 + rows % 3)
        if not intact:
            self.faults.append(f"{name}: {rows} rows: wrote past a buffer")
        if self.library.amx_is_configured():
            self.faults.append(f"{name}: leaves tiles with shapes")
        return result.copy(), self.library.amx_products() - before


def check_bytes(check, images, random):
    for i, case in enumerate(BYTES):
        K, N = case["K"], case["N"]
        columns = N // 2 if case.get("gate") else N
        packed, _ = store_bytes(N, K, random)
        bias = random.standard_normal(N).astype(np.float32)
        residual = random.standard_normal((max(ROWS), columns)).astype(np.float32)
        quanta, scale = operators.quantize(random.standard_normal((max(ROWS), K)), K)
        stored = operators.quantized_rows(quanta, scale)
        for rows in ROWS:
            arrays = [stored[:rows], packed] + ([bias] if case.get("bias") else [])
            arrays += [residual[:rows]] if case.get("residual") else []
            arrays.append(np.full((rows, columns), 7, np.float32))
            expected, none = check.run(images[OTHER], f"b{i}", arrays, rows)
            result, products = check.run(images[AMX], f"b{i}", arrays, rows)
            check.expect(result, expected, f"{case}: {rows} rows")
            if none != 0 or (products > 0) != (K % 64 == 0):
                check.faults.append(f"{case}: {products} products of tiles, {none} without AMX")


def pair_text(name, case, few):
    """A kernel of bf16 by bf16."""
    text = kernel_text(name, {**case, "element": "bf16"})
    plain = f'tensor<?x{case["K"]}xf32, #lathe.dims<"tokens">>'
    text = text.replace(plain, plain.replace("xf32", "xbf16"))
    limit = "lathe.kernel, lathe.row_limit = 16 : i64,"
    return text.replace("lathe.kernel,", limit) if few else text


def check_pairs(check, image, random):
    for i, case in enumerate(PAIRS):
        K, N, counts = case["K"], case["N"], case.get("counts", ROWS)
        columns = N // 2 if case.get("gate") else N
        x, numbers = to_bf16(random.standard_normal((max(counts), K)))
        weight = random.standard_normal((N, K))
        packed, stored = store(weight, "bf16")
        bias = random.standard_normal(N).astype(np.float32)
        expected = pair_sums(numbers, stored.astype(np.float32))
        if case.get("bias"):
            expected = expected + bias
        if case.get("gate"):
            gate, up = expected[:, :columns].astype(np.float64), expected[:, columns:]
            expected = FUNCTIONS[case["gate"]](gate) * up
        kernels = [(f"p{i}", rows) for rows in counts]
        kernels += [(f"f{i}", rows) for rows in range(1, 17) if max(counts) >= 16]
        first = {}
        for name, rows in kernels:
            arrays = [x[:rows], packed] + ([bias] if case.get("bias") else [])
            arrays.append(np.full((rows, columns), 7, np.float32))
            result, products = check.run(image, name, arrays, rows)
            what = f"{name} of {case}: {rows} rows"
            if products == 0:
                check.faults.append(f"{what}: no product of tiles")
            if case.get("gate"):
                # silu is within 2 ulp, and its product is rounded once.
                error = np.abs(result - expected[:rows]) / np.maximum(np.abs(expected[:rows]), 1e-3)
                if error.max() > 2.0**-21:
                    check.faults.append(f"{what}: off by {error.max():.2e}")
                for row in range(rows):
                    check.expect(result[row], first.setdefault(row, result[row]), what)
            else:
                check.expect(result, expected[:rows], what)


def main():
    build, path = pathlib.Path(sys.argv[1]), sys.argv[2]
    if not runs_here(OTHER):
        print(f"{OTHER}: this machine does not run it, and the emulator has the rest alone")
        return SKIPPED
    library = ctypes.CDLL(path)
    library.amx_products.restype = ctypes.c_long
    compiler = build / "bin" / "lathe-compile-kernels"
    check, random = Check(library), np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        images = {}
        text = "".join(kernel_text(f"b{i}", {**case, "element": "q8_row", "rows": "row"})
                       for i, case in enumerate(BYTES))
        pairs = "".join(pair_text(f"{'f' if few else 'p'}{i}", case, few)
                        for i, case in enumerate(PAIRS) for few in (False, True))
        for level, kernels in ((OTHER, text), (AMX, text + pairs)):
            into = pathlib.Path(folder) / level
            into.mkdir()
            images[level] = Image(f"module {{\n{kernels}}}\n", level, into, compiler)
        check_bytes(check, images, random)
        check_pairs(check, images[AMX], random)
    for fault in check.faults[:40]:
        print(fault)
    print(f"{library.amx_products()} products of tiles, {len(check.faults)} faults")
    return 1 if check.faults else 0


if __name__ == "__main__":
    sys.exit(main())
