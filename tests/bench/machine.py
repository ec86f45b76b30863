"""The limits of this machine, as bench-machine measures them, and what it is."""

import os
import pathlib
import platform
import statistics

from workers import Failure, Worker, used_seconds

UNITS = {"f32": "GFLOP/s", "bf16": "GFLOP/s", "int8": "GOP/s", "memory": "GB/s", "file": "GB/s", "l2": "GB/s"}
# What does the work where the machine lacks the instruction: numbers widen to f32.
INSTEAD = {"bf16": "f32", "int8": "f32"}
TIMEOUT = 120


class Machine:
    """Asks one bench-machine that lives as long as this object."""

    def __init__(self, program, log):
        self.worker = Worker([program], log)
        self.lacking = set()

    def load(self):
        """A Load from now on."""
        return Load()

    def rates(self, kind, threads, path=""):
        """Some rates of limit `kind`, in 1e9 a second, measured now."""
        return self.worker.ask(f"{kind} {threads} {path}".rstrip(), TIMEOUT)["samples"]

    def nearest(self, kind):
        """`kind`, or what this machine does in its place."""
        while kind in INSTEAD:
            if kind not in self.lacking and self.rates(kind, 1):
                return kind
            self.lacking.add(kind)
            kind = INSTEAD[kind]
        return kind

    def limits(self, kinds, threads, path):
        """{kind: rates} of this moment; `path` is what limit `file` reads."""
        result = {}
        for kind in kinds:
            result[kind] = self.rates(kind, threads, path if kind == "file" else "")
            if not result[kind]:
                raise Failure(f"limit {kind} of {path or 'this machine'} cannot be measured")
        return result

    def summary(self, threads):
        """{kind: median rate} of all kinds that need no file."""
        found = {kind: self.rates(kind, threads) for kind in UNITS if kind != "file"}
        return {kind: statistics.median(rates) for kind, rates in found.items() if rates}

    def close(self):
        self.worker.close()


class Load:
    """How busy the processors are with what this process and its children did not ask for."""

    def __init__(self):
        self.last = self._times()

    def others(self):
        """The part of the processors' time since this was asked last that other programs took, or the host."""
        now = self._times()
        passed, busy, own = (value - before for value, before in zip(now, self.last))
        self.last = now
        return min(1.0, max(0.0, busy - own) / passed) if passed else 0.0

    @staticmethod
    def _times():
        """Seconds of all processors that passed, that were used, and that this process and its children used."""
        # user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user.
        ticks = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
        second = os.sysconf("SC_CLK_TCK")
        return sum(ticks) / second, (sum(ticks) - ticks[3] - ticks[4]) / second, used_seconds()


def describe():
    """The machine in a few fields."""
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": fields.get("model name", platform.machine()),
            "family": fields.get("cpu family", ""), "model": fields.get("model", ""),
            "processors": len(os.sched_getaffinity(0)), "memory_gb": round(pages / 1e9, 1),
            "system": f"{platform.system()} {platform.release()}"}
