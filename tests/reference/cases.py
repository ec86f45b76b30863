"""Kernels to check: text, operands and what NumPy says of the results.

Sizes are odd on purpose: 1, 7, 77 and 97 leave a tail for every vector length.
"""

import dataclasses
import zlib

import numpy as np

import operators as ref

# Half the distance of two neighbours, relative: what one rounding may cost.
ROUNDING = {"f32": 2.0**-24, "bf16": 2.0**-8, "f16": 2.0**-11, "i32": 0.0}


def to_bits(x, element):
    """float64 rounded to `element`, as stored: bf16 as its 16 bits."""
    if element == "i32":
        return np.asarray(x, np.int32)
    if element == "f16":
        return np.asarray(x, np.float16)
    x = np.asarray(x, np.float32)
    if element == "f32":
        return x
    bits = np.ascontiguousarray(x).view(np.uint32)
    bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (bits >> np.uint32(16)).astype(np.uint16)


def from_bits(bits, element):
    if element == "bf16":
        return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return bits if element == "i32" else bits.astype(np.float64)


class Dim(int):
    """A size that is known at run time only, by the name of its symbol."""

    def __new__(cls, name, size):
        dim = super().__new__(cls, size)
        dim.name = name
        return dim


@dataclasses.dataclass
class Tensor:
    element: str
    shape: tuple
    encoding: str = ""

    def text(self):
        names = [f'"{d.name}"' for d in self.shape if isinstance(d, Dim)]
        encoding = self.encoding or (f"#lathe.dims<{', '.join(names)}>" if names else "")
        sizes = "".join("?x" if isinstance(d, Dim) else f"{d}x" for d in self.shape)
        return f"tensor<{sizes}{self.element}{', ' + encoding if encoding else ''}>"


@dataclasses.dataclass
class Case:
    """`body` computes %r0 … from %a0 …; {a0}, {r0} are their types."""

    name: str
    operands: list
    values: list  # float64 or int arrays, exact in the operand's type
    results: list
    body: str
    expected: list
    tied: dict = dataclasses.field(default_factory=dict)  # result -> operand
    stored: dict = dataclasses.field(default_factory=dict)  # operand -> as in memory

    def symbols(self):
        names = {}
        for tensor in self.operands + self.results:
            for dim in tensor.shape:
                if isinstance(dim, Dim):
                    names.setdefault(dim.name, int(dim))
        return names

    def text(self):
        types = {f"a{i}": t.text() for i, t in enumerate(self.operands)}
        types |= {f"r{i}": t.text() for i, t in enumerate(self.results)}
        arguments = ", ".join(f"%a{i}: {t.text()}" for i, t in enumerate(self.operands))
        outputs = ", ".join(
            t.text() + (f" {{lathe.tied = {self.tied[i]} : i64}}" if i in self.tied else "")
            for i, t in enumerate(self.results)
        )
        symbols = ", ".join(f'"{name}"' for name in self.symbols())
        body = self.body
        for name, text in types.items():
            body = body.replace("{" + name + "}", text)
        values = ", ".join(f"%r{i}" for i in range(len(self.results)))
        kinds = ", ".join(t.text() for t in self.results)
        return (
            f"func.func private @{self.name}({arguments}) -> ({outputs})\n"
            f"    attributes {{lathe.kernel, lathe.symbols = [{symbols}]}} {{\n"
            f"  {body}\n  return {values} : {kinds}\n}}\n"
        )


class Draw:
    """Numbers that depend on the case's name only, exact in their type."""

    def __init__(self, name):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))

    def normal(self, tensor, scale=1.0):
        x = self.random.standard_normal(tensor.shape) * scale
        return from_bits(to_bits(x, tensor.element), tensor.element)

    def below(self, limit, count):
        return self.random.integers(0, limit, count)


def tokens(count):
    return Dim("tokens", count)


def sequences_of(count):
    """Sequence of each of `count` tokens: a few, contiguous, of unlike lengths."""
    return np.arange(count) ** 2 * 3 // max(1, count * count)


