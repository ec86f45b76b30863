"""Random modules of the lathe dialect: entries that are chains and graphs of
its inference ops and of arith's and math's, with what NumPy float64 says of
their results and how far a right program may be from that.

Each value carries an array `error`: a bound of |computed - exact| for each
element, from the bounds of the operands, the op's derivative, and one rounding
to the element type. Sums of n terms add GAMMA * n * u of the sum of magnitudes
(Higham, "Accuracy and Stability of Numerical Algorithms", 3.1, for any order),
functions their stated units of the last place.
"""

import dataclasses

import numpy as np

import operators as ref
from cases import Tensor, Dim, from_bits, sequences_of, to_bits

UNIT = {"f32": 2.0**-24, "bf16": 2.0**-8, "f16": 2.0**-11}
SMALLEST = {"f32": 2.0**-149, "bf16": 2.0**-133, "f16": 2.0**-25}
ULPS = 4  # of f32, that any function of one number may be off
SIZES = (1, 7, 77, 97, 16, 32, 5)
TOKENS = (1, 7, 77, 33)
LARGEST = 1e3  # values past this are not used: f16 ends at 65504
WORST = 2e-2  # nor those whose bound is no bound any more


@dataclasses.dataclass
class Value:
    name: str
    tensor: Tensor
    exact: np.ndarray
    error: np.ndarray

    @property
    def element(self):
        return self.tensor.element


class Refused(Exception):
    """The op drawn does not suit the values drawn."""


