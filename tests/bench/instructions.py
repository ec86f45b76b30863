"""Counts the instructions of fixed work and holds them against the table in instructions.json.

    instructions.py BUILD_DIRECTORY [--update]

Each part compiles a model of the repository, or a module of one op, and runs under callgrind. The counts hang on
nothing but the code: the level of instructions is the highest that valgrind executes, one thread works, and what the
C library does, which chooses its own variants by the machine, is left out. `kernels` counts the artifact's code,
`runtime` that of liblathe.so.

A count may grow by 2 %. One that fell by more than 5 % must be written down by --update, or half of it could be lost
again unseen.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import models

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import ROOT, Program, check

TABLE = pathlib.Path(__file__).with_suffix(".json")
TARGET = "x86-64-v3"
MOST_GROWTH, UNSEEN_FALL = 1.02, 0.95

STORIES = ROOT / "examples/models/stories260K"
STORIES_Q4 = ROOT / "tests/data/gguf/stories260K-q4_0.gguf"
CALL, STEP, OPEN = "lathe_context_call", "lathe_generator_step", "lathe_model_open"
Q8, Q4 = ("--weights", "q8"), ("--weights", "q4")
BYTES = ("--activations", "q8")

# Name: model, flags of `lathe compile`, work of bench-lathe, the function whose last call is counted.
PARTS = {
    f"{kind}, rows: {count}": ("linear-256x256", flags, ("entry", "linear", f"1x{count}"), CALL)
    for kind, flags in (("linear f32", ()), ("linear bf16", ("--dtype", "bf16")), ("linear q8 as integers", Q8 + BYTES),
                        ("linear q8 decoded", Q8), ("linear q4 as integers", Q4 + BYTES), ("linear q4 decoded", Q4))
    for count in (1, 4, 64)
}
PARTS |= {
    "attention f32, 64 tokens": ("attention-causal-f32", (), ("entry", "attention", "1x64"), CALL),
    "attention bf16, 64 tokens": ("attention-causal-bf16", (), ("entry", "attention", "1x64"), CALL),
    "norm, 64 rows": ("norm-768", (), ("entry", "norm", "1x64"), CALL),
    "dispatch of 64 small launches": ("chain-64x8", (), ("entry", "chain", "1x1"), CALL),
    "token of stories260K f32": (STORIES, (), ("text", "4", "1"), STEP),
    "token of stories260K q4_0": (STORIES_Q4, (), ("text", "4", "1"), STEP),
    "token of stories260K q4_0, q8 activations": (STORIES_Q4, BYTES, ("text", "4", "1"), STEP),
    "eight tokens of stories260K q4_0, q8 activations": (STORIES_Q4, BYTES, ("text", "4", "8"), STEP),
    "prompt of 64 of stories260K f32": (STORIES, (), ("prompt", "64", "1"), STEP),
    "load of stories260K f32": (STORIES, (), ("prompt", "1", "1"), OPEN),
}


def count_objects(path):
    """{object file: instructions that it executed itself} of a dump of callgrind."""
    names, current, is_inclusive = {}, None, False
    counts = collections.Counter()
    for line in path.read_text().splitlines():
        # Names stand once; later only their number does.
        if found := re.fullmatch(r"(c?)ob=\((\d+)\)(?: (.*))?", line):
            called, number, name = found.groups()
            if name is not None:
                names[number] = name
            if not called:
                current = number
        elif line.startswith("calls="):
            is_inclusive = True  # The next line repeats what the callee has.
        elif re.match(r"[-+*\d]", line):
            if not is_inclusive:
                counts[current] += int(line.split()[1])
            is_inclusive = False
    return {names.get(number, "???"): count for number, count in counts.items()}


class Counter:
    """Compiles and counts parts, with files in `folder`."""

    def __init__(self, build, folder):
        self.program, self.folder = Program(build), folder
        self.worker = self.program.lathe.with_name("bench-lathe")
        self.models = models.Models(folder / "models", self.program.lathe)
        self.artifacts = {}
        self.valgrind = shutil.which("valgrind")
        check(self.valgrind, "needs valgrind (scripts/install --tests)")

    def artifact(self, model, flags):
        if (model, flags) not in self.artifacts:
            path = self.folder / f"{len(self.artifacts)}.lathe"
            source = model if isinstance(model, pathlib.Path) else self.models.source(model)
            self.program.run("compile", source, "-o", path, "--target", TARGET, *flags)
            self.artifacts[model, flags] = path
        return self.artifacts[model, flags]

    def count(self, model, flags, work, function):
        """{"kernels", "runtime"}: instructions of the last call of `function` that `work` makes."""
        dumps = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        command = [self.valgrind, "--tool=callgrind", f"--callgrind-out-file={dumps}/out",
                   f"--toggle-collect={function}", f"--dump-after={function}", self.worker,
                   self.artifact(model, flags), 1, *work]
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check(done.returncode == 0, f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr[-2000:]}")
        last = max(dumps.glob("out.*"), key=lambda path: int(path.suffix[1:]))
        objects = count_objects(last)
        # Kernels are no file's: the runtime maps them itself.
        return {"kernels": objects.get("???", 0),
                "runtime": sum(count for name, count in objects.items() if "/liblathe.so" in name)}


def complaints(table, counts):
    """What is wrong with counts, a line each."""
    for name in table.keys() ^ counts.keys():
        yield f"{name}: {'is no part any more' if name in table else 'is not in the table'}"
    for name in table.keys() & counts.keys():
        for kind, count in counts[name].items():
            known = table[name][kind]
            if count > known * MOST_GROWTH:
                yield f"{name}: {kind} grew from {known} to {count} instructions"
            elif count < known * UNSEEN_FALL:
                yield f"{name}: {kind} fell from {known} to {count} instructions"


def main():
    build, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        counter = Counter(build, pathlib.Path(folder))
        counts = {name: counter.count(*part) for name, part in PARTS.items()}
    if options == ["--update"]:
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(count)}" for name, count in counts.items())
        TABLE.write_text(f"{{\n{lines}\n}}\n")
    wrong = sorted(complaints(json.loads(TABLE.read_text()), counts))
    check(not wrong, "\n".join(wrong) + f"\nwhere that is meant: {pathlib.Path(__file__).name} BUILD_DIRECTORY --update")
    print(f"{len(counts)} parts, {sum(sum(count.values()) for count in counts.values())} instructions")


if __name__ == "__main__":
    main()
