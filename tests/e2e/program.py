"""Runs the lathe program for the end-to-end tests."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Program:
    """The programs of one build directory."""

    def __init__(self, build):
        self.lathe = pathlib.Path(build).resolve() / "bin" / "lathe"
        self.compiler = self.lathe.with_name("lathe-compiler")

    def run(self, *arguments, expect=0, env=None, **options):
        """Runs `lathe ARGUMENTS`; ends the test if the exit code is not `expect`."""
        options.setdefault("text", True)
        done = subprocess.run([str(self.lathe), *map(str, arguments)], capture_output=True,
                              env={**os.environ, **(env or {})}, **options)
        if expect is not None and done.returncode != expect:
            sys.exit(f"lathe {' '.join(map(str, arguments))}\nexit {done.returncode}, expected "
                     f"{expect}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED {message}")
