"""Times that users wait: compiling MiniLM, and the first token of the example model.

    figures.py BUILD_DIRECTORY MINILM_DIRECTORY

Medians of several runs, against 5 s from an empty kernel cache, 1.5 s from a full one, and
60 ms from the start of the process to the first byte of text. On a busy machine they say
nothing.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program

program, minilm = Program(sys.argv[1]), sys.argv[2]
late = []


def report(name, seconds, bound):
    median = statistics.median(seconds)
    print(f"{name}: {median * 1e3:.0f} ms, the median of {len(seconds)} from {min(seconds) * 1e3:.0f} to "
          f"{max(seconds) * 1e3:.0f}; at most {bound * 1e3:.0f} wanted")
    if median > bound:
        late.append(name)


def time_compile(output, cache):
    begin = time.monotonic()
    program.run("compile", minilm, "-o", output, env={"LATHE_CACHE_DIR": str(cache)})
    return time.monotonic() - begin


def time_first_token(model):
    begin = time.monotonic()
    child = subprocess.Popen([program.lathe, "generate", model, "-p", "Once upon a time", "-n", "200"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = os.read(child.stdout.fileno(), 1)
    seconds = time.monotonic() - begin
    child.stdout.read()
    if child.wait() != 0 or not first:
        sys.exit("FAILED generate")
    return seconds


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "m.lathe"
    report("MiniLM compiled, no kernel cached",
           [time_compile(model, folder / f"cache-{i}") for i in range(5)], 5)
    report("MiniLM compiled, kernels cached", [time_compile(model, folder / "cache-0") for _ in range(5)], 1.5)
    program.run("compile", ROOT / "examples" / "models" / "stories260K", "-o", model)
    report("stories260K, first text", [time_first_token(model) for _ in range(31)], 0.06)
for name in late:
    print(f"FAILED {name}")
sys.exit(bool(late))
