"""How one piece of work is measured: in rounds, each of which takes the limit of the machine, Lathe, the
limit, a peer, the limit, and so on.

Guests on a shared machine have neighbours: the bandwidth of its memory changes twofold in minutes, and cores
are taken away for milliseconds. So a limit is read right before and right after each sample, whatever is
compared is compared within a round, and the result is the median over the rounds. Where other programs took
part of the processors, more rounds are made and the least disturbed ones count: how long the work took has no
say in that.
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
    others: list = dataclasses.field(default_factory=list)  # Of each round, what others took of the processors.


# The part of the processors that others may take before a round counts as disturbed: ticks of 10 ms and the
# kernel's own work are that much.
MOST_OTHERS = 0.1


def spread(values):
    """The median of some numbers, the smallest and the largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def run(engines, limits, count, others=lambda: 0.0):
    """Measures `engines`, {name: function that does the work and returns seconds of each time}, in `count` rounds.

    `limits` returns the machine's limits of this moment; `others` what other programs took of the processors since
    it was asked last. An engine that fails is left out.
    """
    failures, made = {}, []
    others()
    while len(made) < 2 * count and sum(taken <= MOST_OTHERS for taken, _ in made) < count:
        # The order turns about, so that none always comes behind the same one.
        names = list(engines) if len(made) % 2 == 0 else list(engines)[::-1]
        samples = take_turns({name: engines[name] for name in names if name not in failures}, limits, failures)
        made.append((others(), samples))
    kept = sorted(range(len(made)), key=lambda number: made[number][0])[:count]
    best = [made[number] for number in sorted(kept)]
    return Result({name: [samples[name] for _, samples in best] for name in engines if name not in failures},
                  failures, [taken for taken, _ in best])


def take_turns(engines, limits, failures):
    """One round: {engine: its Sample}; adds to `failures`."""
    samples, before = {}, limits()
    for name, work in engines.items():
        try:
            seconds = work()
        except Failure as failure:
            failures[name] = str(failure)
            continue
        after = limits()
        samples[name] = Sample(seconds, before, after)
        before = after
    return samples


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
