"""Checks that attention gives a token the same bits however it is asked for.

    check_exactness.py --lathe-opt build/bin/lathe-opt [--cpu x86-64-v3] [--pairs]

The same tokens go through `lathe.attention` at once; through `lathe.append` and
`lathe.cached_attention` as one prompt, in pieces, and one by one; alone and
among seven other sequences; in one range of tiles and in many; and, as masked
keys must not be read as numbers, with NaN in every place of the cache that no
token may see. All must give the same bytes.

With --pairs everything is bf16 and multiplied in pairs (vdpbf16ps), where this
processor has that, and is compared with float64 too.
"""

import argparse
import pathlib
import tempfile

import numpy as np

import operators
from cases import Dim, Tensor, from_bits, to_bits
from run_kernel import Buffer, Kernels

SLOTS, SLOT_PAGES, PAGES = 8, 12, 100
SKIPPED = 77


class Model:
    """One attention with its cache, for any number of tokens."""

    def __init__(self, name, heads, groups, size, element="f32", words="", schedule="",
                 rows="f32", window=0):
        self.name, self.heads, self.groups, self.size = name, heads, groups, size
        self.rows, self.window = rows, window  # window: what `words` say
        t = Dim("tokens", 1)
        self.is_quantised = element == "q8"
        quant = (f'#lathe.dims<"pages" quant <quantum = si8, group = {size}, scale = f32>>'
                 if self.is_quantised else "")
        pages = lambda *sizes: Tensor("f32" if quant else element, (Dim("pages", 1), groups, *sizes), quant)
        self.types = {
            "q": Tensor(rows, (t, heads, size)),
            "k": Tensor(rows, (t, groups, size)),
            "keys": pages(size, 32),
            "values": pages(32, size),
            "i": Tensor("i32", (t,)),
            "table": Tensor("i32", (Dim("slots", 1), Dim("slot_pages", 1))),
        }
        self.storage = {"f32": np.float32, "bf16": np.uint16, "f16": np.float16,
                        "q8": np.uint8}[element]
        self.element, self.words, self.schedule = element, words, schedule

    def text(self):
        t = {name: tensor.text() for name, tensor in self.types.items()}
        lathe = "lathe.kernel" + (f", lathe.schedule = {self.schedule}" if self.schedule else "")
        return f"""
func.func private @{self.name}_forward(%q: {t['q']}, %k: {t['k']}, %v: {t['k']}, %s: {t['i']})
    -> {t['q']} attributes {{{lathe}, lathe.symbols = ["tokens"]}} {{
  %r = lathe.attention %q, %k, %v by %s scale 0.25 causal{self.words}
    : {t['q']}, {t['k']}, {t['i']}
  return %r : {t['q']}
}}
func.func private @{self.name}_append(%k: {t['k']}, %v: {t['k']}, %ks: {t['keys']},
    %vs: {t['values']}, %p: {t['i']}, %s: {t['i']}, %t: {t['table']})
    -> ({t['keys']} {{lathe.tied = 2 : i64}}, {t['values']} {{lathe.tied = 3 : i64}})
    attributes {{{lathe}, lathe.symbols = ["tokens", "pages", "slots", "slot_pages"]}} {{
  %a, %b = lathe.append %k, %v to %ks, %vs at %p, %s, %t : {t['k']}, {t['k']}, {t['keys']},
    {t['values']}, {t['i']}, {t['i']}, {t['table']}
  return %a, %b : {t['keys']}, {t['values']}
}}
func.func private @{self.name}_step(%q: {t['q']}, %ks: {t['keys']}, %vs: {t['values']},
    %p: {t['i']}, %s: {t['i']}, %t: {t['table']}) -> {t['q']}
    attributes {{{lathe}, lathe.symbols = ["tokens", "pages", "slots", "slot_pages"]}} {{
  %r = lathe.cached_attention %q, %ks, %vs at %p, %s, %t scale 0.25{self.words}
    : {t['q']}, {t['keys']}, {t['values']}, {t['i']}, {t['i']}, {t['table']}
  return %r : {t['q']}
}}
"""


