"""Bad SentencePiece models and vocabularies."""

import struct


def varint(value):
    """At least the low 64 bits of `value`, as protobuf writes them."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """A field of a message: an int, a float, or bytes."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def piece(text, score=0.0, kind=1):
    return field(1, field(1, text) + field(2, score) + field(3, kind))


SPECIALS = [piece(b"<unk>", 0.0, 2), piece(b"<s>", 0.0, 3), piece(b"</s>", 0.0, 3)]
WORDS = [piece("\u2581".encode(), -1.0), piece(b"a", -2.0), piece(b"b", -2.5), piece(b"ab", -1.5)]
BYTES = [piece(f"<0x{byte:02X}>".encode(), 0.0, 6) for byte in range(256)]
UNIGRAM, BPE = (field(2, field(3, kind) + field(40, 0) + field(41, 1) + field(42, 2)) for kind in (1, 2))
NORMALIZER = field(3, field(1, b"identity") + field(3, 1) + field(4, 1) + field(5, 1))
GOOD_MODEL = b"".join(SPECIALS + BYTES + WORDS) + BPE + NORMALIZER
GOOD_VOCABULARY = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##b\n"


def charsmaps():
    """Tables of normalisation: the length of a double-array trie, the trie, its strings."""
    for length in (0, 1, 3, 4, 8, 1024, 2**31, 2**32 - 4, 2**32 - 1):
        yield struct.pack("<I", length) + bytes(16)
    for unit in (0, 1 << 31, 2**32 - 1, 0x200, 0x3FF << 10, 0x80000000 | 0x7FFFFFFF):
        for count in (1, 4, 256):
            trie = struct.pack("<I", unit) * count
            yield struct.pack("<I", len(trie)) + trie + b"x\0"
            yield struct.pack("<I", len(trie)) + trie


def attack_sentencepiece(boundaries, truncations, flips):
    def attack(rng):
        for _, idea, data in truncations("model", GOOD_MODEL):
            # A cut between two fields leaves a smaller message.
            yield "wrong" if data else "bad", idea, data
        rest = b"".join(SPECIALS + BYTES) + BPE + NORMALIZER
        for kind in boundaries:
            yield "wrong", f"piece-kind-{kind}", rest + piece(b"a", 0.0, kind)
            yield "wrong", f"model-type-{kind}", b"".join(SPECIALS + WORDS) + field(2, field(3, kind))
            for number in (40, 41, 42, 43):
                yield "wrong", f"special-{number}", b"".join(SPECIALS + WORDS) + field(2, field(number, kind))
            yield "wrong", "unknown-field", rest + varint(kind << 3) + b"\1"
            yield "bad", "length", rest + varint(1 << 3 | 2) + varint(max(kind % 2**64, 1)) + b""
        for score in (float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45):
            yield "wrong", f"score-{score}", rest + piece(b"a", score)
        for text in (b"", b"\xff", b"\xed\xa0\x80", b"\0", b"\xc0\x80", b"a" * 70_000, b"\xf4\x90\x80\x80"):
            yield "wrong", "text", rest + piece(text)
        for name in (b"<0x-1>", b"<0x100>", b"<0x>", b"<0xFG>", b"<0x0", b"<0x 1>", b"0x41", b"a"):
            yield "wrong", "byte", b"".join(SPECIALS + WORDS) + piece(name, 0.0, 6) + BPE
        for wire in (3, 4, 6, 7):
            yield "bad", f"wire-{wire}", GOOD_MODEL + bytes([1 << 3 | wire])
            yield "bad", f"wire-in-piece-{wire}", rest + field(1, bytes([1 << 3 | wire]))
        yield "bad", "long-varint", GOOD_MODEL + b"\x08" + b"\xff" * 11
        yield "bad", "open-varint", GOOD_MODEL + b"\x80"
        yield "bad", "number-0", GOOD_MODEL + b"\0\0"
        yield "wrong", "nested", GOOD_MODEL + field(1, field(1, field(1, field(1, b"x"))))
        yield "wrong", "twice", GOOD_MODEL + piece(b"a")
        yield "wrong", "no-unknown", b"".join(WORDS) + UNIGRAM
        yield "wrong", "all-unknown", piece(b"<unk>", 0.0, 2) * 3 + UNIGRAM
        yield "wrong", "no-pieces", BPE + NORMALIZER
        yield "wrong", "some-bytes", b"".join(SPECIALS + BYTES[:128] + WORDS) + BPE
        yield "wrong", "many-pieces", b"".join(SPECIALS) + piece(b"a") * 100_000 + UNIGRAM
        yield "wrong", "long-piece", b"".join(SPECIALS) + piece(b"a" * 1_000_000) + UNIGRAM
        for chart in charsmaps():
            yield "wrong", "charsmap", b"".join(SPECIALS + WORDS) + UNIGRAM + field(3, field(2, chart))
        yield from flips(rng, b"".join(SPECIALS + BYTES[:4] + WORDS) + BPE + NORMALIZER)
    return attack


def attack_vocabulary(truncations, flips):
    def attack(rng):
        for missing in (b"[UNK]", b"[CLS]", b"[SEP]"):
            yield "bad", "missing", GOOD_VOCABULARY.replace(missing + b"\n", b"")
        for _, idea, data in truncations("txt", GOOD_VOCABULARY):
            yield "bad" if b"[SEP]" not in data else "wrong", idea, data
        for line in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"a\xcc"):
            yield "bad", "not-utf-8", GOOD_VOCABULARY + line + b"\n"
        for line in (b"", b"a", b"##", b"##b", b" ", b"\0", b"\r", b"a\rb", b"[CLS]", b"x" * 1_000_000,
                     "\ufeff".encode(), "\u2028".encode(), b"#" * 1000):
            yield "wrong", "line", GOOD_VOCABULARY + line + b"\n"
        for ending in (b"\r\n", b"\r", b"\0", b"\n\n", b" \n"):
            yield "wrong", "ending", GOOD_VOCABULARY.replace(b"\n", ending)
        yield "wrong", "many", GOOD_VOCABULARY + b"".join(b"%d\n" % i for i in range(200_000))
        yield "wrong", "empty-lines", GOOD_VOCABULARY + b"\n" * 300_000
        yield "wrong", "mark", "\ufeff".encode() + GOOD_VOCABULARY
        yield from flips(rng, GOOD_VOCABULARY)
    return attack
