"""What a model takes while it runs: its weights as they lie in the file, cache and arena.

    memory.py BUILD_DIRECTORY

Two processes run one artifact at a time. Neither has a page of the file that it wrote to, together they have one
copy of it, and each stays within weights, cache, arena and 20 MB.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

ALLOWANCE = 20 << 20
KIB = 1024
MODEL = ROOT / "examples/models/novel11m"
# Flags of `lathe compile`: weights as they are stored, widened, quantised.
CASES = ((), ("--weights", "f32"), ("--weights", "q4", "--activations", "q8"))


def mapping(pid, path):
    """{field: bytes} of all that process `pid` maps of the file, summed (man 5 proc)."""
    fields, is_file = {}, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if found := re.fullmatch(r"(\w+): +(\d+) kB", line):
            if is_file:
                fields[found[1]] = fields.get(found[1], 0) + int(found[2]) * KIB
        elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_file = line.endswith(f" {path}")
    return fields


def status(pid, field):
    """Bytes of a field of /proc/PID/status."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)[1]) * KIB


def check_case(program, artifact, work):
    command = [program.lathe.with_name("bench-lathe"), artifact, "2", *work]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        # The first line comes when the work is done; then each waits for a question.
        facts = [json.loads(process.stdout.readline()) for process in processes]
        maps = [mapping(process.pid, artifact) for process in processes]
        for process, fact, file in zip(processes, facts, maps):
            check(file["Rss"] > fact["weight_bytes"] / 2, f"the file is mapped and read: {file}")
            check(file["Anonymous"] == 0, f"pages of the file that were written to: {file}")
            own = fact["state_bytes"] + fact["arena_bytes"]
            peak, anonymous = status(process.pid, "VmHWM"), status(process.pid, "RssAnon")
            check(anonymous <= own + ALLOWANCE, f"{anonymous} bytes beside the file, cache and arena have {own}")
            check(peak <= fact["weight_bytes"] + own + ALLOWANCE, f"{peak} bytes at most, {fact}")
            print(f"{artifact.name} {' '.join(work)}: {peak / 1e6:.1f} MB, of them "
                  f"{(peak - fact['weight_bytes'] - own) / 1e6:.1f} beside weights, cache and arena")
        # A page of two processes counts half for each. Which pages are mapped around a fault may differ a little.
        shared = sum(file["Pss"] for file in maps)
        check(shared <= 1.05 * max(file["Rss"] for file in maps), f"two processes have {shared} bytes of it: {maps}")
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()


def main():
    program = Program(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        for number, flags in enumerate(CASES):
            artifact = pathlib.Path(name).resolve() / f"{number}.lathe"
            program.run("compile", MODEL, "-o", artifact, *flags)
            for work in (("prompt", "128", "1"), ("text", "8", "4")):
                check_case(program, artifact, work)


main()
