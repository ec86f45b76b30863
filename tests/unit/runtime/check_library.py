"""Checks liblathe.so: what it shows, what it needs, how large it is.

usage: check_library.py LIBRARY
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LARGEST = 1_500_000
library = sys.argv[1]


def tool(name, *arguments):
    program = shutil.which(name) or shutil.which(f"llvm-{name}-22")
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


errors = []
symbols = tool("nm", "-D", "--defined-only", library)
shown = [line.split()[-1] for line in symbols.splitlines()]
strangers = [name for name in shown if not name.startswith("lathe_")]
# Sanitizers bring symbols of their own.
if any("__asan" in name or "__tsan" in name for name in tool("nm", "-D", library).split()):
    print("a sanitizer build: nothing to check")
    sys.exit(0)
if strangers:
    errors.append(f"shows {strangers}")

header = pathlib.Path(__file__).parents[3] / "runtime/include/lathe.h"
declared = set(re.findall(r"^LATHE_API [^;]*?\b(lathe_\w+)\(", header.read_text(), re.M | re.S))
if declared != set(shown):
    errors.append(f"header and library differ in {sorted(declared ^ set(shown))}")

needed = re.findall(r"NEEDED.*\[(.+?)\]", tool("readelf", "-d", library))
# The C and C++ libraries of the system, and nothing else: no LLVM, whatever it is called.
foreign = [name for name in needed if not re.fullmatch(r"(lib(c|m|stdc\+\+|gcc_s|pthread)|ld-linux.*)\.so\.\d+", name)]
if foreign:
    errors.append(f"needs {foreign}")
undefined = tool("nm", "-D", "--undefined-only", library)
for function in ("abort", "exit", "_exit", "printf", "puts", "__cxa_throw"):
    if re.search(rf"\bU {function}(@|$)", undefined, re.M):
        errors.append(f"calls {function}")

with tempfile.TemporaryDirectory() as folder:
    stripped = pathlib.Path(folder) / "lib.so"
    tool("strip", "-o", str(stripped), library)
    size = stripped.stat().st_size
print(f"{len(shown)} functions, {size} bytes stripped, needs {needed}")
if size > LARGEST:
    errors.append(f"has {size} bytes stripped, at most {LARGEST} are wanted")
print("\n".join(errors))
sys.exit(bool(errors))
