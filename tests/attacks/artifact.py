"""Bad artifacts, made from two good ones."""

import random
import struct

HEADER = struct.Struct("<8sIIQQ")
SECTION = struct.Struct("<IIQQQ")
BOUNDARIES = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


def sections(data):
    """(kind, reserved, offset, length, hash) of each section."""
    count = HEADER.unpack_from(data)[2]
    return [SECTION.unpack_from(data, HEADER.size + i * SECTION.size) for i in range(count)]


def flip(rng, data, begin, end):
    place = rng.randrange(begin, end)
    changed = bytearray(data)
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def with_field(rng, data):
    """One field of the header or of the table at a boundary."""
    places = [(8, 4), (12, 4), (16, 8), (24, 8)]
    for i in range(len(sections(data))):
        base = HEADER.size + i * SECTION.size
        places += [(base, 4), (base + 4, 4), (base + 8, 8), (base + 16, 8), (base + 24, 8)]
    place, size = rng.choice(places)
    changed = bytearray(data)
    old = int.from_bytes(data[place:place + size], "little")
    new = rng.choice([*BOUNDARIES, old + 1, old - 1, old + 64, len(data), len(data) + 1])
    new %= 1 << 8 * size
    changed[place:place + size] = (new if new != old else old ^ 1).to_bytes(size, "little")
    return bytes(changed)


def swapped(rng, data, other):
    """A section's bytes from elsewhere: of another section, or of another artifact."""
    mine = sections(data)
    i = rng.randrange(len(mine))
    source, (_, _, begin, length, _) = rng.choice(
        [(data, mine[k]) for k in range(len(mine)) if k != i]
        + [(other, entry) for entry in sections(other)])
    size = min(length, mine[i][3])
    begin += rng.randrange(length - size + 1)
    changed = bytearray(data)
    changed[mine[i][2]:mine[i][2] + size] = source[begin:begin + size]
    if rng.random() < 0.3:
        # The table's entry too, so that the section's own hash may fit.
        place = HEADER.size + i * SECTION.size
        changed[place + 16:place + 32] = struct.pack("<QQ", size, rng.getrandbits(64))
    return bytes(changed)


def attack_artifact(data, other, seed=1):
    """Without end: (idea, bytes); each differs from `data` and must be refused."""
    rng = random.Random(f"artifact-{seed}")
    table = HEADER.size + len(sections(data)) * SECTION.size
    while True:
        kind = rng.randrange(6)
        if kind == 0:
            changed = "flip-table", flip(rng, data, 0, table)
        elif kind == 1:
            changed = "flip", flip(rng, data, table, len(data))
        elif kind == 2:
            changed = "cut", data[:rng.choice([rng.randrange(len(data)), rng.randrange(table + 64)])]
        elif kind == 3:
            size = rng.choice([1, 8, 64, 4096, rng.randrange(1, 100_000)])
            changed = "extended", data + rng.choice([bytes(size), rng.randbytes(size), data[-size:]])
        elif kind == 4:
            changed = "field", with_field(rng, data)
        else:
            changed = "swapped", swapped(rng, data, other)
        if changed[1] != data:
            yield changed