def rows():
    for t, c, e in ((1, 1, "f32"), (7, 77, "f32"), (3, 97, "bf16"), (5, 7, "f16"), (2, 384, "f32")):
        x = Tensor(e, (tokens(t), c))
        w = Tensor(e, (c,))
        tag = f"{t}x{c}_{e}"

        draw = Draw("norm" + tag)
        a, b, g, h = draw.normal(x), draw.normal(x, 3.0), draw.normal(w), draw.normal(w)
        total = from_bits(to_bits(a + b, e), e)
        yield Case(f"rms_norm_{tag}", [x, w], [a, g], [x],
                   "%r0 = lathe.rms_norm %a0, %a1 eps 1.0e-5 offset 1.0 : {a0}, {a1}",
                   [ref.rms_norm(a, g, 1e-5, 1.0)])
        yield Case(f"layer_norm_{tag}", [x, w, w], [b, g, h], [x],
                   "%r0 = lathe.layer_norm %a0, %a1, %a2 eps 1.0e-5 : {a0}, {a1}",
                   [ref.layer_norm(b, g, h, 1e-5)])
        yield Case(f"add_rms_norm_{tag}", [x, x, w], [a, b, g], [x, x],
                   "%r0, %r1 = lathe.add_rms_norm %a0, %a1, %a2 eps 1.0e-5 : {a0}, {a2}",
                   [total, ref.rms_norm(total, g, 1e-5)], tied={0: 0})
        yield Case(f"add_layer_norm_{tag}", [x, x, w, w], [a, b, g, h], [x, x],
                   "%r0, %r1 = lathe.add_layer_norm %a0, %a1, %a2, %a3 eps 1.0e-5 : {a0}, {a2}",
                   [total, ref.layer_norm(total, g, h, 1e-5)])
        yield Case(f"l2_normalize_{tag}", [x], [a], [x],
                   "%r0 = lathe.l2_normalize %a0 eps 1.0e-12 : {a0}",
                   [ref.l2_normalize(a, 1e-12)])

    heads = Tensor("f32", (tokens(7), 3, 12))
    flat = Tensor("f32", (tokens(7), 36))
    w = Tensor("f32", (12,))
    draw = Draw("heads")
    a, g = draw.normal(flat), draw.normal(w)
    split = a.reshape(7, 3, 12)
    yield Case("rms_norm_heads", [flat, w, heads], [a, g, split], [heads],
               "%t = arith.constant 7 : index\n"
               "  %h = tensor.expand_shape %a0 [[0], [1, 2]] output_shape [%t, 3, 12]"
               " : {a0} into {a2}\n"
               "  %r0 = lathe.rms_norm %h, %a1 eps 1.0e-6 : {a2}, {a1}",
               [ref.rms_norm(split, g, 1e-6)])


def elementwise():
    kinds = ("gelu", "gelu_tanh", "silu", "relu", "tanh", "quick_gelu")
    x = Tensor("f32", (tokens(7), 97))
    wide = Tensor("f32", (tokens(7), 194))
    for kind in kinds:
        draw = Draw(kind)
        a, b = draw.normal(x, 4.0), draw.normal(wide, 2.0)
        limits = np.array([[0.0, -40.0, 40.0, -1e4, 1e4, 1e-30]])
        limits = from_bits(to_bits(limits, "f32"), "f32")
        small = Tensor("f32", limits.shape)
        body = f"%r0 = lathe.activation {kind} %a0 : {{a0}}"
        yield Case(f"activation_{kind}", [x], [a], [x], body, [ref.activation(kind, a)])
        yield Case(f"activation_{kind}_limits", [small], [limits], [small], body,
                   [ref.activation(kind, limits)])
        yield Case(f"gated_{kind}", [wide], [b], [x],
                   f"%r0 = lathe.gated_activation {kind} %a0 : {{a0}} -> {{r0}}",
                   [ref.gated_activation(kind, b)])
    draw = Draw("elementwise")
    a, b = draw.normal(x, 20.0), draw.normal(x)
    yield Case("softcap", [x], [a], [x], "%r0 = lathe.softcap %a0 cap 30.0 : {a0}",
               [ref.softcap(a, 30.0)])
    for name, value in (("addf", a + b), ("subf", a - b), ("mulf", a * b)):
        yield Case(name, [x, x], [a, b], [x], f"%r0 = arith.{name} %a0, %a1 : {{a0}}", [value])
    narrow = Tensor("f32", (tokens(7), 30))
    yield Case("slice_add", [x, narrow], [a, b[:, :30]], [narrow],
               "%t = arith.constant 7 : index\n"
               "  %s = tensor.extract_slice %a0[0, 11] [%t, 30] [1, 1] : {a0} to {a1}\n"
               "  %r0 = arith.addf %s, %a1 : {a1}", [a[:, 11:41] + b[:, :30]])
    half = Tensor("bf16", (tokens(7), 97))
    c, d = draw.normal(half), draw.normal(half)
    yield Case("addf_bf16", [half, half], [c, d], [half],
               "%r0 = arith.addf %a0, %a1 : {a0}", [c + d])


