"""Any changed bit of an artifact is detected: R6 for real models.

    bits.py BUILD_DIRECTORY CHANGE_ARTIFACT... [--counts FLIPS CUTS SWAPS]

Gives each program `change-artifact` (of several builds) the example model and a model of
other weights and the same layout, and the other way round.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tiny
from program import Program

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("programs", nargs="+")
parser.add_argument("--counts", nargs=3, default=["1000", "200", "200"])
arguments = parser.parse_args()
program = Program(arguments.build)
failed = False
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    stories, one, two = (folder / f"{name}.lathe" for name in ("stories", "one", "two"))
    program.run("compile", ROOT / "examples" / "models" / "stories260K", "-o", stories)
    tiny.write_checkpoint(folder / "tiny")
    program.run("compile", folder / "tiny", "-o", one)
    (folder / "tiny" / "model.safetensors").write_bytes(tiny.weights(tiny.SHAPES, seed=2))
    program.run("compile", folder / "tiny", "-o", two)
    for change in arguments.programs:
        for good, other in ((stories, one), (one, two)):
            done = subprocess.run([change, good, other, *arguments.counts], capture_output=True, text=True)
            print(f"{change}: {good.name}: {done.stdout.strip() or f'exit {done.returncode}'}")
            sys.stderr.write(done.stderr[-4000:])
            failed |= done.returncode != 0
sys.exit(failed)
