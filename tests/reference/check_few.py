"""Checks kernels for few rows against NumPy: a linear layer with what stands
before its sums and the heads that are made of its result (form-variants).

    check_few.py --compiler build/bin/lathe-compile-kernels --level x86-64-v3
                 [--emulator "qemu-aarch64 run-image"]
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np

import operators as ref
from cases import Case, Dim, Draw, Tensor, from_bits, to_bits, tokens
from check_kernels import check
from check_linear import SKIPPED, packed_type, runs_here, store, store_quantised
from run_image import Image

PAGES, SLOTS, SLOT_PAGES, PAGE_TOKENS, POSITIONS = 6, 2, 3, 32, 128


class Few(Image):
    """An image, called as check_kernels calls."""

    def call(self, name, buffers, scalars, parts):
        if not self.call_in_place(name, buffers, scalars, parts):
            raise SystemExit(f"{name} wrote past its scratch")


class Packed:
    """A weight as `pack-weights` leaves it, and the numbers that it holds."""

    def __init__(self, N, K, element, draw):
        self.type = packed_type(N, K, element)
        if element == "f32":
            self.stored, self.numbers = store(draw.random.standard_normal((N, K)), "f32")
        else:
            self.stored, self.numbers = store_quantised(N, K, element, draw.random)
        self.shape, self.element = self.stored.shape, "f32"

    def text(self):
        return self.type


class Chain:
    """Operands and ops of one kernel, and its expected results so far."""

    def __init__(self, name, t, K):
        self.draw, self.t = Draw(name), t
        self.operands, self.values, self.stored, self.lines = [], [], {}, []
        self.rows = Tensor("f32", (tokens(t), K))
        self.value, self.now = "%a0", self.add(self.rows)
        self.normalise = lambda x: x

    def add(self, tensor, value=None):
        """Another operand, of `value` or of random numbers."""
        if isinstance(tensor, Packed):
            self.stored[len(self.operands)], value = tensor.stored, tensor.numbers
        elif value is None:
            value = self.draw.normal(tensor)
        self.operands.append(tensor)
        self.values.append(value)
        return value

    def last(self):
        return f"%a{len(self.operands) - 1}"

    def norm(self, kind):
        row = Tensor("f32", self.rows.shape[1:])
        scale = self.add(row)
        text = f"lathe.{kind} {self.value}, {self.last()}"
        if kind == "rms_norm":
            self.normalise = lambda x: ref.rms_norm(x, scale, 1e-5)
        else:
            shift = self.add(row)
            text += f", {self.last()}"
            self.normalise = lambda x: ref.layer_norm(x, scale, shift, 1e-5)
        self.now = self.normalise(self.now)
        self.lines.append(f"%norm = {text} eps 1.0e-5 : {self.rows.text()}, {row.text()}")
        self.value = "%norm"

    def quantize(self, group):
        terms = self.rows.shape[1]
        quant = f"quantum = si8, group = {group or terms}, scale = f32"
        quantised = (f'tensor<?x{terms}xf32, #lathe.dims<"tokens" quant <{quant}>>>')
        self.lines.append(f"%quanta = lathe.quantize {self.value} to <{quant}> : "
                          f"{self.rows.text()} -> {quantised}")
        self.keep_off_halves(group or terms)
        quanta, scale = ref.quantize(self.now.astype(np.float32), group or terms)
        self.now = ref.dequantize(quanta, scale)
        self.value, self.input_type = "%quanta", quantised

    def keep_off_halves(self, group):
        """Draws rows again whose quanta a rounding of the norm could change."""
        for row in range(self.t):
            while True:
                scale = np.abs(self.now[row].reshape(-1, group)).max(1, keepdims=True) / 127
                quanta = self.now[row].reshape(-1, group) / scale
                if (np.abs(quanta % 1 - 0.5) > 1e-4).all():
                    break
                self.values[0][row] = self.draw.normal(self.rows)[row]
                self.now[row] = self.normalise(self.values[0][row])

    def linear(self, N, element, biased):
        weight = Packed(N, self.rows.shape[1], element, self.draw)
        input_type = getattr(self, "input_type", self.rows.text())
        self.now = self.now @ self.add(weight).T
        text = f"%sums = lathe.linear {self.value}, {self.last()}"
        if biased:
            bias = Tensor("f32", (N,))
            self.now = self.now + self.add(bias)
            text += f" bias {self.last()} : {bias.text()}"
        self.sums = Tensor("f32", (tokens(self.t), N))
        self.lines.append(f"{text} : {input_type}, {weight.text()} -> {self.sums.text()}")

    def heads(self, name, first, count, size):
        """The heads that start at column `first`, of `size` columns each."""
        flat = Tensor("f32", (tokens(self.t), count * size))
        self.head = Tensor("f32", (tokens(self.t), count, size))
        self.lines += [
            f"%{name}2 = tensor.extract_slice %sums[0, {first}] [%t, {count * size}] [1, 1] : "
            f"{self.sums.text()} to {flat.text()}",
            f"%{name} = tensor.expand_shape %{name}2 [[0], [1, 2]] output_shape "
            f"[%t, {count}, {size}] : {flat.text()} into {self.head.text()}",
        ]
        return self.now[:, first : first + count * size].reshape(self.t, count, size)

    def turned(self, name, value, normalised, position, table):
        """%NAME, normalised by head if asked to, and rotated; its value."""
        source = f"%{name}"
        if normalised:
            row = Tensor("f32", self.head.shape[2:])
            scale = self.add(row)
            self.lines.append(f"%{name}n = lathe.rms_norm {source}, {self.last()} eps 1.0e-6 : "
                              f"{self.head.text()}, {row.text()}")
            source, value = f"%{name}n", ref.rms_norm(value, scale, 1e-6)
        self.lines.append(f"%{name}r = lathe.rope {source} at {position}, {table[0]} : "
                          f"{self.head.text()}, {tokens_type(self.t).text()}, {table[1].text()}")
        return ref.rope(value, self.values[int(position[2:])], table[2])

    def case(self, name, results, expected, tied=None):
        body = "\n  ".join(self.lines)
        return Case(name, self.operands, self.values, results, body, expected, tied or {},
                    self.stored)


def tokens_type(t):
    return Tensor("i32", (tokens(t),))


def layers():
    """What is before the sums, and a weight of each kind."""
    for t, K, N, before, group, element in (
        (1, 77, 97, "rms_norm", None, "f32"), (5, 64, 33, "layer_norm", None, "q8_row"),
        (16, 97, 160, "rms_norm", 0, "q8_row"), (7, 256, 97, "rms_norm", 32, "q4_k"),
        (3, 96, 7, None, 32, "q4_0"), (1, 77, 1600, None, 0, "q8_row"),
        (2, 32, 1600, "layer_norm", 32, "q8_0"),
    ):
        name = f"layer_{t}x{K}x{N}_{before}_{group}_{element}"
        chain = Chain(name, t, K)
        if before:
            chain.norm(before)
        if group is not None:
            chain.quantize(group)
        chain.linear(N, element, biased=N % 2 == 1)
        chain.lines[-1] = chain.lines[-1].replace("%sums", "%r0")
        yield chain.case(name, [chain.sums], [chain.now])


def projections():
    """q, k and v of one layer; q and k rotated, k and v written to the cache."""
    for t, K, h, g, d, width, element, group, normalised in (
        (1, 77, 4, 2, 32, 32, "f32", None, False), (5, 64, 3, 1, 64, 64, "q8_row", 0, True),
        (16, 96, 2, 2, 96, 96, "q4_0", 32, False), (3, 64, 2, 1, 128, 64, "f32", None, True),
        (2, 32, 2, 1, 256, 128, "q8_0", 32, False), (7, 33, 8, 4, 8, 8, "q8_row", None, True),
        (4, 97, 3, 1, 16, 6, "f32", None, False),
    ):
        name = f"projection_{t}x{K}_{h}x{g}x{d}_{width}_{element}_{group}_{int(normalised)}"
        chain = Chain(name, t, K)
        chain.norm("rms_norm")
        if group is not None:
            chain.quantize(group)
        chain.linear((h + 2 * g) * d, element, biased=d % 32 == 0)
        pages = Dim("pages", PAGES)
        keys, values = Tensor("f32", (pages, g, d, PAGE_TOKENS)), Tensor("f32", (pages, g, PAGE_TOKENS, d))
        first = len(chain.operands)
        before = chain.add(keys), chain.add(values)
        position = chain.add(tokens_type(t), np.arange(t) + 29)
        slot = chain.add(tokens_type(t), np.full(t, 1))
        places = Tensor("i32", (Dim("slots", SLOTS), Dim("slot_pages", SLOT_PAGES)))
        page = chain.add(places, chain.draw.random.permutation(PAGES).reshape(SLOTS, SLOT_PAGES))
        table = Tensor("f32", (POSITIONS, width))
        turn = chain.add(table, from_bits(to_bits(ref.rope_table(
            100.0 ** (-np.arange(width // 2) / (width // 2)), POSITIONS), "f32"), "f32"))
        table = chain.last(), table, turn
        chain.lines.append(f"%t = arith.constant {t} : index")
        q = chain.heads("q", 0, h, d)
        query, where = chain.head, f"%a{first + 2}"
        q = chain.turned("q", q, normalised, where, table)
        k = chain.heads("k", h * d, g, d)
        k = chain.turned("k", k, normalised, where, table)
        v = chain.heads("v", (h + g) * d, g, d)
        head, index = chain.head.text(), tokens_type(t).text()
        operands = ", ".join(f"%a{first + i}" for i in (2, 3, 4))
        chain.lines.append(
            f"%r1, %r2 = lathe.append %kr, %v to %a{first}, %a{first + 1} at {operands} : "
            f"{head}, {head}, {keys.text()}, {values.text()}, {index}, {index}, "
            f"{places.text()}")
        chain.lines = [line.replace("%qr =", "%r0 =") for line in chain.lines]
        after = ref.append(k, v, *before, position, slot, page)
        yield chain.case(name, [query, keys, values], [q, *after], tied={1: first, 2: first + 1})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--level", required=True)
    parser.add_argument("--emulator", default="")
    options = parser.parse_args()
    if not options.emulator and not runs_here(options.level):
        print(f"{options.level}: this machine does not run it")
        return SKIPPED
    cases = [*layers(), *projections()]
    text = "\n".join(case.text() for case in cases)
    text = text.replace("{lathe.kernel,", "{lathe.kernel, lathe.row_limit = 16 : i64,")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        image = Few(text, options.level, pathlib.Path(folder), options.compiler,
                    options.emulator.split())
        for case in cases:
            error, faults = check(image, case, 2e-6)
            failed += bool(faults)
            for fault in faults:
                print(f"{case.name}: {fault}")
    print(f"{options.level}: {len(cases) - failed} kernels right, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
