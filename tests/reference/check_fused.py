"""Checks kernels of several row ops against NumPy: what form-kernels groups.

    check_fused.py --lathe-opt build/bin/lathe-opt [--cpu x86-64-v3]
"""

import argparse
import pathlib
import tempfile

import numpy as np

import operators as ref
from cases import Case, Draw, Tensor, Dim, from_bits, to_bits, tokens
from check_kernels import check
from run_kernel import Kernels


def embeddings():
    """The sum of three gathers, and its norm."""
    for t, c in ((1, 7), (9, 77), (5, 64)):
        table, few = Tensor("bf16", (50, c)), Tensor("f32", (4, c))
        index, out = Tensor("i32", (tokens(t),)), Tensor("f32", (tokens(t), c))
        row = Tensor("f32", (c,))
        draw = Draw(f"embeddings{t}")
        words, types, g, b = (draw.normal(x) for x in (table, few, row, row))
        places = draw.normal(few)
        i, j, k = draw.below(50, t), draw.below(4, t), draw.below(4, t)
        total = words[i] + places[j] + types[k]
        yield Case(f"embeddings_{t}x{c}", [table, few, few, index, index, index, row, row],
                   [words, places, types, i, j, k, g, b], [out],
                   "%g0 = lathe.gather %a0[%a3] : {a0}, {a3} -> {r0}\n"
                   "  %g1 = lathe.gather %a1[%a4] : {a1}, {a4} -> {r0}\n"
                   "  %g2 = lathe.gather %a2[%a5] : {a2}, {a5} -> {r0}\n"
                   "  %s0 = arith.addf %g0, %g1 : {r0}\n"
                   "  %s1 = arith.addf %s0, %g2 : {r0}\n"
                   "  %r0 = lathe.layer_norm %s1, %a6, %a7 eps 1.0e-5 : {r0}, {a6}",
                   [ref.layer_norm(total, g, b, 1e-5)])


def first_norm():
    """Scaled rows of a table, which others read, and the norm of them."""
    for t, c in ((1, 7), (9, 77), (5, 64)):
        table, index = Tensor("bf16", (50, c)), Tensor("i32", (tokens(t),))
        out, row = Tensor("f32", (tokens(t), c)), Tensor("f32", (c,))
        draw = Draw(f"first_norm{t}")
        words, g, i = draw.normal(table), draw.normal(row), draw.below(50, t)
        rows = ref.gather(words, i, 3.0)
        yield Case(f"first_norm_{t}x{c}", [table, index, row], [words, i, g], [out, out],
                   "%r0 = lathe.gather %a0[%a1] scale 3.0 : {a0}, {a1} -> {r0}\n"
                   "  %r1 = lathe.rms_norm %r0, %a2 eps 1.0e-5 : {r0}, {a2}",
                   [rows, ref.rms_norm(rows, g, 1e-5)])


def pooled():
    """The mean of each sequence, of length 1."""
    x, s = Tensor("f32", (tokens(40), 33)), Tensor("i32", (tokens(40),))
    out = Tensor("f32", (Dim("sequences", 3), 33))
    a = Draw("pooled").normal(x)
    q = np.repeat([0, 1, 2], [1, 30, 9])
    yield Case("pooled", [x, s], [a, q], [out],
               "%p = lathe.pool mean %a0 by %a1 : {a0}, {a1} -> {r0}\n"
               "  %r0 = lathe.l2_normalize %p eps 1.0e-12 : {r0}",
               [ref.l2_normalize(ref.pool("mean", a, q, 3), 1e-12)])


