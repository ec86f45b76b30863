"""Asks the reference and tokenizer-server about random texts and compares.

    python3 compare_with_tokenizers.py SERVER TOKENIZER_JSON [COUNT] [SEED]

needs PyPI's tokenizers. Prints each difference, and ends with 1 if there is one.
Loading a Unigram file, the reference rounds scores twice, so among paths of exactly
equal score it may take another one: the same ids in another order. These are counted.
"""

import json
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer

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


def random_text(rng):
    parts = []
    for _ in range(rng.choice([1, 2, 4, 8, 16, 40])):
        kind = rng.random()
        if kind < 0.35:
            parts.append(rng.choice(WORDS))
        elif kind < 0.6:
            parts.append(rng.choice(SPACES))
        elif kind < 0.95:
            low, high = rng.choice(SCRIPTS)
            size = rng.choice([1, 1, 2, 3, 8])
            parts.append("".join(chr(rng.randint(low, high)) for _ in range(size)))
        else:
            parts.append(rng.choice(["a", " ", "\n", ".", "一", "é", "0", "'", "e\u0301"]) * rng.randint(1, 60))
        if rng.random() < 0.3:
            parts.append(" ")
    return "".join(c for c in "".join(parts) if not 0xD800 <= ord(c) < 0xE000)


def ask(server, flags, data):
    server.stdin.write(struct.pack("<II", flags, len(data)) + data)
    server.stdin.flush()
    count = struct.unpack("<I", server.stdout.read(4))[0]
    ids = list(struct.unpack(f"<{count}i", server.stdout.read(4 * count)))
    size = struct.unpack("<I", server.stdout.read(4))[0]
    return ids, server.stdout.read(size).decode("utf-8")


def main():
    reference = Tokenizer.from_file(sys.argv[2])
    reference.no_truncation()
    reference.no_padding()
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    server = subprocess.Popen([sys.argv[1], sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with open(sys.argv[2], encoding="utf-8") as file:
        has_ties = json.load(file)["model"]["type"] == "Unigram"
    differences = ties = 0
    for number in range(count):
        text = random_text(rng)
        special, skip = number % 2 == 1, number % 4 >= 2
        expected = reference.encode(text, add_special_tokens=special).ids
        flags = special | skip << 1 | (number % 8 >= 4) << 2
        ids, decoded = ask(server, flags, text.encode())
        expected_text = reference.decode(expected, skip_special_tokens=skip)
        if has_ties and ids != expected and sorted(ids) == sorted(expected):
            ties += 1
        elif ids != expected:
            differences += 1
            print("ids", ascii(text), expected, ids, sep="\n  ")
        elif decoded != expected_text:
            differences += 1
            print("text", ids, ascii(expected_text), ascii(decoded), sep="\n  ")
        if differences >= 5:
            break
    print(f"{sys.argv[2]}: {number + 1} texts, {differences} differences, {ties} ties")
    return differences > 0


sys.exit(main())
