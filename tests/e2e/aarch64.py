"""AArch64 code, cross-compiled, run under emulation: the same greedy ids as the reference.

    aarch64.py BUILD_DIRECTORY

Builds the runtime and examples/generate.c for AArch64 with the cross compiler, statically,
and runs them under qemu-aarch64.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

build = pathlib.Path(sys.argv[1]).resolve()
program = Program(build)
stories = ROOT / "examples" / "models" / "stories260K"
compiler = shutil.which("aarch64-linux-gnu-g++")
emulator = shutil.which("qemu-aarch64")
check(compiler and emulator, "needs g++-aarch64-linux-gnu and qemu-user (scripts/install --tests)")

sources = [p for p in sorted((ROOT / "runtime").glob("*.cpp"))]
sources += sorted((ROOT / "runtime" / "devices").glob("*.cpp"))
# The executor of tokenizers, not the builder: what runtime/text/CMakeLists.txt lists first.
listed = (ROOT / "runtime" / "text" / "CMakeLists.txt").read_text()
listed = listed[listed.index("add_library(LatheText STATIC"):].split(")")[0]
sources += [ROOT / "runtime" / "text" / name for name in listed.split() if name.endswith(".cpp")]

objects = build / "aarch64"
objects.mkdir(exist_ok=True)
flags = ["-std=c++20", "-O1", "-fno-rtti", f"-I{ROOT}", f"-I{build}",
         "-isystem", str(objects / "include"), '-DLATHE_VERSION="test"']
# flatbuffers and xxhash are header-only here, but their folder also has x86 headers.
include = objects / "include"
include.mkdir(exist_ok=True)
for name in ("flatbuffers", "xxhash.h", "xxh3.h"):
    source, target = pathlib.Path("/usr/include") / name, include / name
    if source.exists() and not target.exists():
        target.symlink_to(source)

pending = []
linked = []
launcher = [shutil.which("ccache")] if shutil.which("ccache") else []
for source in sources:
    target = objects / (source.relative_to(ROOT).as_posix().replace("/", "-") + ".o")
    linked.append(target)
    pending.append(([*launcher, compiler, *flags, "-c", str(source), "-o", str(target)], source))
running = []
while pending or running:
    while pending and len(running) < 2:
        command, source = pending.pop(0)
        running.append((subprocess.Popen(command), source))
    process, source = running.pop(0)
    check(process.wait() == 0, f"{source} does not compile for AArch64")
example = objects / "generate"
subprocess.run([*launcher, "aarch64-linux-gnu-gcc", "-O2", f"-I{ROOT}/runtime/include", "-c",
                str(ROOT / "examples" / "generate.c"), "-o", str(objects / "generate.o")], check=True)
subprocess.run([compiler, "-static", "-o", str(example), str(objects / "generate.o"),
                *map(str, linked), "-lpthread"], check=True)

with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "arm.lathe"
    program.run("compile", stories, "-o", model, "--target", "aarch64")
    check("targets: aarch64 (here: none)" in program.run("inspect", model).stdout,
          "inspect looks into a file for another machine")
    done = subprocess.run([emulator, "-cpu", "max", str(example), str(model), "", "64"],
                          capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, f"exit {done.returncode}: {done.stderr}")
    host = pathlib.Path(folder) / "host.lathe"
    program.run("compile", stories, "-o", host)
    expected = program.run("generate", host, "-p", "", "-n", 64).stdout
    reference = json.loads((stories / "reference.json").read_text())["greedy_text"]
    check(done.stdout == expected and reference.startswith(expected.strip()),
          f"{done.stdout!r}, expected {expected!r}")
