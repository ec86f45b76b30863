"""Asks the reference and tokenizer-server about random texts and compares.

    python3 compare_with_tokenizers.py SERVER TOKENIZER_JSON [COUNT] [SEED]

needs PyPI's tokenizers. Compares ids and decoded texts, with and without special
tokens, after all ids or after some of them, where a character may be cut; a text that a
byte-level tokenizer encodes must come back. Prints each difference, and ends with 1 if there is one. Bytes that are not
UTF-8 count as U+FFFD, but byte-level tokenizers keep them, which the reference cannot:
there only the text that comes back is compared.

Loading a Unigram file, the reference rounds scores twice, so among paths of exactly
equal score it may take another one: the same ids in another order. These are counted.
"""

import json
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer

BATCH = 1000
SPECIAL, SKIP = 1, 2  # flags of the server
SCRIPTS = [(0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0xA0, 0x17F), (0x300, 0x36F), (0x370, 0x3FF),
           (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
           (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x218F), (0x2200, 0x2BFF),
           (0x3000, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE00, 0xFFEF),
           (0x1F1E6, 0x1F1FF), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFF), (0, 0x1F), (0x80, 0x9F)]
WORDS = ("the The THE and of in It's don't we'll I'd you're they've I'm ' 's n't 123 1,000 3.14 0xFF "
         "hello world Tokenizer straße naïve Ünïcödé ǅ ß ſ K 'ſ 'LL 'Re ... -- != == {} () [] <s> </s> <unk> "
         "<|endoftext|> <|im_start|> <|im_end|> <|begin_of_text|> <pad> [CLS] [SEP] [MASK] [UNK] ## ##ing "
         "<extra_id_0> <extra_id_1> <|assistant|> <|user|> <|end|> ▁ ▁▁ Ġ Ċ <0x0A> İstanbul 你好 世界 こんにちは "
         "안녕하세요 привет مرحبا नमस्ते สวัสดี 👍🏽 👩‍👩‍👧 🇩🇪 é e\u0301 a\u0323\u0307 \u0344 ﬁ ½ Ⅷ ① \u200d \ufeff \u2028 \u00ad "
         "do not can not won't x' y ' z").split(" ")
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\u00a0", "\u3000", ""]
# Composed, decomposed and compatible forms; cases that change a text's length; marks in and out of order.
FORMS = ["é", "e\u0301", "ṩ", "s\u0323\u0307", "s\u0307\u0323", "각", "\u1100\u1161\u11a8", "\uac00\u11a8", "Å", "Å", "Ω",
         "ﬃ", "ﷺ", "㍿", "²", "ｶ\uff9e", "\u0958", "\u2adc", "\u0f73", "İ", "ẞ", "Σ", "ς", "ŉ", "\U0001d15e", "\U0002f800",
         "\u0340", "\u0387", "\u1fef", "\u212b", "…", "ｆｕｌｌ", "\u3099", "か\u3099"]
EMOJI = ["👩", "👨", "🧑", "❤", "🔥", "🏳", "🌈", "🏴", "☠", "👁", "🗨", "⚕", "💻", "🚀", "🇩", "🇪", "🇫", "1\ufe0f\u20e3"]
JOINTS = ["\u200d", "\ufe0f", "\ufe0f\u200d", "🏻", "🏿\u200d", "", "\u20e3", "\U000e0067\U000e007f"]


def random_part(rng, added):
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(WORDS)
    if kind < 0.45:
        return rng.choice(SPACES)
    if kind < 0.75:
        low, high = rng.choice(SCRIPTS)
        size = rng.choice([1, 1, 2, 3, 8])
        return "".join(chr(rng.randint(low, high)) for _ in range(size))
    if kind < 0.8:
        return "".join(rng.choices(FORMS, k=rng.randint(1, 4)))
    if kind < 0.85:
        return "".join(rng.choice(EMOJI) + rng.choice(JOINTS) for _ in range(rng.randint(1, 5)))
    if kind < 0.89:
        return "".join(rng.choices("0123456789٣५,.", k=rng.randint(1, 12)))
    if kind < 0.92:
        return "".join(rng.choices(" \t\n\r\u00a0\u2003\u3000\x0b\x85", k=rng.randint(1, 12)))
    if kind < 0.96 and added:
        token = rng.choice(added)
        return rng.choice([token, token, token[:-1], " " + token + " ", token.upper()])
    return rng.choice(["a", " ", "\n", ".", "一", "é", "0", "'", "e\u0301"]) * rng.randint(1, 60)


def random_text(rng, added):
    parts = []
    for _ in range(rng.choice([1, 2, 4, 8, 16, 40])):
        parts.append(random_part(rng, added))
        if rng.random() < 0.3:
            parts.append(" ")
    return "".join(c for c in "".join(parts) if not 0xD800 <= ord(c) < 0xE000)


