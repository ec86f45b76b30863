"""Compiles kernels to an image as the product does, and calls them.

The image of a level that this machine runs is called in process; that of
aarch64 under qemu, by the program of tests/unit/compiler/RunImage.c.
"""

import ctypes
import re
import struct
import subprocess

import numpy as np

from run_kernel import ABI_VERSION, Arguments, Buffer, Scratch, evaluate_map


class Image:
    """The kernels of a module of text, compiled for `level` into `folder`."""

    def __init__(self, text, level, folder, compiler, emulator=()):
        source, self.path = folder / "kernels.mlir", folder / "kernels.so"
        source.write_text(text)
        done = subprocess.run([compiler, source, self.path, level], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{compiler} failed:\n{done.stderr[:4000]}")
        self.tiles, self.scratch = {}, {}
        for line in done.stdout.splitlines():
            name, tiles, scratch = re.match(r"(\S+) (.*) (\d+)$", line).groups()
            self.tiles[name], self.scratch[name] = tiles + ">", int(scratch)
        self.emulator = list(emulator)
        if emulator:
            self.places = self._places()
        else:
            self.library = ctypes.CDLL(str(self.path))

    def _places(self):
        """Where each exported symbol stands, from the image's .dynsym."""
        image = self.path.read_bytes()
        (table,) = struct.unpack_from("<Q", image, 40)
        entry, count = struct.unpack_from("<HH", image, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", image, table + i * entry) for i in range(count)]
        (symbols,) = [h for h in headers if h[1] == 11]
        names = headers[symbols[6]][4]
        places = {}
        for at in range(symbols[4], symbols[4] + symbols[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, at)
            end = image.index(b"\0", names + name)
            places[image[names + name : end].decode()] = value
        return places

    def call(self, name, arrays, scalars, parts=1):
        """The last of `arrays` after all tiles of kernel `name` have run, and
        whether all guards are as they were."""
        buffers = [Buffer(array) for array in arrays]
        intact = self.call_in_place(name, buffers, scalars, parts)
        return buffers[-1].array, intact and all(b.is_guard_intact() for b in buffers)

    def call_in_place(self, name, buffers, scalars, parts=1):
        """Runs all tiles of kernel `name` on `buffers`, in `parts` ranges; whether
        the guard of scratch is as it was."""
        tiles = evaluate_map(self.tiles[name], scalars)
        bounds = [tiles * part // parts for part in range(parts + 1)]
        ranges = list(zip(bounds, bounds[1:]))
        if self.emulator:
            self._emulate(name, buffers, scalars, ranges)
            return True
        scratch = Scratch(self.scratch[name])
        addresses = np.array([b.bytes.ctypes.data for b in buffers], np.uint64)
        values = np.array(scalars, np.int64)
        arguments = Arguments(ABI_VERSION, addresses.ctypes.data, values.ctypes.data,
                              scratch.launch)
        kernel = getattr(self.library, name)
        kernel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        for begin, end in ranges:
            code = kernel(ctypes.addressof(arguments), scratch.address(), begin, end)
            if code != 0:
                raise SystemExit(f"{name} returned {code}")
        return scratch.is_guard_intact()

    def _emulate(self, name, buffers, scalars, ranges):
        arrays = [buffer.array for buffer in buffers]
        for begin, end in ranges:
            stored = [array.tobytes() for array in arrays]
            stored = [data + bytes(-len(data) % 64) for data in stored]
            numbers = [self.places[name], len(stored), len(scalars), self.scratch[name], begin, end]
            numbers += [len(data) for data in stored] + list(scalars)
            request = struct.pack(f"<{len(numbers)}q", *numbers) + b"".join(stored)
            done = subprocess.run([*self.emulator, self.path], input=request, capture_output=True)
            if done.returncode or len(done.stdout) != sum(map(len, stored)):
                raise SystemExit(f"{name} under the emulator: exit {done.returncode}")
            rest = done.stdout
            for array, data in zip(arrays, stored):
                array[...] = np.frombuffer(rest[: array.nbytes], array.dtype).reshape(array.shape)
                rest = rest[len(data) :]