def rotated(normalised):
    """q, k and v cut out of one matrix; q and k normalised and rotated; k and v
    written into the cache."""
    pages, slots, slot_pages = 6, 2, 3
    for h, g, d, width in ((4, 2, 8, 8), (3, 1, 13, 6), (2, 2, 40, 40)):
        t, columns = 5, (h + 2 * g) * d
        wide = Tensor("f32", (tokens(t), columns))
        q = Tensor("f32", (tokens(t), h, d))
        kv = Tensor("f32", (tokens(t), g, d))
        flat_q, flat_kv = Tensor("f32", (tokens(t), h * d)), Tensor("f32", (tokens(t), g * d))
        p = Dim("pages", pages)
        keys, values = Tensor("f32", (p, g, d, 32)), Tensor("f32", (p, g, 32, d))
        index = Tensor("i32", (tokens(t),))
        places = Tensor("i32", (Dim("slots", slots), Dim("slot_pages", slot_pages)))
        table, row = Tensor("f32", (128, width)), Tensor("f32", (d,))
        draw = Draw(f"rotated{h}{d}")
        a, m, n, w, u = (draw.normal(x) for x in (wide, keys, values, row, row))
        position, slot = np.array([30, 31, 32, 7, 8]), np.array([1, 1, 1, 0, 0])
        page = draw.random.permutation(pages).reshape(slots, slot_pages)
        turn = from_bits(to_bits(ref.rope_table(
            100.0 ** (-np.arange(width // 2) / (width // 2)), 128), "f32"), "f32")
        aq = a[:, : h * d].reshape(t, h, d)
        ak = a[:, h * d : (h + g) * d].reshape(t, g, d)
        av = a[:, (h + g) * d :].reshape(t, g, d)
        names = {"fq": flat_q, "fk": flat_kv, "q3": q, "k3": kv}
        norms, first, second = "", "%q3", "%k3"
        if normalised:
            aq, ak = ref.rms_norm(aq, w, 1e-6), ref.rms_norm(ak, u, 1e-6)
            norms = ("  %qn = lathe.rms_norm %q3, %a7 eps 1.0e-6 : {q3}, {a7}\n"
                     "  %kn = lathe.rms_norm %k3, %a8 eps 1.0e-6 : {k3}, {a8}\n")
            first, second = "%qn", "%kn"
        body = (
            f"%t = arith.constant {t} : index\n"
            f"  %q2 = tensor.extract_slice %a0[0, 0] [%t, {h * d}] [1, 1] : {{a0}} to {{fq}}\n"
            f"  %k2 = tensor.extract_slice %a0[0, {h * d}] [%t, {g * d}] [1, 1]"
            " : {a0} to {fk}\n"
            f"  %v2 = tensor.extract_slice %a0[0, {(h + g) * d}] [%t, {g * d}] [1, 1]"
            " : {a0} to {fk}\n"
            f"  %q3 = tensor.expand_shape %q2 [[0], [1, 2]] output_shape [%t, {h}, {d}]"
            " : {fq} into {q3}\n"
            f"  %k3 = tensor.expand_shape %k2 [[0], [1, 2]] output_shape [%t, {g}, {d}]"
            " : {fk} into {k3}\n"
            f"  %v3 = tensor.expand_shape %v2 [[0], [1, 2]] output_shape [%t, {g}, {d}]"
            " : {fk} into {k3}\n"
            f"{norms}  %r0 = lathe.rope {first} at %a3, %a6 : {{q3}}, {{a3}}, {{a6}}\n"
            f"  %kr = lathe.rope {second} at %a3, %a6 : {{k3}}, {{a3}}, {{a6}}\n"
            "  %r1, %r2 = lathe.append %kr, %v3 to %a1, %a2 at %a3, %a4, %a5 : {k3}, {k3}, {a1},"
            " {a2}, {a3}, {a4}, {a5}")
        for name, tensor in names.items():
            body = body.replace("{" + name + "}", tensor.text())
        turned = ref.rope(aq, position, turn)
        after = ref.append(ref.rope(ak, position, turn), av, m, n, position, slot, page)
        name = f"rotated_{'normalised_' if normalised else ''}{h}x{g}x{d}_{width}"
        yield Case(name, [wide, keys, values, index, index, places, table, row, row],
                   [a, m, n, position, slot, page, turn, w, u], [q, keys, values], body,
                   [turned, *after], tied={1: 1, 2: 2})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--tools", default="")
    parser.add_argument("--lower", default="--lathe-lower-rows")
    parser.add_argument("--cpu", default="x86-64-v3")
    options = parser.parse_args()
    cases = [*embeddings(), *first_norm(), *pooled(), *rotated(False), *rotated(True)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        kernels = Kernels("\n".join(case.text() for case in cases), options.lower,
                          pathlib.Path(folder), options.lathe_opt, options.tools, options.cpu)
        for case in cases:
            error, faults = check(kernels, case, 1e-6)
            failed += bool(faults)
            for fault in faults:
                print(f"{case.name}: {fault}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