def spoil(rng, data):
    """data with bytes put in, changed or cut so that it may be no UTF-8."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        data[at:at + rng.randint(0, 1)] = bytes(rng.choices([rng.randrange(256), 0xC3, 0xE4, 0xF0, 0x80, 0xED, 0xA0],
                                                            k=rng.randint(0, 2)))
    return bytes(data)


class Server:
    def __init__(self, program, file):
        self.process = subprocess.Popen([program, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, questions):
        """The ids of each (flags, how many to decode, bytes), and the text of the first of them."""
        write, read = self.process.stdin, self.process.stdout
        write.write(struct.pack("<I", len(questions)))
        for flags, decoded, data in questions:
            write.write(struct.pack("<III", flags, decoded, len(data)) + data)
        write.flush()
        answers = []
        for _ in questions:
            count, size = struct.unpack("<II", read.read(8))
            answers.append((list(struct.unpack(f"<{count}i", read.read(4 * count))), read.read(size).decode("utf-8")))
        return answers


class Comparison:
    def __init__(self, server, file, seed):
        self.reference = Tokenizer.from_file(file)
        self.reference.no_truncation()
        self.reference.no_padding()
        self.server = Server(server, file)
        self.rng = random.Random(seed)
        with open(file, encoding="utf-8") as opened:
            tokenizer = json.load(opened)
        self.has_ties = tokenizer["model"]["type"] == "Unigram"
        self.added = [token["content"] for token in tokenizer["added_tokens"]]
        self.is_byte_level = '"ByteLevel"' in json.dumps([tokenizer["pre_tokenizer"], tokenizer["decoder"]])
        # What cuts words away or has no token for some byte does not come back.
        self.comes_back = (self.is_byte_level and "Ā" in tokenizer["model"]["vocab"]
                           and all(chr(c) in tokenizer["model"]["vocab"] for c in range(0x100, 0x144))
                           and "Removed" not in json.dumps(tokenizer["pre_tokenizer"])
                           and '"add_prefix_space": true' not in json.dumps(tokenizer["pre_tokenizer"])
                           and not any(t["lstrip"] or t["rstrip"] for t in tokenizer["added_tokens"])
                           and (not tokenizer["normalizer"]
                                or not any(t["normalized"] for t in tokenizer["added_tokens"])))
        self.texts = self.differences = self.ties = self.came_back = 0

    def is_normal(self, text):
        return not self.reference.normalizer or self.reference.normalizer.normalize_str(text) == text

    def batch(self, count):
        special, skip = self.texts // BATCH % 2 == 1, self.texts // BATCH % 4 >= 2
        data = [random_text(self.rng, self.added).encode() for _ in range(count)]
        data = [spoil(self.rng, d) if self.rng.random() < 0.05 else d for d in data]
        texts = [d.decode("utf-8", "replace") for d in data]
        expected = [e.ids for e in self.reference.encode_batch(texts, add_special_tokens=special)]
        # Half of the streams end early.
        ends = [self.rng.randint(0, len(ids)) if self.rng.random() < 0.5 else 2**32 - 1 for ids in expected]
        expected_texts = self.reference.decode_batch([ids[:end] for ids, end in zip(expected, ends)],
                                                     skip_special_tokens=skip)
        answers = self.server.ask([(special * SPECIAL | skip * SKIP, end, d) for end, d in zip(ends, data)])
        for i, (ids, decoded) in enumerate(answers):
            if not self.is_byte_level or texts[i].encode() == data[i]:
                self.compare(data[i], ids, expected[i], decoded, expected_texts[i])
            if self.comes_back and not special and not skip and ends[i] >= len(ids) and self.is_normal(texts[i]):
                self.came_back += 1
                if decoded != texts[i]:
                    self.report("round trip", data[i], texts[i], decoded)
        self.texts += count

    def compare(self, data, ids, expected, decoded, expected_text):
        if ids == expected:
            if decoded != expected_text:
                self.report("text", data, expected_text, decoded)
        elif self.has_ties and sorted(ids) == sorted(expected):
            self.ties += 1
        else:
            self.report("ids", data, expected, ids)

    def report(self, what, data, expected, found):
        self.differences += 1
        print(what, data, ascii(expected), ascii(found), sep="\n  ")


def main():
    file = sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
    comparison = Comparison(sys.argv[1], file, int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    while comparison.texts < count and comparison.differences < 5:
        comparison.batch(min(BATCH, count - comparison.texts))
    print(f"{file}: {comparison.texts} texts, {comparison.differences} differences, {comparison.ties} ties, "
          f"{comparison.came_back} came back")
    return comparison.differences > 0


sys.exit(main())
