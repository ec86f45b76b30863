"""The arena is at most 1.15 x the largest sum of buffers that live at one time.

    arena.py BUILD_DIRECTORY CASE_DIRECTORY...

The compiler says both numbers itself; here they come from the program alone, which flatc
turns into JSON: a temporary lives from the first command that names it to the last. Then
no two that live at one time may share a byte, and no place may leave the arena.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

SLACK = 1.15


def program_of(artifact, folder):
    """The tables of an artifact: runtime/schema/artifact.fbs."""
    data = artifact.read_bytes()
    kind, _, offset, length, _ = struct.unpack_from("<IIQQQ", data, 32)
    check(kind == 1, "section 0 is the program")
    (folder / "program.bin").write_bytes(data[offset:offset + length])
    subprocess.run(["flatc", "--json", "--strict-json", "--raw-binary", "--defaults-json", "-o", folder,
                    ROOT / "runtime/schema/artifact.fbs", "--", folder / "program.bin"], check=True)
    return json.loads((folder / "program.json").read_text())


def evaluate(expression, symbols):
    """The size at these values of the symbols."""
    stack, code = [], expression["code"]
    operators = {2: lambda a, b: a + b, 3: lambda a, b: a * b, 4: lambda a, b: -(-a // b),
                 5: lambda a, b: a // b, 6: lambda a, b: a % b, 7: min, 8: max}
    for operator, value in zip(code[::2], code[1::2]):
        if operator < 2:
            stack.append(symbols[value] if operator else value)
        else:
            right = stack.pop()
            stack.append(operators[operator](stack.pop(), right))
    return stack[0]


def lifetimes(entry):
    """{temporary: (first command, last command)}."""
    spans = {}
    for number, command in enumerate(entry["commands"]):
        action = command["action"]
        touched = action["operands"] if command["action_type"] == "Launch" else [
            action[key] for key in ("source", "target") if key in action]
        for buffer in touched:
            if entry["buffers"][buffer]["kind"] == "Temporary":
                first, _ = spans.get(buffer, (number, number))
                spans[buffer] = first, number
    return spans


def check_plan(name, entry, plan, spans):
    """Returns (arena, largest sum of live buffers)."""
    sizes = {b: evaluate(entry["buffers"][b]["bytes"], plan["bounds"]) for b in spans}
    # A place is a multiple of 64, so the bytes up to the next one belong to the buffer.
    sizes = {b: -(-size // 64) * 64 for b, size in sizes.items()}
    largest = 0
    for number in range(len(entry["commands"])):
        live = [b for b, (first, last) in spans.items() if first <= number <= last]
        largest = max(largest, sum(sizes[b] for b in live))
        places = sorted((plan["offsets"][b], plan["offsets"][b] + sizes[b], b) for b in live)
        for (_, end, one), (begin, _, other) in zip(places, places[1:]):
            names = [entry["buffers"][b]["name"] for b in (one, other)]
            check(end <= begin, f"{name}: command {number}: {' and '.join(names)} share bytes")
        check(not places or places[-1][1] <= plan["arena_bytes"], f"{name}: a place leaves the arena")
    check(plan["arena_bytes"] <= SLACK * largest,
          f"{name}: an arena of {plan['arena_bytes']} bytes for {largest} that live at one time")
    check(plan["live_bytes"] == largest, f"{name}: says {plan['live_bytes']} live bytes, there are {largest}")
    return plan["arena_bytes"], largest


def main():
    program = Program(sys.argv[1])
    worst, plans = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for case in map(pathlib.Path, sys.argv[2:]):
            for level in ("-O3", "-O0"):
                program.run("compile", case, "-o", folder / "m.lathe", level)
                for entry in program_of(folder / "m.lathe", folder)["entries"]:
                    spans = lifetimes(entry)
                    for number, plan in enumerate(entry["plans"]):
                        arena, live = check_plan(f"{case.name} {level} {entry['name']}: plan {number}",
                                                 entry, plan, spans)
                        worst, plans = max(worst, arena / live if live else 1), plans + 1
    print(f"{plans} plans of {len(sys.argv) - 2} models: at most {worst:.3f} x the live bytes")


if __name__ == "__main__":
    main()
