"""Writes UnicodeData.inc: what each part of the reference tokenizer knows of Unicode.

The reference (PyPI's tokenizers) mixes several versions of Unicode: its regular
expressions follow one, its normal forms, its punctuation and its lower case
others. Ids can only be equal if ours follow the same, so this asks it about each
code point. Run it with tokenizers installed and libutf8proc present:

    python3 make_unicode_data.py > UnicodeData.inc
"""

import ctypes
import ctypes.util

from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()


def matching(pattern, candidates=CODE_POINTS):
    split = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str
    return {c for c in candidates if not split(chr(c))}


def changed(normalizer):
    return {c: t for c in CODE_POINTS if (t := normalizer.normalize_str(chr(c))) != chr(c)}


def between(pre_tokenizer, expected):
    """Code points that `pre_tokenizer` treats as `expected` between two letters."""
    found = set()
    for c in CODE_POINTS:
        letter = "\u4e00" if c < 0x4E00 else "a"
        pieces = [p for p, _ in pre_tokenizer.pre_tokenize_str(letter + chr(c) + letter)]
        if pieces == [e.replace("a", letter).replace("X", chr(c)) for e in expected]:
            found.add(c)
    return found


def ranges(points):
    result = []
    for c in sorted(points):
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def emit(items):
    line = ""
    for item in items:
        if len(line) + len(item) + 2 > 80:
            print(line.rstrip())
            line = ""
        line += item + ", "
    print(line.rstrip())


def emit_ranges(name, comment, points):
    print(f"/// {comment}")
    print(f"constexpr CodePointRange k{name}[] = {{")
    emit([f"{{0x{a:x}, 0x{b:x}}}" for a, b in ranges(points)])
    print("};\n")


def emit_categories():
    category = {}
    for group in "LMNPSZC":
        members = None
        for number, name in enumerate(CATEGORIES):
            if name[0] != group or name == "Cn":
                continue
            if members is None:
                members = sorted(matching(r"\p{%s}" % group))
            for c in matching(r"\p{%s}" % name, members):
                category[c] = number
    runs, last = [], 0
    for c in CODE_POINTS:
        here = category.get(c, 0)
        if here != last:
            runs.append(f"{{0x{c:x}, {here}}}")
            last = here
    print("/// Where the general category changes: first code point, index in kCategoryNames.")
    print("constexpr CategoryRun kCategoryRuns[] = {")
    emit(runs)
    print("};\n")
    print("constexpr const char *kCategoryNames[] = {")
    emit([f'"{name}"' for name in CATEGORIES])
    print("};\n")


def emit_normal_forms():
    proc = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    proc.utf8proc_decompose_char.argtypes = [
        ctypes.c_int32, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p]
    proc.utf8proc_decompose_char.restype = ctypes.c_ssize_t
    proc.utf8proc_get_property.restype = ctypes.c_void_p
    buffer, last = (ctypes.c_int32 * 64)(), ctypes.c_int()

    def decomposition(c, options):
        count = proc.utf8proc_decompose_char(c, buffer, 64, options, ctypes.byref(last))
        return "".join(map(chr, buffer[:count]))

    canonical, compatible = normalizers.NFD(), normalizers.NFKD()
    later = {c for c in CODE_POINTS
             if decomposition(c, 16) != canonical.normalize_str(chr(c))
             or decomposition(c, 16 | 4) != compatible.normalize_str(chr(c))}
    emit_ranges("LaterDecompositions", "Decomposed by utf8proc but not by the reference.", later)

    # A mark of class 1 moves before one of a higher class.
    def combining_class(c):
        return ctypes.cast(proc.utf8proc_get_property(c), ctypes.POINTER(ctypes.c_int16))[1]

    later = set()
    for c in CODE_POINTS:
        if combining_class(c) > 1 and len(canonical.normalize_str(chr(c))) == 1:
            if canonical.normalize_str("a" + chr(c) + "\u0334")[1] == chr(c):
                later.add(c)
    emit_ranges("LaterCombiningMarks", "Combining for utf8proc but not for the reference.", later)


print("//===- UnicodeData.inc - What the reference knows of Unicode ---------------===//")
print("//\n// Written by make_unicode_data.py. Do not edit.\n//")
print("//===----------------------------------------------------------------------===//\n")
emit_categories()
emit_ranges("RegexWord", "`\\w` of the split patterns.", matching(r"\w"))
emit_ranges("RustWord", "`\\w` of Whitespace and of added tokens.",
            between(pre_tokenizers.Whitespace(), ["aXa"]))
emit_ranges("Punctuation", "What Punctuation and BertPreTokenizer cut off.",
            between(pre_tokenizers.BertPreTokenizer(), ["a", "X", "a"]))
emit_ranges("Numeric", "What Digits cuts off.",
            between(pre_tokenizers.Digits(), ["a", "X", "a"]))
strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False,
                                   strip_accents=True, lowercase=False)
emit_ranges("BertAccents", "What BertNormalizer's strip_accents drops.",
            {c for c, t in changed(strip).items() if t == ""})
emit_ranges("Accents", "What StripAccents drops.", changed(normalizers.StripAccents()))
clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False,
                                   strip_accents=False, lowercase=False)
emit_ranges("BertControls", "What BertNormalizer's clean_text drops.",
            {c for c, t in changed(clean).items() if t == ""})
print("/// Lower case where it is not the code point itself, by runs of one distance:")
print("/// first, last, step, distance.")
print("constexpr LowerRun kLowerRuns[] = {")
lower = {c: t for c, t in changed(normalizers.Lowercase()).items() if c != 0x130}
runs = []
for c, t in sorted(lower.items()):
    distance = ord(t) - c
    if runs and runs[-1][3] == distance:
        first, end, step, _ = runs[-1]
        if first == end and c - end <= 2 or c - end == step:
            runs[-1] = [first, c, c - end, distance]
            continue
    runs.append([c, c, 1, distance])
emit([f"{{0x{a:x}, 0x{b:x}, {s}, {d}}}" for a, b, s, d in runs])
print("};\n")
emit_normal_forms()
