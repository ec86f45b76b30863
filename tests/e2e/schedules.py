"""The same bits under every schedule, and files of schedules that are refused.

    schedules.py BUILD_DIRECTORY CASE [compile flags...]

CASE is a decoder of 512 tokens of context, a checkpoint directory or a GGUF file. It is
compiled with the compiler's own schedules, and with files that ask for small, odd, wide
and tall tiles and for half vectors, for the best level of this machine; for the least
one with some of them.
"""

import json
import pathlib
import re
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import exactness
import library
from program import Program, check

SCHEMA = "lathe.schedules.v1"


def tile(rows, vectors, blocks, panels=1, halves=1):
    """From a kernel's own schedule to one of so many rows, vectors, tiles and panels."""
    def change(name, own):
        if name.startswith("attention"):
            return {"rows": rows, "columns": 16 * vectors, "row_block": rows * blocks, "panels": 1,
                    "vector": own["vector"]}
        # Whole heads stay whole.
        base = own["panels"] if "heads of" in name else 1
        vector = own["vector"] // (halves if is_float(name) and own["vector"] == 16 else 1)
        return {"rows": rows, "columns": vectors * vector, "row_block": rows * blocks,
                "panels": base * panels, "vector": vector}
    return change


def is_float(name):
    """Whether a kernel's products are of floats that may be added in half vectors."""
    return re.search(r"^linear .*input (f32|f16)", name)


SCHEDULES = {
    "small": tile(rows=1, vectors=1, blocks=1), "odd": tile(rows=3, vectors=1, blocks=3, panels=3),
    "wide": tile(rows=1, vectors=2, blocks=17, panels=8), "tall": tile(rows=5, vectors=1, blocks=50, panels=2),
    "halves": tile(rows=2, vectors=1, blocks=16, halves=2),
}


def outputs(build, path, level, tokens):
    """Everything that the model computes, on many rows and on few."""
    model = library.Model(library.load(build), path, level)
    run = exactness.Exactness(model, tokens, level)
    context = library.Context(model, threads=2)
    everything = np.arange(len(tokens))
    results = list(run.flat(context, "forward", everything).values())
    results += [array for sequence in range(len(exactness.LENGTHS))
                for array in run.flat(context, "forward", tokens.of(sequence)).values()]
    context = library.Context(model, threads=2, slots=8, context=64)
    for picks in ([everything], run.pieces(1), run.pieces(16)):
        results.append(run.steps(context, "step", picks))
    return results


def check_refusals(program, case, level, own, folder):
    """Each mistake of a file is refused by file and field."""
    name = next(name for name in own if name.startswith("linear") and "heads" not in name)
    good = own[name]

    def refuses(words, schedules, code=3, levels=None):
        path = folder / "bad.json"
        path.write_text(json.dumps({"schema": SCHEMA, "levels": levels or {level: schedules}}))
        program.refuses(code, [path, *words], "compile", case, "-o", folder / "x.lathe", *sys.argv[3:],
                        "--target", level, "--schedules", path)

    place = f"levels.{level}.{name}"
    refuses([f"{place}.rows", "16 registers" if good["vector"] == 8 else "32 registers"],
            {name: {**good, "rows": 16, "columns": 4 * good["vector"], "row_block": 64}})
    refuses([f"{place}.rows: expected at most 16"], {name: {**good, "rows": 17, "row_block": 17}})
    refuses([f"{place}.vector"], {name: {**good, "vector": 1}})
    refuses([f"{place}.row_block", "multiple of rows"], {name: {**good, "rows": 3, "row_block": 64}})
    refuses([f"{place}.row_block", "bytes"], {name: {**good, "row_block": good["rows"] * 200, "panels": 4096}})
    refuses([f"{place}.tiles"], {name: {**good, "tiles": 1}})
    attention = next(name for name in own if name.startswith("attention"))
    for field, word, change in (("columns", "expected 16 or 32, got 48", {"columns": 48}),
                                ("panels", "expected 1, got 2", {"panels": 2}),
                                ("rows", "registers", {"rows": 16, "columns": 32, "row_block": 64})):
        refuses([f"levels.{level}.{attention}.{field}", word], {attention: {**own[attention], **change}})
    refuses(["levels.z80", "no target"], {}, levels={"z80": {}})
    heads = next(name for name in own if name.startswith("linear") and "heads of" in name)
    if not 32 % int(heads.rsplit(" ", 1)[1]) == 0:
        refuses([f"levels.{level}.{heads}.panels", "whole heads"], {heads: {**own[heads], "panels": 1}})
    program.refuses(3, [folder / "none.json"], "compile", case, "-o", folder / "x.lathe", "--schedules",
                    folder / "none.json")
    program.refuses(1, ["--schedules", "-O0"], "compile", case, "-o", folder / "x.lathe", "-O0", "--schedules",
                    folder / "bad.json")
    # Of a level that is not compiled, or of a kernel that is not there: a warning at most.
    (folder / "other.json").write_text(json.dumps({"schema": SCHEMA, "levels": {level: {"linear 1x1": good}}}))
    done = program.run("compile", case, "-o", folder / "x.lathe", *sys.argv[3:], "--target", level, "--schedules",
                       folder / "other.json")
    check(f"levels.{level}: names no kernel" in done.stderr, f"no warning: {done.stderr!r}")


def main():
    build, case = sys.argv[1], pathlib.Path(sys.argv[2])
    program = Program(build)
    vocabulary = json.loads((case / "config.json").read_text())["vocab_size"] if case.is_dir() else 512
    tokens = exactness.Tokens(vocabulary, 1)
    here = json.loads(program.run("env", "--json").stdout)["targets"].split(", ")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for level in dict.fromkeys((here[0], here[-1])):
            arguments = ["compile", case, "--target", level, *sys.argv[3:], "-o"]
            program.run(*arguments, folder / "own.lathe", "--dump-ir", folder)
            own = json.loads((folder / level / "schedules.json").read_text())["levels"][level]
            check(own == dict(sorted(own.items())) and any("few rows" in name for name in own), "kernels in order")
            expected = outputs(build, folder / "own.lathe", level, tokens)
            for what, change in list(SCHEDULES.items())[:None if level == here[0] else 2]:
                path = folder / f"{what}.json"
                levels = {level: {name: change(name, schedule) for name, schedule in own.items()}}
                path.write_text(json.dumps({"schema": SCHEMA, "levels": levels}))
                program.run(*arguments, folder / "changed.lathe", "--schedules", path)
                check((folder / "changed.lathe").read_bytes() != (folder / "own.lathe").read_bytes(), f"{what}: same code")
                got = outputs(build, folder / "changed.lathe", level, tokens)
                for number, (one, other) in enumerate(zip(expected, got, strict=True)):
                    check(one.tobytes() == other.tobytes(), f"{level}: {what}: result {number} has other bytes")
            print(f"{level}: {len(own)} kernels: {len(expected)} results with the same bytes")
        check_refusals(program, case, level, own, folder)


if __name__ == "__main__":
    main()
