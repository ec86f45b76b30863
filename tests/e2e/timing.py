"""What `lathe compile --timing` prints: its rows and counts, never how long they took.

    timing.py BUILD_DIRECTORY
"""

import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
stories = ROOT / "examples" / "models" / "stories260K"

STEP = re.compile(r" *(\d+\.\d{3}) +(\d+\.\d)%  ([^:]+)(?:: (.*))?")
PART = re.compile(r" *(\d+\.\d{3}) {11}([^:]+)(?:: (.*))?")
CODE = re.compile(r"(\d+) kernels: (\d+) compiled, (\d+) from the cache, (\d+) equal to another; threads: (\d+)")
BYTES = re.compile(r"\d+\.\d MB, \d+\.\d\d GB/s")


def table_of(*arguments, **options):
    """The rows of a compile as (step, seconds, note, {part: note}), and what else it printed."""
    done = program.run("compile", stories, *arguments, **options)
    check(done.stdout == "", f"standard output has data only: {done.stdout!r}")
    lines = done.stderr.splitlines()
    if "  seconds   share  step" not in lines:
        return [], lines
    begin = lines.index("  seconds   share  step")
    rows = []
    for line in lines[begin + 1:]:
        if step := STEP.fullmatch(line):
            rows.append((step[3], float(step[1]), step[4], {}))
        else:
            part = PART.fullmatch(line)
            check(part, f"no row of the table: {line!r}")
            rows[-1][3][part[2]] = part[3]
    return rows, lines[:begin]


def names(rows):
    return [row[0] for row in rows]


def code_of(row):
    counts = CODE.fullmatch(row[2])
    check(counts, f"a row of code: {row}")
    return [int(count) for count in counts.groups()]


def check_steps(folder):
    """Every step is there, in the order of the work, and they add up."""
    env = {"LATHE_CACHE_DIR": str(folder / "cache")}
    levels = ["x86-64-v3", "aarch64"]
    rows, others = table_of("-o", folder / "cold.lathe", "--timing", "--target", ",".join(levels), "-j", "1", env=env)
    check(names(rows) == ["start", "import", "check", "graph", "kernels", "plan",
                          *(f"code of {level}" for level in levels), "rt", "weights", "file", "rest", "total"],
          f"steps: {names(rows)}")
    check(not others, f"other lines: {others}")
    seconds = [row[1] for row in rows]
    check(abs(sum(seconds[:-1]) - seconds[-1]) <= 0.001 * len(seconds), f"the steps add up: {seconds}")

    for row in rows[6:8]:
        kernels, compiled, cached, equal, threads = code_of(row)
        check(compiled > 0 and cached == 0 and kernels == compiled + equal and threads == 1, f"cold: {row}")
        check({"lowering", "LLVM's passes", "instruction selection"} < set(row[3]), f"stages of kernels: {row[3]}")
        slowest = [part for part in row[3] if part.startswith("kernel ")]
        check(len(slowest) == 5, f"the slowest kernels by name: {slowest}")
    weights = rows[names(rows).index("weights")]
    check(BYTES.fullmatch(weights[2]), f"bytes of weights: {weights}")
    check(set(weights[3]) == {"read, transform and pack", "hash and write"}, f"parts of weights: {weights[3]}")
    check(all(BYTES.fullmatch(note) for note in weights[3].values()), f"rates: {weights[3]}")

    rows, _ = table_of("-o", folder / "warm.lathe", "--timing", "--target", ",".join(levels), "-j", "2", env=env)
    for row in rows[6:8]:
        kernels, compiled, cached, equal, threads = code_of(row)
        check(compiled == 0 and kernels == cached + equal and threads == 2, f"warm: {row}")
        check(not any(part.startswith("kernel ") for part in row[3]), f"nothing was compiled: {row[3]}")
    check((folder / "cold.lathe").read_bytes() == (folder / "warm.lathe").read_bytes(),
          "the same bytes with any number of jobs, cold and warm")


def check_wanted(folder):
    """The table is printed where it is asked for, and ends where the compile ends."""
    rows, _ = table_of("-o", folder / "m.lathe")
    check(not rows, "no table without --timing")
    rows, _ = table_of("-o", folder / "m.lathe", env={"LATHE_TIMING": "1"})
    check(names(rows)[-1:] == ["total"], "LATHE_TIMING")
    rows, _ = table_of("-o", folder / "m.mlir", "--timing", "--compile-to", "graph")
    check(names(rows) == ["start", "import", "check", "graph", "rest", "total"], f"to graph: {names(rows)}")
    program.refuses(3, ["none"], "compile", folder / "none", "-o", folder / "m.lathe", "--timing")


with tempfile.TemporaryDirectory() as name:
    check_steps(pathlib.Path(name))
    check_wanted(pathlib.Path(name))