# op: operands from two standard normal numbers, and what it gives.
UPSTREAM = {
    "arith.divf": (lambda a, b: (a, b + 4 * np.sign(b)), np.divide),
    "arith.maximumf": (lambda a, b: (a, b), np.maximum),
    "arith.minimumf": (lambda a, b: (a, b), np.minimum),
    "arith.maxnumf": (lambda a, b: (a, b), np.fmax),
    "arith.minnumf": (lambda a, b: (a, b), np.fmin),
    "arith.negf": (lambda a, b: (a,), np.negative),
    "math.absf": (lambda a, b: (a,), np.abs),
    "math.ceil": (lambda a, b: (a,), np.ceil),
    "math.cos": (lambda a, b: (9 * a,), np.cos),
    "math.erf": (lambda a, b: (a,), lambda x: ref.erf(x)),
    "math.exp": (lambda a, b: (a,), np.exp),
    "math.floor": (lambda a, b: (a,), np.floor),
    "math.fma": (lambda a, b: (a, b, a - b), lambda x, y, z: x * y + z),
    "math.log": (lambda a, b: (np.abs(a) + 1e-3,), np.log),
    "math.powf": (lambda a, b: (np.abs(a) + 1e-2, b), np.power),
    "math.roundeven": (lambda a, b: (4 * a,), np.rint),
    "math.rsqrt": (lambda a, b: (np.abs(a) + 1e-2,), lambda x: 1 / np.sqrt(x)),
    "math.sin": (lambda a, b: (9 * a,), np.sin),
    "math.sqrt": (lambda a, b: (np.abs(a),), np.sqrt),
    "math.tanh": (lambda a, b: (a,), np.tanh),
    "math.trunc": (lambda a, b: (4 * a,), np.trunc),
}


def upstream():
    shapes = {"f32": (tokens(7), 97), "bf16": (tokens(3), 5, 17), "f16": (tokens(3), 2, 3, 5)}
    for op, (operands_of, exact) in UPSTREAM.items():
        for element, shape in shapes.items():
            x = Tensor(element, shape)
            draw = Draw(op + element)
            values = [from_bits(to_bits(v, element), element)
                      for v in operands_of(draw.normal(x), draw.normal(x))]
            names = ", ".join(f"%a{i}" for i in range(len(values)))
            yield Case(f"upstream_{op.replace('.', '_')}_{element}", [x] * len(values), values,
                       [x], f"%r0 = {op} {names} : {{a0}}", [exact(*values)])
    # Vectors: each element is a row of its own.
    line, whole = Tensor("f32", (tokens(77),)), Tensor("i32", (tokens(77),))
    fixed = Tensor("f32", (97,))
    draw = Draw("vectors")
    a, n, f = draw.normal(line), draw.below(1 << 30, 77) - (1 << 29), draw.normal(fixed)
    yield Case("upstream_vector", [line], [a], [line], "%r0 = arith.mulf %a0, %a0 : {a0}", [a * a])
    yield Case("upstream_vector_fixed", [fixed], [f], [fixed],
               "%r0 = arith.mulf %a0, %a0 : {a0}", [f * f])
    yield Case("upstream_sitofp", [whole], [n], [line], "%r0 = arith.sitofp %a0 : {a0} to {r0}",
               [n.astype(np.float64)])
    x = Tensor("f32", (tokens(7), 77))
    a, b = draw.normal(x), draw.normal(x)
    yield Case("upstream_select", [x, x], [a, b], [x],
               "%c = arith.cmpf ogt, %a0, %a1 : {a0}\n"
               "  %m = arith.mulf %a0, %a1 : {a0}\n"
               "  %r0 = arith.select %c, %m, %a1 : tensor<?x77xi1, #lathe.dims<\"tokens\">>, {a0}",
               [np.where(a > b, a * b, b)])
    # A weight that is one row of a matrix.
    table = Tensor("f32", (3, 77))
    g = draw.normal(table)
    yield Case("upstream_viewed_weight", [x, table], [a, g], [x],
               "%w = tensor.extract_slice %a1[2, 0] [1, 77] [1, 1] : {a1} to tensor<77xf32>\n"
               "  %r0 = lathe.rms_norm %a0, %w eps 1.0e-5 : {a0}, tensor<77xf32>",
               [ref.rms_norm(a, g[2], 1e-5)])