class Tokens:
    """Random tokens of sequences of `lengths`, and a cache that holds NaN."""

    def __init__(self, kernels, model, lengths, seed=0):
        random = np.random.default_rng(seed)
        self.kernels, self.model = kernels, model
        count = sum(lengths)
        draw = lambda heads: (random.standard_normal((count, heads, model.size)) * 2).astype("f4")
        self.q, self.k, self.v = draw(model.heads), draw(model.groups), draw(model.groups)
        if model.rows == "bf16":
            self.q, self.k, self.v = (to_bits(x, "bf16") for x in (self.q, self.k, self.v))
        elif model.is_quantised:  # integers up to 127 of a scale of 1/32: exact there too
            for x in (self.k, self.v):
                x[:] = np.clip(np.rint(x * 32), -127, 127) / 32
                x[..., 0] = np.copysign(127 / 32, x[..., 0])
        elif model.element == "bf16":  # exact in the cache, so that forward sees the same
            self.k, self.v = (
                from_bits((x.view(np.uint32) >> 16).astype(np.uint16), "bf16").astype("f4")
                for x in (self.k, self.v))
        self.sequences = np.repeat(np.arange(len(lengths)), lengths).astype("i4")
        self.positions = np.concatenate([np.arange(n) for n in lengths]).astype("i4")
        self.places = random.permutation(PAGES)[: SLOTS * SLOT_PAGES].astype("i4")
        self.clear()

    def clear(self):
        self.table = Buffer(self.places.reshape(SLOTS, SLOT_PAGES))
        if self.model.is_quantised:  # Scales of all ones are NaN.
            page = (PAGES, self.model.groups, 32 * (self.model.size + 4))
            self.keys, self.values = (Buffer(np.full(page, 0xFF, np.uint8)) for _ in range(2))
            return
        page = (PAGES, self.model.groups, self.model.size, 32)
        full = np.full(page, 0x7FC0 if self.model.storage == np.uint16 else np.nan)
        self.keys = Buffer(full.astype(self.model.storage))
        self.values = Buffer(full.astype(self.model.storage).transpose(0, 1, 3, 2))

    def forward(self, pick=slice(None), parts=1):
        out = Buffer(np.full_like(self.q[pick], 77))
        numbers = np.unique(self.sequences[pick], return_inverse=True)[1].astype("i4")
        buffers = [Buffer(x[pick]) for x in (self.q, self.k, self.v)] + [Buffer(numbers), out]
        self.kernels.call(f"{self.model.name}_forward", buffers, [len(numbers)], parts)
        return out.array

    def step(self, pick, parts=1):
        """One call with the tokens `pick`."""
        scalars = [len(self.q[pick]), PAGES, SLOTS, SLOT_PAGES]
        places = [Buffer(self.positions[pick]), Buffer(self.sequences[pick]), self.table]
        new = [Buffer(self.k[pick]), Buffer(self.v[pick])]
        out = Buffer(np.full_like(self.q[pick], 77))
        name = self.model.name
        self.kernels.call(f"{name}_append", new + [self.keys, self.values] + places, scalars, parts)
        self.kernels.call(f"{name}_step",
                          [Buffer(self.q[pick]), self.keys, self.values] + places + [out],
                          scalars, parts)
        return out.array

    def steps(self, picks):
        """Several calls into a fresh cache; the results in the order of the tokens."""
        self.clear()
        result = np.full_like(self.q, 77)
        for pick in picks:
            result[pick] = self.step(pick)
        return result


