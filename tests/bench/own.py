"""Lathe's side of rows: compiles a model and keeps a bench-lathe that does the work."""

import json
import re
import subprocess

from workers import Failure, Worker

START_TIMEOUT = 600
SAMPLE_TIMEOUT = 300


class LatheWork:
    """A piece of work that a bench-lathe holds; it was done once."""

    def __init__(self, command, log):
        self.worker = Worker(command, log)
        self.facts = self.worker.answer(START_TIMEOUT)  # Its first line: bytes by what they are for.

    def times(self, budget):
        """Seconds of each time in about `budget` seconds."""
        return self.worker.ask(f"time {budget}", SAMPLE_TIMEOUT)["seconds"]

    def save(self, path):
        self.worker.ask(f"save {path}", SAMPLE_TIMEOUT)

    def close(self):
        self.worker.close()


class Lathe:
    """The programs of one build directory, and the artifacts that they made in this run."""

    def __init__(self, build, models, folder):
        self.bin = build / "bin"
        self.models, self.folder = models, folder
        self.compiled = {}

    def compile(self, model, flags):
        """The artifact of `model` with `flags` of `lathe compile`. Fails with the compiler's message."""
        key = (model, flags)
        if key not in self.compiled:
            self.compiled[key] = self._compile(model, flags)
        if isinstance(self.compiled[key], Failure):
            raise self.compiled[key]
        return self.compiled[key]

    def _compile(self, model, flags):
        name = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join((model, *flags)))
        path = self.folder / f"{name}.lathe"
        done = subprocess.run([self.bin / "lathe", "compile", self.models.source(model), "-o", path, *flags],
                              capture_output=True, text=True)
        if done.returncode == 0:
            return path
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        reason = errors[0].removeprefix("error: ") if errors else done.stderr.strip()[-200:]
        return Failure(f"lathe compile {' '.join(flags)}: exit {done.returncode}: {reason}")

    def open(self, artifact, threads, work):
        """Readies `work`, the arguments of bench-lathe behind the threads; ids may be given by name."""
        if work[0] == "entry" and not re.fullmatch(r"\d+x\d+", work[2]):
            work = (*work[:2], self.models.ids(work[2]))
        command = [self.bin / "bench-lathe", artifact, threads, *work]
        return LatheWork(command, self.folder / "bench-lathe.log")

    def peak_memory(self, artifact, threads):
        """Peak resident memory of `lathe bench` on a prompt of 512 and 32 steps, in bytes."""
        done = subprocess.run([self.bin / "lathe", "bench", artifact, "-p", "512", "-n", "32", "-r", "1", "-t",
                               str(threads), "--json"], capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"lathe bench: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        return json.loads(done.stdout)["peak_memory_bytes"]
