"""One peer in a process of its own, asked line by line as bench-lathe is.

    worker.py ENGINE THREADS

ENGINE is a module of this folder with a function `prepare(work, threads)`, which returns a function that does the
work once and gives its output (an array, or None). Lines of standard input are JSON, answers too:

    {"open": WORK}           does it once; {"handle": N}
    {"time": N, "for": S}    for S seconds, at least once: {"seconds": of each time}
    {"save": N, "path": P}   the output of the last time, as f32, as it lies
    {"close": N}             lets go of it
    {"call": NAME, …}        another function of the module, with these arguments
"""

import importlib
import json
import os
import sys
import time

import numpy as np


class Work:
    """A piece of work and what doing it last gave and took."""

    def __init__(self, run):
        self.run = run
        self.last = 0.0
        self.output = None

    def once(self):
        begin = time.perf_counter()
        self.output = self.run()
        self.last = time.perf_counter() - begin
        return self.last

    def times(self, budget):
        """Seconds of each time in about `budget` seconds, short ones warmed up for a quarter of it first."""
        begin = time.perf_counter()
        while self.last + time.perf_counter() - begin < budget / 4:
            self.once()
        seconds, begin = [], time.perf_counter()
        while not seconds or time.perf_counter() - begin < budget:
            seconds.append(self.once())
        return seconds


class Server:
    """Answers questions about the works of one engine."""

    def __init__(self, engine, threads):
        self.engine = importlib.import_module(engine)
        self.threads = threads
        self.works = {}

    def answer(self, question):
        if "open" in question:
            work = Work(self.engine.prepare(question["open"], self.threads))
            work.once()
            handle = max(self.works, default=0) + 1
            self.works[handle] = work
            return {"handle": handle}
        if "time" in question:
            return {"seconds": self.works[question["time"]].times(question["for"])}
        if "save" in question:
            output = np.asarray(self.works[question["save"]].output, np.float32)
            output.tofile(question["path"])
            return {"bytes": output.nbytes}
        if "close" in question:
            del self.works[question["close"]]
            return {}
        arguments = {name: value for name, value in question.items() if name != "call"}
        getattr(self.engine, question["call"])(**arguments)
        return {}


def main():
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = None
    for line in sys.stdin:
        try:
            server = server or Server(sys.argv[1], int(sys.argv[2]))
            result = server.answer(json.loads(line))
        except Exception as error:  # Whatever a library throws is this peer's failure, and only its own.
            first = (str(error).strip().splitlines() or [""])[0][:300]
            result = {"error": f"{type(error).__name__}: {first}"}
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
