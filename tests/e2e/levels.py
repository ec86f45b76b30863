"""Every instruction-set level that this machine has gives the same text, and others are refused.

    levels.py BUILD_DIRECTORY

One artifact holds all x86-64 levels; LATHE_CPU forces one.
"""

import json
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
stories = ROOT / "examples" / "models" / "stories260K"
levels = ["x86-64-v3", "x86-64-v4", "x86-64-v4-vnni-bf16", "x86-64-v4-amx"]
reference = json.loads((stories / "reference.json").read_text())["greedy_output_ids"]

if platform.machine() != "x86_64":
    print("this machine runs no x86-64 code; its own level is covered by the other tests")
    sys.exit(0)

with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "all.lathe"
    program.run("compile", stories, "-o", model, "--target", ",".join(levels))
    here = json.loads(program.run("env", "--json").stdout)["targets"].split(", ")
    check(here, "env names this machine's levels")
    for level in levels:
        arguments = ["generate", model, "--prompt-ids", "1", "-n", 64, "--ids"]
        if level in here:
            done = program.run(*arguments, env={"LATHE_CPU": level})
            check([int(i) for i in done.stdout.split()] == reference[:64], f"{level}: greedy ids")
        else:
            done = program.run(*arguments, env={"LATHE_CPU": level}, expect=1)
            check(level in done.stderr, f"{level}: {done.stderr}")

    # A file for another machine is refused: what it was built for, and what is here.
    other = pathlib.Path(folder) / "arm.lathe"
    program.run("compile", stories, "-o", other, "--target", "aarch64")
    done = program.run("generate", other, "-p", "a", expect=1)
    check("aarch64" in done.stderr and here[0] in done.stderr, f"aarch64: {done.stderr}")