def ways(tokens, lengths):
    """(name, bytes of all tokens) of each way to ask."""
    count = sum(lengths)
    starts = np.cumsum([0] + lengths)
    yield "forward in 7 ranges", tokens.forward(parts=7)
    yield "forward, each sequence alone", np.concatenate(
        [tokens.forward(slice(a, b)) for a, b in zip(starts, starts[1:])])
    yield "step with all prompts", tokens.steps([slice(0, count)])
    yield "steps with one prompt each", tokens.steps(
        [slice(a, b) for a, b in zip(starts, starts[1:])])
    rounds = [np.nonzero(tokens.positions == p)[0] for p in range(max(lengths))]
    yield "steps with one token of each", tokens.steps(rounds)
    pieces = [np.nonzero(tokens.positions // 37 == p)[0] for p in range(max(lengths) // 37 + 1)]
    yield "steps with pieces of 37", tokens.steps(pieces)
    backward = [np.concatenate([piece[tokens.sequences[piece] == s]
                                for s in reversed(range(len(lengths)))]) for piece in pieces]
    yield "slots in another order", tokens.steps(backward)
    # All of a call is in the cache before any of it is read.
    yield "tokens in any order", tokens.steps(
        [np.random.default_rng(3).permutation(count)])


PAIRS = "#lathe.schedule<rows = 8, columns = 32, row_block = 40, dot = bf16>"


def pair_models():
    options = {"element": "bf16", "rows": "bf16", "schedule": PAIRS}
    return [Model("plain", 2, 2, 16, **options), Model("grouped", 6, 2, 10, **options),
            Model("one_key_head", 8, 1, 40, **options),
            Model("window", 4, 2, 64, words=" window 45", window=45, **options)]


def error_of_pairs(tokens, model, got):
    """The worst error over its bound: each power is off by 2^-9 of itself, which
    moves a mean of values by that part of the largest, twice as the sum of the
    powers is not rounded; the result is rounded as well."""
    q, k, v = (from_bits(x, "bf16").astype("f8") for x in (tokens.q, tokens.k, tokens.v))
    exact = operators.attention(q, k, v, tokens.sequences, 0.25, causal=True, window=model.window)
    bound = 2 * 2.0**-9 * np.abs(v).max() + 2.0**-9 * np.abs(exact)
    return (np.abs(from_bits(got, "bf16").astype("f8") - exact) / bound).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="")
    parser.add_argument("--lower", default="--lathe-lower-rows --lathe-lower-attention")
    parser.add_argument("--cpu", default="x86-64-v3")
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    if options.pairs and "avx512_bf16" not in flags:
        print("skipped: this processor has no AVX-512 BF16")
        raise SystemExit(SKIPPED)

    narrow = "#lathe.schedule<rows = 6, columns = 16, row_block = 20>"
    models = [
        Model("plain", 2, 2, 16),
        Model("grouped", 6, 2, 13),
        Model("one_key_head", 8, 1, 40, schedule=narrow),
        Model("window", 4, 2, 8, words=" window 45"),
        Model("softcap", 2, 1, 24, words=" softcap 3.0"),
        Model("bf16", 4, 2, 32, "bf16"),
        Model("q8", 4, 2, 32, "q8"),
        Model("q8_tail", 6, 1, 13, "q8", words=" window 45", schedule=narrow),
    ]
    if options.pairs:
        models = pair_models()
    lengths = [150, 1, 33, 300, 2, 129, 64, 7]
    failed = checked = 0
    with tempfile.TemporaryDirectory() as folder:
        kernels = Kernels("".join(model.text() for model in models), options.lower,
                          pathlib.Path(folder), options.lathe_opt, options.tools, options.cpu)
        for model in models:
            tokens = Tokens(kernels, model, lengths)
            expected = tokens.forward()
            if options.pairs:
                checked += 1
                error = error_of_pairs(tokens, model, expected)
                if not error <= 1:
                    print(f"{model.name}: an error of {error:.2f} of its bound")
                    failed += 1
            elif not np.isfinite(expected).all():
                print(f"{model.name}: forward gives numbers that are not finite")
                failed += 1
            bits = f"u{expected.itemsize}"
            for name, result in ways(tokens, lengths):
                checked += 1
                wrong = (result.view(bits) != expected.view(bits)).any(axis=(1, 2))
                if wrong.any():
                    failed += 1
                    print(f"{model.name}: {name} differs in {wrong.sum()} of {len(wrong)} tokens,"
                          f" first in token {np.argmax(wrong)}")
    print(f"{checked - failed} passed, {failed} failed")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
