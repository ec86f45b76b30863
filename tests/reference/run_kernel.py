"""Compiles kernel functions with a lowering of lathe-opt, and calls them.

Memory is what the kernel ABI promises and no more: buffers are 64-byte aligned
and followed by 64 bytes that a kernel may read and must not change, scratch
holds NaNs at first.
"""

import ctypes
import pathlib
import re
import shlex
import subprocess

import numpy as np

GUARD = 64  # bytes past a buffer's end
ABI_VERSION = 2
HEADER = 64  # bytes before scratch

# Kernels after any lowering hold upstream dialects only.
TO_LLVM = (
    "builtin.module(canonicalize,cse,convert-vector-to-scf,lower-affine,convert-scf-to-cf,"
    "convert-vector-to-llvm,expand-strided-metadata,convert-math-to-llvm,convert-arith-to-llvm,"
    "finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,"
    "convert-index-to-llvm,reconcile-unrealized-casts)"
)


class Size(int):
    """An integer with ceildiv as the operator @, to evaluate affine maps."""

    def __matmul__(self, other):
        return Size(-(-int(self) // int(other)))

    __rmatmul__ = lambda self, other: Size(other) @ self


for operator in ("add", "radd", "mul", "rmul", "floordiv", "mod", "sub", "rsub"):
    name = f"__{operator}__"
    method = lambda a, b, f=getattr(int, name): Size(f(a, int(b)))
    setattr(Size, name, method)


def evaluate_map(text, scalars):
    """affine_map<()[s0, s1] -> (s0 ceildiv 8)> of the scalars."""
    expression = re.search(r"-> \((.*)\)>$", text)[1]
    for word, operator in (("ceildiv", "@"), ("floordiv", "//"), ("mod", "%")):
        expression = expression.replace(f" {word} ", f" {operator} ")
    names = {f"s{i}": Size(value) for i, value in enumerate(scalars)}
    return int(eval(expression, {"__builtins__": {}}, names))


class Arguments(ctypes.Structure):
    _fields_ = [
        ("abi_version", ctypes.c_int64),
        ("buffers", ctypes.c_void_p),
        ("scalars", ctypes.c_void_p),
        ("launch", ctypes.c_int64),
    ]


class Scratch:
    """A worker's scratch: bytes that are no number, behind a header of zeros. Two
    calls are two launches."""

    launches = 0

    def __init__(self, size):
        Scratch.launches += 1
        self.launch = Scratch.launches
        self.buffer = Buffer(np.full(HEADER + size, 0xFF, np.uint8))
        self.buffer.array[:HEADER] = 0

    def address(self):
        return self.buffer.bytes.ctypes.data + HEADER

    def is_guard_intact(self):
        return self.buffer.is_guard_intact()


def aligned(size):
    """Bytes that start at a multiple of 64."""
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


class Buffer:
    """A copy of an array, with its guard."""

    def __init__(self, array):
        self.bytes = aligned(array.nbytes + GUARD)
        self.bytes[: array.nbytes] = np.ascontiguousarray(array).view(np.uint8).ravel()
        self.bytes[array.nbytes :] = 0xA5
        self.array = self.bytes[: array.nbytes].view(array.dtype).reshape(array.shape)

    def is_guard_intact(self):
        return bool((self.bytes[self.array.nbytes :] == 0xA5).all())


class Kernels:
    """The kernels of one module of text, compiled into one shared object."""

    def __init__(self, text, lower, folder, lathe_opt="lathe-opt", tools="", cpu="x86-64-v3"):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "kernels.mlir"
        source.write_text(text)
        lowered = self._run([lathe_opt, source, *shlex.split(lower)])
        (folder / "lowered.mlir").write_text(lowered)
        self._read_attributes(lowered)

        dialect = self._run(
            [f"{tools}mlir-opt", "--allow-unregistered-dialect", f"--pass-pipeline={TO_LLVM}"],
            lowered,
        )
        llvm = self._run([f"{tools}mlir-translate", "--mlir-to-llvmir",
                          "--allow-unregistered-dialect"], dialect)
        (folder / "kernels.ll").write_text(llvm)
        library = folder / "kernels.so"
        # No imports: what a kernel calls must stand in it.
        self._run(
            [f"{tools}clang", "-O2", f"-march={cpu}", "-shared", "-fPIC", "-nostdlib",
             "-ffreestanding", "-fno-builtin", "-Wno-override-module", "-fuse-ld=lld",
             "-Wl,--no-undefined", folder / "kernels.ll", "-o", library]
        )
        self.library = ctypes.CDLL(str(library.resolve()))

    @staticmethod
    def _run(command, text=None):
        done = subprocess.run(
            [str(word) for word in command], input=text, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{command[0]} failed:\n{done.stderr[:4000]}")
        return done.stdout

    def _read_attributes(self, lowered):
        maps = dict(re.findall(r"^(#map\d*) = (affine_map<.*>)$", lowered, re.M))
        self.tiles, self.scratch = {}, {}
        for line in lowered.splitlines():
            head = re.match(r"\s*func\.func (?:private )?@(\w+)\(", line)
            if not head or "lathe.scratch_bytes" not in line:
                continue
            tiles = re.search(r"lathe\.tiles = (#map\d*|affine_map<.*?\)>)", line)[1]
            self.tiles[head[1]] = maps.get(tiles, tiles)
            self.scratch[head[1]] = int(re.search(r"scratch_bytes = (\d+)", line)[1])

    def call(self, name, buffers, scalars, parts=1):
        """Runs all tiles of kernel `name` on `buffers`, in `parts` ranges."""
        tiles = evaluate_map(self.tiles[name], scalars)
        scratch = Scratch(self.scratch[name])
        addresses = np.array([b.bytes.ctypes.data for b in buffers], np.uint64)
        values = np.array(scalars, np.int64)
        arguments = Arguments(ABI_VERSION, addresses.ctypes.data, values.ctypes.data,
                              scratch.launch)
        kernel = getattr(self.library, name)
        kernel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        bounds = [tiles * part // parts for part in range(parts + 1)]
        for begin, end in zip(bounds, bounds[1:]):
            status = kernel(
                ctypes.addressof(arguments), scratch.address(), begin, end
            )
            if status != 0:
                raise RuntimeError(f"{name} returned {status}")
        if not scratch.is_guard_intact():
            raise RuntimeError(f"{name} wrote past its scratch of {self.scratch[name]} bytes")