class Entry:
    """One entry and its operands. `parameters` is shared by a module."""

    def __init__(self, name, random, parameters):
        self.name, self.random, self.parameters = name, random, parameters
        self.count = TOKENS[random.integers(len(TOKENS))]
        self.tokens = Dim("tokens", self.count) if random.random() < 0.7 else self.count
        self.lines, self.arguments, self.values, self.indices = [], [], [], {}
        for _ in range(1 + random.integers(3)):
            self.argument((self.tokens, self.size()))
        for _ in range(2 + random.integers(14)):
            self.step()
        self.choose_results()

    # Building.

    def size(self):
        return int(self.random.choice(SIZES))

    def normal(self, shape):
        x = self.random.standard_normal(tuple(int(d) for d in shape))
        return from_bits(to_bits(x, "f32"), "f32")

    def argument(self, shape):
        x = self.normal(shape)
        value = Value(f"%a{len(self.arguments)}", Tensor("f32", shape), x, np.zeros_like(x))
        self.arguments.append((value, None))
        self.values.append(value)
        return value

    def index(self, kind, numbers, limit, shape=None):
        """The i32 operand of this kind, one an entry."""
        if kind not in self.indices:
            shape = shape or (self.tokens,)
            value = Value(f"%a{len(self.arguments)}", Tensor("i32", shape), np.asarray(numbers),
                          np.zeros(np.shape(numbers)))
            self.arguments.append((value, limit))
            self.indices[kind] = value
        return self.indices[kind]

    def parameter(self, shape, element="f32"):
        key = f"p{len(self.parameters)}"
        x = from_bits(to_bits(self.normal(shape), element), element)
        self.parameters[key] = (Tensor(element, shape), x)
        value = Value(self.fresh(), Tensor(element, shape), x, np.zeros_like(x))
        self.lines.append(f"{value.name} = lathe.get @{key} : {value.tensor.text()}")
        return value

    def fresh(self):
        return f"%v{len(self.lines)}"

    def pick(self, accepts):
        found = [v for v in self.values if accepts(v)]
        if not found:
            raise Refused
        # Late values more often: chains as well as graphs.
        return found[max(self.random.integers(len(found), size=2))]

    def pick_like(self, value):
        return self.pick(lambda v: v.tensor.text() == value.tensor.text())

    def emit(self, text, shape, exact, error, element="f32", ulps=1):
        """Adds the op `text`, whose {} is the type of its result."""
        error = error + ulps * UNIT[element] * (np.abs(exact) + error) + SMALLEST[element]
        scale = max(np.abs(exact).max(initial=0), 1e-3)
        if not (scale < LARGEST and error.max(initial=0) < WORST * scale):
            raise Refused
        value = Value(self.fresh(), Tensor(element, shape), exact, error)
        self.lines.append(f"{value.name} = " + text.replace("{}", value.tensor.text()))
        self.values.append(value)
        return value

    def step(self):
        ops = [name for name in dir(self) if name.startswith("op_")]
        for _ in range(20):
            lines, values = len(self.lines), len(self.values)
            try:
                return getattr(self, ops[self.random.integers(len(ops))])()
            except Refused:
                del self.lines[lines:], self.values[values:]

    def choose_results(self):
        """Float values of f32: the last one and some others, none an argument."""
        own = [v for v in self.values if v.name.startswith("%v")]
        if not own:
            x = self.values[0]
            own = [self.emit(f"arith.negf {x.name} : {{}}", x.tensor.shape, -x.exact, x.error)]
        chosen = {own[-1].name: own[-1]}
        for _ in range(self.random.integers(3)):
            v = own[self.random.integers(len(own))]
            chosen[v.name] = v
        self.results = []
        for v in chosen.values():
            if v.element in ("bf16", "f16"):
                v = self.emit(f"arith.extf {v.name} : {v.tensor.text()} to {{}}", v.tensor.shape,
                              v.exact, v.error)
            self.results.append(v)

    def text(self):
        def described(value, limit):
            note = f"lathe.name = \"{value.name[1:]}\""
            note += f", lathe.limit = {limit} : i64" if limit else ""
            return f"{value.name}: {value.tensor.text()} {{{note}}}"

        arguments = ", ".join(described(v, limit) for v, limit in self.arguments)
        results = ", ".join(f"{v.tensor.text()} {{lathe.name = \"y{i}\"}}"
                            for i, v in enumerate(self.results))
        names = ", ".join(v.name for v in self.results)
        kinds = ", ".join(v.tensor.text() for v in self.results)
        body = "".join(f"  {line}\n" for line in self.lines)
        return (f"func.func @{self.name}({arguments}) -> ({results}) attributes {{lathe.entry}}"
                f" {{\n{body}  return {names} : {kinds}\n}}\n")

    # Elementwise.

    def is_float(self, v):
        return v.element != "i32"

    def op_binary(self):
        a = self.pick(self.is_float)
        b = self.pick_like(a)
        op = ("addf", "subf", "mulf", "maximumf", "minimumf",
              "maxnumf", "minnumf")[self.random.integers(7)]
        exact = {"addf": np.add, "subf": np.subtract, "mulf": np.multiply, "maximumf": np.maximum,
                 "minimumf": np.minimum, "maxnumf": np.maximum,
                 "minnumf": np.minimum}[op](a.exact, b.exact)
        error = {"addf": a.error + b.error, "subf": a.error + b.error,
                 "mulf": np.abs(a.exact) * b.error + np.abs(b.exact) * a.error + a.error * b.error
                 }.get(op, np.maximum(a.error, b.error))
        self.emit(f"arith.{op} {a.name}, {b.name} : {{}}", a.tensor.shape, exact, error, a.element)

    # op: function, and a bound of its derivative everywhere.
    SMOOTH = {
        "arith.negf": (np.negative, 1), "math.absf": (np.abs, 1), "math.sin": (np.sin, 1),
        "math.cos": (np.cos, 1), "math.tanh": (np.tanh, 1), "math.erf": (ref.erf, 1.13),
        **{f"lathe.activation {kind}": ((lambda k: lambda x: ref.activation(k, x))(kind), 1.14)
           for kind in ("gelu", "gelu_tanh", "silu", "relu", "tanh", "quick_gelu")},
    }

    def op_smooth(self):
        x = self.pick(self.is_float)
        op = list(self.SMOOTH)[self.random.integers(len(self.SMOOTH))]
        function, slope = self.SMOOTH[op]
        # gelu and its like, exact in float64 where their tails cancel.
        self.emit(f"{op} {x.name} : {{}}", x.tensor.shape, function(x.exact),
                  slope * x.error + 1e-15, x.element, 1 + ULPS * UNIT["f32"] / UNIT[x.element])

    def op_exp(self):
        x = self.pick(lambda v: self.is_float(v) and v.exact.max(initial=0) < 4)
        exact = np.exp(x.exact)
        self.emit(f"math.exp {x.name} : {{}}", x.tensor.shape, exact,
                  np.exp(x.exact + x.error) - exact, x.element, 1 + ULPS)

    def op_positive(self):
        """log, sqrt, rsqrt, powf and a quotient: where the operand is >= 1."""
        x = self.pick(lambda v: self.is_float(v) and v.element == "f32" and
                      not (self.is_dynamic(v)))
        one = self.fresh()
        self.lines.append(f"{one} = arith.constant dense<1.0> : {x.tensor.text()}")
        a = self.emit(f"math.absf {x.name} : {{}}", x.tensor.shape, np.abs(x.exact), x.error)
        b = self.emit(f"arith.addf {a.name}, {one} : {{}}", x.tensor.shape, a.exact + 1, a.error)
        op = ("log", "sqrt", "rsqrt", "divf", "powf")[self.random.integers(5)]
        if op == "divf":
            quotient = x.exact / b.exact
            error = (x.error + np.abs(quotient) * b.error) / (b.exact - b.error)
            return self.emit(f"arith.divf {x.name}, {b.name} : {{}}", x.tensor.shape, quotient,
                             error)
        if op == "powf":
            y = self.pick_like(x)
            exact = np.exp(y.exact * np.log(b.exact))
            change = y.error * np.log(b.exact + b.error) + (np.abs(y.exact) + y.error) * b.error
            return self.emit(f"math.powf {b.name}, {y.name} : {{}}", x.tensor.shape, exact,
                             exact * np.expm1(change), ulps=ULPS)
        function = {"log": np.log, "sqrt": np.sqrt, "rsqrt": lambda v: 1 / np.sqrt(v)}[op]
        # No derivative is above 1 from 1 on; a log near 0 has small numbers.
        return self.emit(f"math.{op} {b.name} : {{}}", x.tensor.shape, function(b.exact), b.error,
                         ulps=ULPS)

    def is_dynamic(self, v):
        return any(isinstance(d, Dim) for d in v.tensor.shape)

    def op_whole(self):
        """Steps and choices, of numbers that are exact."""
        x = self.pick(lambda v: self.is_float(v) and not v.error.any())
        op = ("floor", "ceil", "roundeven", "trunc", "select")[self.random.integers(5)]
        if op == "select":
            y = self.pick(lambda v: v.tensor.text() == x.tensor.text() and not v.error.any())
            a, b = self.pick_like(x), self.pick_like(x)
            condition = self.fresh()
            kind = x.tensor.text()
            self.lines.append(f"{condition} = arith.cmpf ole, {x.name}, {y.name} : {kind}")
            bits = kind.replace(f"x{x.element}", "xi1")
            chosen = x.exact <= y.exact
            return self.emit(f"arith.select {condition}, {a.name}, {b.name} : {bits}, {{}}",
                             x.tensor.shape, np.where(chosen, a.exact, b.exact),
                             np.where(chosen, a.error, b.error), x.element)
        function = {"floor": np.floor, "ceil": np.ceil, "roundeven": np.rint,
                    "trunc": np.trunc}[op]
        return self.emit(f"math.{op} {x.name} : {{}}", x.tensor.shape, function(x.exact),
                         np.zeros_like(x.exact), x.element)

    def op_fma(self):
        a = self.pick(self.is_float)
        b, c = self.pick_like(a), self.pick_like(a)
        error = np.abs(a.exact) * b.error + np.abs(b.exact) * a.error + a.error * b.error + c.error
        self.emit(f"math.fma {a.name}, {b.name}, {c.name} : {{}}", a.tensor.shape,
                  a.exact * b.exact + c.exact, error, a.element, 2)

    def op_narrow(self):
        x = self.pick(lambda v: v.element == "f32")
        element = ("bf16", "f16")[self.random.integers(2)]
        self.emit(f"arith.truncf {x.name} : {x.tensor.text()} to {{}}", x.tensor.shape, x.exact,
                  x.error, element)

    def op_widen(self):
        x = self.pick(lambda v: v.element in ("bf16", "f16"))
        self.emit(f"arith.extf {x.name} : {x.tensor.text()} to {{}}", x.tensor.shape, x.exact,
                  x.error)

    def op_softcap(self):
        x = self.pick(self.is_float)
        self.emit(f"lathe.softcap {x.name} cap 5.0 : {{}}", x.tensor.shape,
                  ref.softcap(x.exact, 5.0), x.error, x.element, 1 + ULPS)

    # Rows.

    def is_matrix(self, v):
        # One row a token, also by its type: a pooled row is none.
        return (self.is_float(v) and v.exact.ndim == 2 and len(v.exact) == self.count
                and isinstance(v.tensor.shape[0], Dim) == isinstance(self.tokens, Dim))

    def is_f32_matrix(self, v):
        return self.is_matrix(v) and v.element == "f32"

    def weight(self, size, element="f32"):
        """A row: a parameter, one row of a matrix, or computed."""
        kind = self.random.integers(3)
        if kind == 0:
            return self.parameter((size,), element)
        if kind == 1:
            table = self.parameter((3, size), element)
            row = Value(self.fresh(), Tensor(element, (size,)), table.exact[1],
                        np.zeros(size))
            self.lines.append(f"{row.name} = tensor.extract_slice {table.name}[1, 0] [1, {size}]"
                              f" [1, 1] : {table.tensor.text()} to {row.tensor.text()}")
            return row
        plain = self.parameter((size,), element)
        row = self.emit(f"arith.addf {plain.name}, {plain.name} : {{}}", (size,), 2 * plain.exact,
                        plain.error, element)
        self.values.pop()
        return row

    def op_norm(self):
        x = self.pick(self.is_matrix)
        size = x.exact.shape[1]
        kind = ("rms", "layer", "l2")[self.random.integers(3)]
        u, n = UNIT["f32"], size
        centred, moved = x.exact, x.error
        if kind == "layer":
            mean = x.exact.mean(axis=1, keepdims=True)
            centred = x.exact - mean
            moved = x.error + (x.error.mean(axis=1, keepdims=True)
                               + (n + 2) * u * np.abs(x.exact).mean(axis=1, keepdims=True))
        if kind == "l2":
            length = np.sqrt((x.exact**2).sum(axis=1, keepdims=True))
            drift = np.sqrt((x.error**2).sum(axis=1, keepdims=True))
        else:
            length = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
            drift = np.sqrt((moved**2).mean(axis=1, keepdims=True))
        if (length < 1e-2).any() or (drift > length / 10).any():
            raise Refused
        normed = centred / length
        change = 1.12 * (moved + np.abs(normed) * (drift + (n + 4) * u * length)) / length
        if kind == "l2":
            return self.emit(f"lathe.l2_normalize {x.name} eps 1.0e-12 : {{}}", x.tensor.shape,
                             normed, change, x.element, 3)
        w = self.weight(size, x.element)
        exact, error = normed * w.exact, change * (np.abs(w.exact) + w.error) + \
            np.abs(normed) * w.error
        kinds = f"{{}}, {w.tensor.text()}"
        if kind == "rms":
            return self.emit(f"lathe.rms_norm {x.name}, {w.name} eps 1.0e-5 : {kinds}",
                             x.tensor.shape, exact, error, x.element, 3)
        b = self.weight(size, x.element)
        extra = b.error + 2 * u * np.abs(exact)
        return self.emit(f"lathe.layer_norm {x.name}, {w.name}, {b.name} eps 1.0e-5 : {kinds}",
                         x.tensor.shape, exact + b.exact, error + extra, x.element, 3)

    def op_linear(self):
        x = self.pick(self.is_f32_matrix)
        depth, width = x.exact.shape[1], self.size()
        element = ("f32", "bf16", "f16")[self.random.integers(3)]
        w = self.parameter((width, depth), element)
        scale = np.abs(w.exact)
        exact = x.exact @ w.exact.T
        error = (x.error @ scale.T
                 + (depth + 2) * UNIT["f32"] * ((np.abs(x.exact) + x.error) @ scale.T))
        bias = ""
        if self.random.random() < 0.5:
            b = self.parameter((width,))
            bias = f" bias {b.name} : {b.tensor.text()}"
            exact = exact + b.exact
        self.emit(f"lathe.linear {x.name}, {w.name}{bias} : {x.tensor.text()}, {w.tensor.text()}"
                  " -> {}", (x.tensor.shape[0], width), exact, error)

    def op_gated(self):
        x = self.pick(lambda v: self.is_matrix(v) and v.exact.shape[1] % 2 == 0)
        half = x.exact.shape[1] // 2
        kind = ("gelu", "gelu_tanh", "silu", "relu")[self.random.integers(4)]
        gate, up = ref.activation(kind, x.exact[:, :half]), x.exact[:, half:]
        moved = 1.14 * x.error[:, :half] + ULPS * UNIT["f32"] * np.abs(gate) + 1e-15
        error = moved * (np.abs(up) + x.error[:, half:]) + np.abs(gate) * x.error[:, half:]
        self.emit(f"lathe.gated_activation {kind} {x.name} : {x.tensor.text()} -> {{}}",
                  (x.tensor.shape[0], half), gate * up, error, x.element, 2)

    def op_gather(self):
        rows = int(self.random.choice((1, 7, 97)))
        index = self.index(f"rows{rows}", self.random.integers(0, rows, self.count), rows)
        table = self.parameter((rows, self.size()), ("f32", "bf16", "f16")[
            self.random.integers(3)])
        self.emit(f"lathe.gather {table.name}[{index.name}] scale 0.75 : {table.tensor.text()},"
                  f" {index.tensor.text()} -> {{}}", (self.tokens, table.exact.shape[1]),
                  0.75 * table.exact[index.exact], np.zeros((self.count, table.exact.shape[1])))

    def op_number(self):
        index = self.index("rows97", self.random.integers(0, 97, self.count), 97)
        self.emit(f"arith.sitofp {index.name} : {index.tensor.text()} to {{}}", (self.tokens,),
                  index.exact.astype(np.float64), np.zeros(self.count))

    def op_columns(self):
        x = self.pick(lambda v: self.is_matrix(v) and v.exact.shape[1] > 2)
        columns = x.exact.shape[1]
        first = int(self.random.integers(columns - 1))
        width = int(self.random.integers(1, columns - first))
        rows = self.count
        if isinstance(x.tensor.shape[0], Dim):
            size = self.rows_of(x)
        else:
            size = str(rows)
        value = Value(self.fresh(), Tensor(x.element, (x.tensor.shape[0], width)),
                      x.exact[:, first:first + width], x.error[:, first:first + width])
        self.lines.append(f"{value.name} = tensor.extract_slice {x.name}[0, {first}] [{size},"
                          f" {width}] [1, 1] : {x.tensor.text()} to {value.tensor.text()}")
        self.values.append(value)

    def rows_of(self, x):
        zero, size = self.fresh(), None
        self.lines.append(f"{zero} = arith.constant 0 : index")
        size = self.fresh()
        self.lines.append(f"{size} = tensor.dim {x.name}, {zero} : {x.tensor.text()}")
        return size

    # Sequences and heads.

    def sequences(self):
        numbers = sequences_of(self.count)
        return self.index("sequences", numbers, int(numbers.max()) + 1)

    def positions(self):
        s = self.sequences().exact
        return self.index("positions", np.arange(self.count) - np.searchsorted(s, s), 96)

    def heads(self, x, count):
        size = x.exact.shape[1] // count
        rows = self.rows_of(x) if self.is_dynamic(x) else str(self.count)
        shape = (x.tensor.shape[0], count, size)
        value = Value(self.fresh(), Tensor("f32", shape), x.exact.reshape(shape),
                      x.error.reshape(shape))
        self.lines.append(f"{value.name} = tensor.expand_shape {x.name} [[0], [1, 2]] output_shape"
                          f" [{rows}, {count}, {size}] : {x.tensor.text()} into"
                          f" {value.tensor.text()}")
        return value

    def joined(self, x):
        shape = (x.tensor.shape[0], x.exact.shape[1] * x.exact.shape[2])
        value = Value(self.fresh(), Tensor("f32", shape), x.exact.reshape(shape),
                      x.error.reshape(shape))
        self.lines.append(f"{value.name} = tensor.collapse_shape {x.name} [[0], [1, 2]] :"
                          f" {x.tensor.text()} into {value.tensor.text()}")
        self.values.append(value)

    def projected(self, x, heads, size):
        """x through a linear layer, as (T, heads, size)."""
        depth = x.exact.shape[1]
        w = self.parameter((heads * size, depth))
        scale = np.abs(w.exact)
        error = x.error @ scale.T + (depth + 2) * UNIT["f32"] * (np.abs(x.exact) @ scale.T)
        y = self.emit(f"lathe.linear {x.name}, {w.name} : {x.tensor.text()}, {w.tensor.text()}"
                      " -> {}", (x.tensor.shape[0], heads * size), x.exact @ w.exact.T, error)
        self.values.pop()
        return self.heads(y, heads)

    def rotated(self, x):
        width = int(self.random.integers(1, x.exact.shape[2] // 2 + 1)) * 2
        position = self.positions()
        angles = np.outer(np.arange(96), 100.0 ** (-np.arange(width // 2) / width))
        table = self.parameter((96, width))
        numbers = from_bits(to_bits(np.concatenate([np.cos(angles), np.sin(angles)], 1), "f32"),
                            "f32")
        table.exact[:] = numbers
        half = width // 2
        reach = np.abs(x.exact) + x.error
        low, high = reach[..., :half], reach[..., half:width]
        moved = x.error[..., :half] + x.error[..., half:width]
        extra = 3 * UNIT["f32"] * (low + high)
        error = np.concatenate([moved + extra, moved + extra, x.error[..., width:]], axis=-1)
        y = self.emit(f"lathe.rope {x.name} at {position.name}, {table.name} : {{}},"
                      f" {position.tensor.text()}, {table.tensor.text()}", x.tensor.shape,
                      ref.rope(x.exact, position.exact, numbers), error)
        self.values.pop()
        return y

    def attended(self, q, k, v, window, cap, keys_seen):
        """Bound of the error of attention: the softmax of scores that are off by
        at most d changes each weight by a factor within exp(2 d)."""
        size = q.exact.shape[2]
        u = UNIT["f32"]
        scale = size**-0.5
        qn = np.linalg.norm(np.abs(q.exact) + q.error, axis=-1).max()
        kn = np.linalg.norm(np.abs(k.exact) + k.error, axis=-1).max()
        qe = np.linalg.norm(q.error, axis=-1).max()
        ke = np.linalg.norm(k.error, axis=-1).max()
        score = scale * (qe * kn + ke * qn + (size + 3) * u * qn * kn)
        score += 6 * u * scale * qn * kn
        change = np.expm1(2 * score) + (keys_seen + 12) * u
        return 2 * change * np.abs(v.exact).max() + v.error.max()

    def op_attention(self):
        x = self.pick(self.is_f32_matrix)
        groups = int(self.random.choice((1, 2, 3)))
        ratio = int(self.random.choice((1, 2)))
        size = int(self.random.choice((2, 7, 8, 17, 32)))
        q = self.projected(x, groups * ratio, size)
        k, v = self.projected(x, groups, size), self.projected(x, groups, size)
        if self.random.random() < 0.5:
            q, k = self.rotated(q), self.rotated(k)
        causal = bool(self.random.integers(2))
        window = int(self.random.choice((0, 0, 5))) if causal else 0
        cap = float(self.random.choice((0, 0, 9)))
        scale = float(np.float32(size**-0.5))
        if self.random.random() < 0.4:
            y = self.cached(q, k, v, scale, window, cap)
        else:
            s = self.sequences()
            exact = ref.attention(q.exact, k.exact, v.exact, s.exact, scale, causal, window, cap)
            error = np.full_like(exact, self.attended(q, k, v, window, cap, self.count))
            y = self.emit(f"lathe.attention {q.name}, {k.name}, {v.name} by {s.name} scale"
                          f" {scale!r}{' causal' if causal else ''}"
                          f"{f' window {window}' if window else ''}"
                          f"{f' softcap {cap}' if cap else ''} : {{}}, {k.tensor.text()},"
                          f" {s.tensor.text()}", q.tensor.shape, exact, error, ulps=2)
            self.values.pop()
        self.joined(y)

    def cached(self, q, k, v, scale, window, cap):
        groups, size = k.exact.shape[1:]
        s, p = self.sequences(), self.positions()
        slots, slot_pages = 4, 3
        order = self.random.permutation(slots * slot_pages).reshape(slots, slot_pages)
        table = self.index("pages", order, slots * slot_pages, (slots, slot_pages))
        keys = self.parameter((slots * slot_pages, groups, size, 32))
        values = self.parameter((slots * slot_pages, groups, 32, size))
        base = len(self.lines)
        new = f"%v{base}"
        self.lines.append(
            f"{new}:2 = lathe.append {k.name}, {v.name} to {keys.name}, {values.name} at {p.name},"
            f" {s.name}, {table.name} : {k.tensor.text()}, {v.tensor.text()},"
            f" {keys.tensor.text()}, {values.tensor.text()}, {p.tensor.text()},"
            f" {s.tensor.text()}, {table.tensor.text()}")
        after = ref.append(k.exact, v.exact, keys.exact, values.exact, p.exact, s.exact,
                           table.exact)
        exact = ref.cached_attention(q.exact, *after, p.exact, s.exact, table.exact, scale, window,
                                     cap)
        error = np.full_like(exact, self.attended(q, k, v, window, cap, self.count))
        y = self.emit(f"lathe.cached_attention {q.name}, {new}#0, {new}#1 at {p.name}, {s.name},"
                      f" {table.name} scale {scale!r}{f' window {window}' if window else ''}"
                      f"{f' softcap {cap}' if cap else ''} : {{}}, {keys.tensor.text()},"
                      f" {values.tensor.text()}, {p.tensor.text()}, {s.tensor.text()},"
                      f" {table.tensor.text()}", q.tensor.shape, exact, error, ulps=2)
        self.values.pop()
        return y

    def op_pool(self):
        x = self.pick(self.is_f32_matrix)
        s = self.sequences()
        kind = ("mean", "first", "last", "max")[self.random.integers(4)]
        count = int(s.exact.max()) + 1
        # The bound of a mean is the mean of bounds; of a chosen row, its bound.
        error = (ref.pool("mean", x.error, s.exact, count) if kind == "mean"
                 else ref.pool("max", x.error, s.exact, count))
        reach = ref.pool("mean", np.abs(x.exact), s.exact, count)
        if kind == "mean":
            error = error + (self.count + 2) * UNIT["f32"] * reach
        self.emit(f"lathe.pool {kind} {x.name} by {s.name} : {x.tensor.text()}, {s.tensor.text()}"
                  " -> {}", (count, x.exact.shape[1]),
                  ref.pool(kind, x.exact, s.exact, count), error)


def module(name, seed, entries):
    """The text of a module, its parameters, and its entries."""
    parameters = {}
    made = [Entry(f"entry{i}", np.random.default_rng([seed, i]), parameters)
            for i in range(entries)]
    head = "lathe.symbol @tokens in [1, 128]\n" + "".join(
        f"lathe.parameter @{key} : {tensor.text()} from \"{name}.safetensors\" key \"{key}\"\n"
        for key, (tensor, _) in parameters.items())
    return head + "".join(entry.text() for entry in made), parameters, made
