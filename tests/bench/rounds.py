"""How one piece of work is measured: in rounds, each of which takes the limit of the machine, Lathe, the
limit, a peer, the limit, and so on.

Guests on a shared machine have neighbours: the bandwidth of its memory changes twofold in minutes, and cores
are taken away for milliseconds. So a limit is read right before and right after each sample, whatever is
compared is compared within a round, and the result is the median over the rounds.
"""

import dataclasses
import statistics

from workers import Failure


@dataclasses.dataclass
class Sample:
    """One turn of one engine."""
    seconds: list  # Of each time that it did the work.
    before: dict   # Limits right before it: {kind: rates in 1e9 a second}.
    after: dict

    def time(self):
        return statistics.median(self.seconds)

    def limit(self, kind):
        """The rate of a limit around the sample, in 1e9 a second."""
        return statistics.median(self.before[kind] + self.after[kind])


@dataclasses.dataclass
class Result:
    """What came of one piece of work."""
    samples: dict   # {engine: [Sample of each round]}
    failures: dict  # {engine: why it has no samples}


def spread(values):
    """The median of some numbers, the smallest and the largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def run(engines, limits, rounds):
    """Measures `engines`, {name: function that does the work and returns seconds of each time}.

    `limits` returns the machine's limits of this moment. An engine that fails is left out from there on.
    """
    result = Result({name: [] for name in engines}, {})
    for number in range(rounds):
        # The order turns about, so that none always comes behind the same one.
        names = list(engines) if number % 2 == 0 else list(engines)[::-1]
        before = limits()
        for name in names:
            if name in result.failures:
                continue
            try:
                seconds = engines[name]()
            except Failure as failure:
                result.failures[name] = str(failure)
                result.samples.pop(name)
                continue
            after = limits()
            result.samples[name].append(Sample(seconds, before, after))
            before = after
    return result


def shares(samples, demands):
    """For each sample, the part of its time that the machine would need at its limits.

    `demands`: {kind: work in 1e9 of the limit's unit}; the one that needs most time counts.
    """
    return [max(work / sample.limit(kind) for kind, work in demands.items()) / sample.time()
            for sample in samples]


def binding_limit(samples, demands):
    """The kind of limit that needs most time, by the median over samples."""
    return max(demands, key=lambda kind: statistics.median(demands[kind] / s.limit(kind) for s in samples))


def ratios(samples, others):
    """How many times longer `others` took than `samples`, round by round."""
    return [other.time() / sample.time() for sample, other in zip(samples, others)]


def fastest(result, names):
    """The one of `names` with the smallest median time, None without samples."""
    there = [name for name in names if result.samples.get(name)]
    return min(there, key=lambda name: statistics.median(s.time() for s in result.samples[name]), default=None)
