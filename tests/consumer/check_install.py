"""Installs the runtime, builds the programs here against it, and runs them.

usage: check_install.py BUILD ARTIFACT CC CXX
"""

import os
import pathlib
import subprocess
import sys
import tempfile

build, artifact, c_compiler, cpp_compiler = sys.argv[1:]
here = pathlib.Path(__file__).parent
EXPECTED = "0.1.0 4\n"


def run(*command, **more):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if result.returncode != 0:
        sys.exit(f"{command} failed\n{result.stdout}{result.stderr}")
    return result.stdout


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    prefix = root / "prefix"
    run("cmake", "--install", build, "--prefix", prefix, "--component", "runtime")
    run("cmake", "-G", "Ninja", "-S", here, "-B", root / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={c_compiler}", f"-DCMAKE_CXX_COMPILER={cpp_compiler}")
    run("cmake", "--build", root / "build")
    for name in ("consumer-c", "consumer-cpp"):
        output = run(root / "build" / name, artifact)
        if output != EXPECTED:
            sys.exit(f"{name} wrote {output!r}, expected {EXPECTED!r}")

    library = next(prefix.glob("lib*/**/liblathe.so")).parent
    environment = dict(os.environ, PKG_CONFIG_PATH=str(library / "pkgconfig"),
                       LD_LIBRARY_PATH=str(library))
    flags = run("pkg-config", "--cflags", "--libs", "lathe", env=environment).split()
    run(c_compiler, here / "consumer.c", "-o", root / "plain", *flags)
    output = run(root / "plain", artifact, env=environment)
    if output != EXPECTED:
        sys.exit(f"by pkg-config: wrote {output!r}, expected {EXPECTED!r}")