def lookups():
    for t, e, scale in ((1, "f32", 1.0), (7, "bf16", 1.0), (77, "f16", 9.75)):
        table, index = Tensor(e, (101, 13)), Tensor("i32", (tokens(t),))
        result = Tensor("f32", (tokens(t), 13))
        draw = Draw(f"gather{t}")
        a, i = draw.normal(table), draw.below(101, t)
        word = f"scale {scale} " if scale != 1 else ""
        yield Case(f"gather_{t}_{e}", [table, index], [a, i], [result],
                   f"%r0 = lathe.gather %a0[%a1] {word}: {{a0}}, {{a1}} -> {{r0}}",
                   [ref.gather(a, i, scale)])
    for e, depth, width in (("f32", 1, 77), ("bf16", 2, 97), ("f16", 2, 16)):
        encoding = f"#lathe.packed<columns = 32, depth = {depth}>"
        table, index = Tensor(e, (101, width), encoding), Tensor("i32", (tokens(7),))
        result = Tensor("f32", (tokens(7), width))
        draw = Draw(f"gather_packed{e}")
        a, i = draw.normal(table), draw.below(101, 7)
        yield Case(f"gather_packed_{e}", [table, index], [a, i], [result],
                   "%r0 = lathe.gather %a0[%a1] : {a0}, {a1} -> {r0}",
                   [ref.gather(a, i, 1.0)],
                   stored={0: ref.pack(to_bits(a, e), 32, depth)})
    for kind in ("mean", "first", "last", "max"):
        x, s = Tensor("f32", (tokens(77), 7)), Tensor("i32", (tokens(77),))
        result = Tensor("f32", (Dim("sequences", 4), 7))
        a, q = Draw(kind).normal(x), sequences_of(77)  # the last sequence is empty
        yield Case(f"pool_{kind}", [x, s], [a, q], [result],
                   f"%r0 = lathe.pool {kind} %a0 by %a1 : {{a0}}, {{a1}} -> {{r0}}",
                   [ref.pool(kind, a, q, 4)])
    x, result = Tensor("f32", (Dim("rows", 7), 97)), Tensor("i32", (Dim("rows", 7),))
    a = Draw("argmax").normal(x)
    a[1, 30] = a[1, 60] = 9.0
    a[2, 96] = 9.0
    yield Case("argmax", [x], [a], [result], "%r0 = lathe.argmax %a0 : {a0} -> {r0}",
               [ref.argmax(a)])
    a = a.copy()
    a[3] = np.nan
    a[4, :40], a[4, 40:] = np.nan, -np.inf
    a[5, 5] = np.inf
    a[6, 64:] = 9.0
    yield Case("argmax_nan", [x], [a], [result], "%r0 = lathe.argmax %a0 : {a0} -> {r0}",
               [ref.argmax(a)])
    values, places = Tensor("f32", (Dim("rows", 7), 4)), Tensor("i32", (Dim("rows", 7), 4))
    best, where = ref.panel_argmax(a)
    yield Case("panel_argmax", [x], [a], [values, places],
               "%r0, %r1 = lathe.panel_argmax %a0 : {a0} -> {r0}, {r1}", [best, where])
    yield Case("argmax_of_places", [values, places], [best, where], [result],
               "%r0 = lathe.argmax %a0 of %a1 : {a0}, {a1} -> {r0}", [ref.argmax(a)])


