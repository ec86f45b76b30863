"""Measures one row after the other: brings Lathe, its peers and the machine's limits together."""

import dataclasses

import numpy as np

import rounds
from workers import Failure

LATHE = "Lathe"


class Runner:
    """What all rows of a run share."""

    def __init__(self, lathe, peers, machine, options):
        """`options` has `rounds` and `seconds`, what each turn of an engine takes."""
        self.lathe, self.peers, self.machine, self.options = lathe, peers, machine, options
        self.references = {}

    def measure(self, row, threads):
        """The record of a row: its fields, and for each engine its samples or why there are none."""
        record = {"group": row.group, "name": row.name, "threads": threads, "model": row.model,
                  "flags": list(row.flags), "work": list(row.work), "unit": row.unit, "amount": row.amount,
                  "target": dataclasses.asdict(row.target)}
        works, failures = self._open(row, threads)
        try:
            if LATHE in works:
                self._measure(row, threads, works, failures, record)
        except Failure as failure:
            failures[LATHE] = str(failure)
        finally:
            for work in works.values():
                try:
                    work.close()
                except Failure:
                    pass  # It failed before, which its failure says.
        record["failures"] = failures
        return record

    def _open(self, row, threads):
        """What does the row's work, by name of the engine; and why the others do not."""
        works, failures = {}, {}
        try:
            artifact = self.lathe.compile(row.model, row.flags)
            works[LATHE] = self.lathe.open(artifact, threads, row.work)
        except Failure as failure:
            # Without Lathe there is nothing to compare with.
            return works, {LATHE: str(failure)}
        for peer in row.peers:
            if peer.engine not in self.peers.engines:
                continue
            try:
                works[peer.label] = self.peers.open(peer, threads)
            except Failure as failure:
                failures[peer.label] = str(failure)
        return works, failures

    def _measure(self, row, threads, works, failures, record):
        facts = works[LATHE].facts
        demands = self._demands(row, facts)
        artifact = self.lathe.compile(row.model, row.flags)
        engines = {name: lambda work=work: work.times(self.options.seconds) for name, work in works.items()}
        result = rounds.run(engines, lambda: self.machine.limits(demands, threads, artifact), self.options.rounds,
                            self.machine.load().others)
        failures.update(result.failures)
        record.update(facts=facts, demands=demands, others=result.others, engines={
            name: [{"seconds": s.seconds, "before": s.before, "after": s.after} for s in samples]
            for name, samples in result.samples.items()})
        if row.reference:
            record["cosine"] = self._cosines(row, threads, {name: works[name] for name in result.samples})

    def _demands(self, row, facts):
        """{limit: what one time asks of it, in 1e9 of its unit}."""
        demands = {}
        for kind, operations in row.operations.items():
            if callable(operations):
                operations = operations(self.lathe.models.lengths(row.work[-1]))
            demands[self.machine.nearest(kind)] = operations / 1e9
        if row.reads:
            demands["file"] = row.reads * facts["read_bytes"] / 1e9
        return demands

    def _cosines(self, row, threads, works):
        """{engine: the smallest cosine of a row of its output to that of Lathe in f32}."""
        path = self.lathe.folder / "output.bin"

        def output(work):
            work.save(path)
            return np.fromfile(path, np.float32).astype(np.float64)

        key = (row.model, row.work)
        if key not in self.references:
            work = self.lathe.open(self.lathe.compile(row.model, ("--dtype", "f32")), threads, row.work)
            self.references[key] = output(work)
            work.close()
        reference = self.references[key]
        return {name: smallest_cosine(reference, output(work)) for name, work in works.items()}

    def measure_memory(self, row, threads):
        """Peak resident memory of `lathe bench` beside what the model takes, in bytes."""
        record = {"name": row.name, "threads": threads, "flags": list(row.flags)}
        try:
            artifact = self.lathe.compile(row.model, row.flags)
            work = self.lathe.open(artifact, threads, ("prompt", "512", "1"))
            work.close()
            facts = work.facts
            return {**record, "peak_bytes": self.lathe.peak_memory(artifact, threads),
                    "weight_bytes": facts["weight_bytes"], "cache_bytes": facts["state_bytes"],
                    "arena_bytes": facts["arena_bytes"]}
        except Failure as failure:
            return {**record, "failure": str(failure)}


def smallest_cosine(reference, got):
    """Over the vectors of 384 that both arrays hold, (S * 384)."""
    a, b = reference.reshape(-1, 384), got.reshape(-1, 384)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())
