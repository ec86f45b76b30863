"""The examples do what they say.

    examples.py BUILD_DIRECTORY
"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
binaries = program.lathe.parent
stories = ROOT / "examples" / "models" / "stories260K"


def output(*command):
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                          env=environment).stdout


with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "m.lathe"
    program.run("compile", stories, "-o", model)
    expected = program.run("generate", model, "-p", "Once upon a time", "-n", 40).stdout
    check(output(binaries / "example-generate", model, "Once upon a time", 40) == expected,
          "generate.c writes what lathe generate writes")
    lines = output(binaries / "example-surprise", model, "Once upon a time").splitlines()
    bits = [float(line.split()[0]) for line in lines]
    # A model of stories knows how they begin: after "Once" little is left to guess.
    check(len(bits) >= 4 and bits[-1] < 1, f"surprise.cpp: {lines}")
    stories_text = output(ROOT / "examples" / "story.sh", stories)
    check(stories_text.count("---") == 3, f"story.sh: {stories_text!r}")
