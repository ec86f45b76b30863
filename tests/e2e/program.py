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

    def refuses(self, code, words, *arguments, **options):
        """Runs `lathe ARGUMENTS`; expects the exit code and one error line with the words."""
        done = self.run(*arguments, expect=code, timeout=60, **options)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        shown = " ".join(map(str, arguments))
        check(len(errors) == 1, f"lathe {shown}: {len(errors)} error lines: {done.stderr!r}")
        for word in words:
            check(str(word) in errors[0], f"lathe {shown}: no {word!r} in {errors[0]!r}")
        return done


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED {message}")