def quantized():
    """Numbers on the grid of lathe.quantize; rows in memory are for check_quantize.py."""
    for t, k, group in ((1, 1, 1), (7, 77, 77), (3, 96, 32), (5, 300, 300), (2, 32, 32)):
        x = Tensor("f32", (tokens(t), k))
        a = Draw(f"quantize{k}").normal(x)
        a[0, : k // 2] *= 1e-20
        if t > 1:
            a[1] = 0.0
            a[-1, :] *= 2.0**-110  # too small for a reciprocal: zeros
        yield Case(f"quantize_{t}x{k}_{group}", [x], [a], [x],
                   f"%r0 = lathe.quantize %a0 to <quantum = si8, group = {group}, scale = f32>"
                   " : {a0} -> {r0}", [ref.dequantize(*ref.quantize(a, group))])
    # A table of rows of bytes.
    for k in (13, 32, 97):
        quant = f"#lathe.quant<quantum = si8, group = {k}, scale = f32>"
        table, index = Tensor("f32", (101, k), quant), Tensor("i32", (tokens(7),))
        result = Tensor("f32", (tokens(7), k))
        draw = Draw(f"gather_rows{k}")
        quanta, scale = ref.quantize(draw.normal(Tensor("f32", (101, k))), k)
        i = draw.below(101, 7)
        numbers = ref.dequantize(quanta, scale)
        yield Case(f"gather_rows_{k}", [table, index], [numbers, i], [result],
                   "%r0 = lathe.gather %a0[%a1] : {a0}, {a1} -> {r0}",
                   [ref.gather(numbers, i, 1.0)],
                   stored={0: ref.quantized_rows(quanta, scale)})


def contractions():
    sizes = ((1, 1, 1), (1, 77, 97), (7, 97, 77), (77, 7, 33), (9, 256, 64))
    for t, k, n in sizes:
        for e, packed in (("f32", False), ("f32", True), ("bf16", True), ("f16", False),
                          ("bf16", False), ("f16", True)):
            x, y = Tensor("f32", (tokens(t), k)), Tensor("f32", (tokens(t), n))
            depth = 1 if e == "f32" else 2
            encoding = f"#lathe.packed<columns = 32, depth = {depth}>" if packed else ""
            w, b = Tensor(e, (n, k), encoding), Tensor("f32", (n,))
            tag = f"{t}x{k}x{n}_{e}{'_packed' if packed else ''}"
            draw = Draw("linear" + tag)
            a, m, c = draw.normal(x), draw.normal(w), draw.normal(b)
            stored = {1: ref.pack(to_bits(m, e), 32, depth)} if packed else {}
            yield Case(f"linear_{tag}", [x, w, b], [a, m, c], [y],
                       "%r0 = lathe.linear %a0, %a1 bias %a2 : {a2}"
                       " reduce <chunk = 256> : {a0}, {a1} -> {r0}",
                       [ref.linear(a, m, c)], stored=stored)
    x, w = Tensor("bf16", (tokens(7), 97)), Tensor("bf16", (33, 97))
    y = Tensor("bf16", (tokens(7), 33))
    draw = Draw("bf16")
    a, m = draw.normal(x), draw.normal(w)
    yield Case("linear_bf16", [x, w], [a, m], [y],
               "%r0 = lathe.linear %a0, %a1 : {a0}, {a1} -> {r0}", [ref.linear(a, m)])


def attentions():
    for t, h, d, width in ((1, 1, 2, 2), (7, 3, 16, 16), (77, 2, 13, 6)):
        x, p = Tensor("f32", (tokens(t), h, d)), Tensor("i32", (tokens(t),))
        table = Tensor("f32", (128, width))
        draw = Draw(f"rope{t}")
        a, i = draw.normal(x), draw.below(128, t)
        m = ref.rope_table(10000.0 ** (-np.arange(width // 2) / (width // 2)), 128)
        m = from_bits(to_bits(m, "f32"), "f32")
        yield Case(f"rope_{t}x{h}x{d}_{width}", [x, p, table], [a, i, m], [x],
                   "%r0 = lathe.rope %a0 at %a1, %a2 : {a0}, {a1}, {a2}",
                   [ref.rope(a, i, m)])

    options = (("", {}), (" causal", {"causal": True}),
               (" causal window 5", {"causal": True, "window": 5}),
               (" window 3", {"window": 3}),
               (" causal softcap 2.0", {"causal": True, "cap": 2.0}))
    for t, h, g, d in ((1, 1, 1, 8), (7, 4, 2, 7), (77, 3, 1, 16), (300, 2, 2, 5)):
        for number, (words, keywords) in enumerate(options):
            q, k = Tensor("f32", (tokens(t), h, d)), Tensor("f32", (tokens(t), g, d))
            s = Tensor("i32", (tokens(t),))
            tag = f"{t}x{h}x{g}x{d}_{number}"
            draw = Draw(tag)
            a, b, c, seq = draw.normal(q, 2.0), draw.normal(k, 2.0), draw.normal(k), sequences_of(t)
            yield Case(f"attention_{tag}", [q, k, k, s], [a, b, c, seq], [q],
                       f"%r0 = lathe.attention %a0, %a1, %a2 by %a3 scale 0.25{words}"
                       " : {a0}, {a1}, {a3}",
                       [ref.attention(a, b, c, seq, 0.25, **keywords)])


def caches():
    slots, slot_pages, pages = 3, 5, 17
    for g, d, e in ((1, 8, "f32"), (2, 7, "f32"), (2, 16, "bf16")):
        # A prompt that goes on from position 130, one token, a new prompt.
        t = 12
        positions = np.concatenate([np.arange(130, 137), [33], np.arange(4)])
        sequences = np.array([1] * 7 + [0] + [2] * 4)
        kv = Tensor("f32", (tokens(t), g, d))
        index = Tensor("i32", (tokens(t),))
        p = Dim("pages", pages)
        keys, values = Tensor(e, (p, g, d, 32)), Tensor(e, (p, g, 32, d))
        table = Tensor("i32", (Dim("slots", slots), Dim("slot_pages", slot_pages)))
        tag = f"{g}x{d}_{e}"
        draw = Draw("cache" + tag)
        a, b = (from_bits(to_bits(draw.normal(kv), e), e) for _ in range(2))
        m, n = draw.normal(keys, 2.0), draw.normal(values)
        places = draw.random.permutation(pages)[: slots * slot_pages].reshape(slots, slot_pages)
        after = ref.append(a, b, m, n, positions, sequences, places)
        yield Case(f"append_{tag}", [kv, kv, keys, values, index, index, table],
                   [a, b, m, n, positions, sequences, places], [keys, values],
                   "%r0, %r1 = lathe.append %a0, %a1 to %a2, %a3 at %a4, %a5, %a6"
                   " : {a0}, {a1}, {a2}, {a3}, {a4}, {a5}, {a6}",
                   list(after), tied={0: 2, 1: 3})
        q = Tensor("f32", (tokens(t), 2 * g, d))
        c = draw.normal(q, 2.0)
        for number, (words, keywords) in enumerate((("", {}), (" window 40", {"window": 40}),
                                                    (" softcap 2.0", {"cap": 2.0}))):
            expected = ref.cached_attention(c, *after, positions, sequences, places, 0.25,
                                            **keywords)
            yield Case(f"cached_attention_{tag}_{number}",
                       [q, keys, values, index, index, table],
                       [c, *after, positions, sequences, places], [q],
                       "%r0 = lathe.cached_attention %a0, %a1, %a2 at %a3, %a4, %a5 scale 0.25"
                       f"{words} : {{a0}}, {{a1}}, {{a2}}, {{a3}}, {{a4}}, {{a5}}", [expected])


def quantized_caches():
    slots, slot_pages, pages = 3, 5, 17
    for g, d in ((1, 8), (2, 7), (2, 32), (1, 24)):
        t = 12
        positions = np.concatenate([np.arange(130, 137), [33], np.arange(4)])
        sequences = np.array([1] * 7 + [0] + [2] * 4)
        encoding = f'#lathe.dims<"pages" quant <quantum = si8, group = {d}, scale = f32>>'
        kv, index = Tensor("f32", (tokens(t), g, d)), Tensor("i32", (tokens(t),))
        p = Dim("pages", pages)
        keys, values = Tensor("f32", (p, g, d, 32), encoding), Tensor("f32", (p, g, 32, d), encoding)
        table = Tensor("i32", (Dim("slots", slots), Dim("slot_pages", slot_pages)))
        draw = Draw(f"quantized_cache{g}x{d}")
        a, b = draw.normal(kv), draw.normal(kv)
        a[0], b[1] = 0.0, 1e-35  # a row of nothing, and one too small for its reciprocal
        places = draw.random.permutation(pages)[: slots * slot_pages].reshape(slots, slot_pages)
        rows = Tensor("f32", (pages, g, 32, d))
        before = [ref.quantize_heads(draw.normal(rows)) for _ in range(2)]
        new = [ref.quantize_heads(x) for x in (a, b)]

        def stored(quanta, scales):
            return [ref.quantized_pages(quanta[0].swapaxes(2, 3), scales[0]),
                    ref.quantized_pages(quanta[1], scales[1])]

        # A scale stands in a page as a value of one element would.
        quanta = ref.append(new[0][0], new[1][0], before[0][0].swapaxes(2, 3), before[1][0],
                            positions, sequences, places)
        quanta = [quanta[0].swapaxes(2, 3), quanta[1]]
        scales = [ref.append(n[1][..., None], n[1][..., None], m[1][:, :, None], m[1][..., None],
                             positions, sequences, places)[1][..., 0] for n, m in zip(new, before)]
        old = stored([m[0] for m in before], [m[1] for m in before])
        after = stored(quanta, scales)
        tag = f"{g}x{d}"
        yield Case(f"append_quantized_{tag}", [kv, kv, keys, values, index, index, table],
                   [a, b, None, None, positions, sequences, places], [keys, values],
                   "%r0, %r1 = lathe.append %a0, %a1 to %a2, %a3 at %a4, %a5, %a6"
                   " : {a0}, {a1}, {a2}, {a3}, {a4}, {a5}, {a6}",
                   after, tied={0: 2, 1: 3}, stored={2: old[0], 3: old[1]})
        q = Tensor("f32", (tokens(t), 2 * g, d))
        c = draw.normal(q, 2.0)
        numbers = [x[1][..., None] * x[0].astype(np.float32) for x in zip(quanta, scales)]
        numbers = [x.astype(np.float64) for x in numbers]
        for number, (words, keywords) in enumerate((("", {}), (" window 40", {"window": 40}))):
            expected = ref.cached_attention(c, numbers[0].swapaxes(2, 3), numbers[1], positions,
                                            sequences, places, 0.25, **keywords)
            yield Case(f"cached_attention_quantized_{tag}_{number}",
                       [q, keys, values, index, index, table],
                       [c, None, None, positions, sequences, places], [q],
                       "%r0 = lathe.cached_attention %a0, %a1, %a2 at %a3, %a4, %a5 scale 0.25"
                       f"{words} : {{a0}}, {{a1}}, {{a2}}, {{a3}}, {{a4}}, {{a5}}", [expected],
                       stored={1: after[0], 2: after[1]})


def fusions():
    """The groups that form-kernels makes of several ops."""
    for t, k, n in ((1, 77, 97), (7, 64, 96), (77, 33, 7)):
        x, y = Tensor("f32", (tokens(t), k)), Tensor("f32", (tokens(t), n))
        w, bias = Tensor("f32", (n, k)), Tensor("f32", (n,))
        tag = f"{t}x{k}x{n}"
        draw = Draw("fusion" + tag)
        a, m, c, r = draw.normal(x), draw.normal(w, 0.2), draw.normal(bias), draw.normal(y)
        product = from_bits(to_bits(ref.linear(a, m, c), "f32"), "f32")
        linear = "lathe.linear %a0, %a1 bias %a2 : {a2} : {a0}, {a1} -> {r0}"
        yield Case(f"linear_gelu_{tag}", [x, w, bias], [a, m, c], [y],
                   f"%l = {linear}\n  %r0 = lathe.activation gelu %l : {{r0}}",
                   [ref.activation("gelu", product)])
        yield Case(f"linear_residual_{tag}", [x, w, bias, y], [a, m, c, r], [y],
                   f"%l = {linear}\n  %r0 = arith.addf %a3, %l : {{r0}}",
                   [r + product], tied={0: 3})
        yield Case(f"linear_softcap_{tag}", [x, w, bias], [a, m, c], [y],
                   f"%l = {linear}\n  %r0 = lathe.softcap %l cap 3.0 : {{r0}}",
                   [ref.softcap(product, 3.0)])
        gate, wide = Tensor("f32", (2 * n, k)), Tensor("f32", (tokens(t), 2 * n))
        g = draw.normal(gate, 0.2)
        both = from_bits(to_bits(ref.linear(a, g), "f32"), "f32")
        yield Case(f"linear_gated_{tag}", [x, gate], [a, g], [y],
                   f"%l = lathe.linear %a0, %a1 : {{a0}}, {{a1}} -> {wide.text()}\n"
                   f"  %r0 = lathe.gated_activation silu %l : {wide.text()} -> {{r0}}",
                   [ref.gated_activation("silu", both)])

    t, c = 7, 13
    table, index = Tensor("bf16", (101, c)), Tensor("i32", (tokens(t),))
    row, y = Tensor("f32", (c,)), Tensor("f32", (tokens(t), c))
    draw = Draw("embedding")
    a, b, i, j = draw.normal(table), draw.normal(table), draw.below(101, t), draw.below(101, t)
    g, h = draw.normal(row), draw.normal(row)
    total = from_bits(to_bits(a[i] + b[j], "f32"), "f32")
    yield Case("embedding", [table, table, index, index, row, row], [a, b, i, j, g, h], [y],
               "%e = lathe.gather %a0[%a2] : {a0}, {a2} -> {r0}\n"
               "  %f = lathe.gather %a1[%a3] : {a1}, {a3} -> {r0}\n"
               "  %s = arith.addf %e, %f : {r0}\n"
               "  %r0 = lathe.layer_norm %s, %a4, %a5 eps 1.0e-12 : {r0}, {a4}",
               [ref.layer_norm(total, g, h, 1e-12)])


def rotated_cache():
    """Columns of one projection: query and key turned, key and value appended."""
    t, h, g, d = 5, 4, 2, 16
    positions, sequences = np.array([30, 31, 32, 33, 2]), np.array([1, 1, 1, 1, 0])
    width, place = (h + 2 * g) * d, Tensor("i32", (tokens(t),))
    qkv, turned = Tensor("f32", (tokens(t), width)), Tensor("f32", (tokens(t), h, d))
    table, p = Tensor("f32", (64, d)), Dim("pages", 6)
    keys, values = Tensor("f32", (p, g, d, 32)), Tensor("f32", (p, g, 32, d))
    pages = Tensor("i32", (Dim("slots", 2), Dim("slot_pages", 3)))
    draw = Draw("rotated")
    a, k, v = draw.normal(qkv), draw.normal(keys), draw.normal(values)
    m = from_bits(to_bits(ref.rope_table(1e4 ** (-np.arange(d // 2) * 2 / d), 64), "f32"), "f32")
    places = draw.random.permutation(6).reshape(2, 3)
    q, key, value = (part.reshape(t, -1, d) for part in np.split(a, [h * d, (h + g) * d], axis=1))
    turned_key = from_bits(to_bits(ref.rope(key, positions, m), "f32"), "f32")
    after = ref.append(turned_key, value, k, v, positions, sequences, places)

    def heads(name, first, count):
        flat = Tensor("f32", (tokens(t), count * d)).text()
        shaped = Tensor("f32", (tokens(t), count, d)).text()
        return (f"%{name}f = tensor.extract_slice %a0[0, {first * d}] [%t, {count * d}] [1, 1]"
                f" : {{a0}} to {flat}\n"
                f"  %{name} = tensor.expand_shape %{name}f [[0], [1, 2]]"
                f" output_shape [%t, {count}, {d}] : {flat} into {shaped}\n  ")

    small = Tensor("f32", (tokens(t), g, d)).text()
    yield Case("rotated_cache", [qkv, place, table, keys, values, place, pages],
               [a, positions, m, k, v, sequences, places], [turned, keys, values],
               f"%t = arith.constant {t} : index\n  "
               + heads("q", 0, h) + heads("k", h, g) + heads("v", h + g, g)
               + "%r0 = lathe.rope %q at %a1, %a2 : {r0}, {a1}, {a2}\n"
               f"  %n = lathe.rope %k at %a1, %a2 : {small}, {{a1}}, {{a2}}\n"
               "  %r1, %r2 = lathe.append %n, %v to %a3, %a4 at %a1, %a5, %a6"
               f" : {small}, {small}, {{a3}}, {{a4}}, {{a1}}, {{a5}}, {{a6}}",
               [ref.rope(q, positions, m), *after], tied={1: 3, 2: 4})


def all_cases():
    for group in (rows, elementwise, upstream, lookups, quantized, contractions, attentions, caches,
                  quantized_caches, fusions,
                  rotated_cache):
        yield from group()
