"""The suite's own arithmetic, processes and reports, on engines that are made up.

    selftest.py

No peer, no artifact and no network; no time is measured.
"""

import argparse
import json
import math
import os
import pathlib
import sys
import tempfile
import xml.etree.ElementTree

import numpy as np

import bench
import instructions
import machine
import models
import peer_workers
import plot
import report
import rounds
import rows
from runner import LATHE, Runner
from workers import Failure, Worker, used_seconds

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import check

FAKE_ENGINE = """
import numpy as np
def prepare(work, threads):
    print("a library says something")
    if work["kind"] == "broken":
        raise ValueError("no such\\nmodel")
    return lambda: np.full(2, work["value"] * threads)
def make(path):
    open(path, "w").write("made")
"""
CHILD = """
import json, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    if line == "die\\n": sys.exit("it died of this")
    if line == "sleep\\n": time.sleep(60)
    print(json.dumps({"error": "refused"} if line == "refuse\\n" else {"got": line}), flush=True)
"""


def scripted(times):
    """An engine whose turns take `times`, one after the other; None fails."""
    left = list(times)

    def turn():
        value = left.pop(0)
        if value is None:
            raise Failure("it broke")
        return value if isinstance(value, list) else [value]

    return turn


def fails(function, *words):
    try:
        function()
    except Failure as failure:
        check(all(word in str(failure) for word in words), f"{words} not in {failure}")
    else:
        check(False, f"did not fail with {words}")


def check_rounds():
    order, rates = [], iter(range(100, 200))

    def named(name, times):
        turn = scripted(times)

        def engine():
            order.append(name)
            return turn()

        return engine

    result = rounds.run({"a": named("a", [[3, 1, 2], 4, 1]), "b": named("b", [4, 4, 4]), "c": named("c", [1, None])},
                        lambda: {"f32": [next(rates)]}, 3)
    check("".join(order) == "abccbaab", f"each round turns the order about, and one that failed stays out: {order}")
    check(result.failures == {"c": "it broke"} and "c" not in result.samples, f"{result}")
    own, other = result.samples["a"], result.samples["b"]
    check([s.time() for s in own] == [2, 4, 1], "the time of a turn is the median of its times")
    check([(s.before["f32"], s.after["f32"]) for s in own] == [([100], [101]), ([105], [106]), ([107], [108])],
          f"limits stand right before and after each turn: {own}")
    check(rounds.ratios(own, other) == [2, 1, 4], "ratios are of one round")
    check(rounds.fastest(result, ["b", "c"]) == "b" and rounds.fastest(result, ["c"]) is None, "the fastest")
    check(own[1].limit("f32") == 105.5, "the limit of a turn is the median of both sides")


def check_disturbance():
    """Twice as many rounds where others are busy; the least disturbed ones count, in their order."""
    def taken(*others):
        left = [0.5, *others]
        result = rounds.run({"a": scripted([1, 2, 3, 4, 5, 6])}, lambda: {"f32": [1]}, 3, lambda: left.pop(0))
        return [s.time() for s in result.samples["a"]], result.others

    check(taken(0, 0.1, 0.05) == ([1, 2, 3], [0, 0.1, 0.05]), "no more rounds than asked for")
    check(taken(0.9, 0, 0.2, 0, 0) == ([2, 4, 5], [0, 0, 0]), "until there are enough")
    check(taken(0.9, 0.8, 0.3, 0.7, 0, 0.6) == ([3, 5, 6], [0.3, 0, 0.6]), "at most twice as many")


def check_shares():
    sample = rounds.Sample([2.0], {"f32": [10, 90], "file": [4]}, {"f32": [20, 40], "file": [4]})
    # 30 of 1e9 a second, and 4: 0.5 s and 1 s of the 2 s.
    demands = {"f32": 15, "file": 4}
    check(rounds.shares([sample], demands) == [0.5], "the limit that needs most time counts")
    check(rounds.binding_limit([sample], demands) == "file", "and is named")


def check_rows():
    table = rows.all_rows()
    check(len({row.name for row in table}) == len(table), "rows have names of their own")
    engines = {peer.engine for row in table for peer in row.peers}
    check(engines == set(peer_workers.MODULES) == set(peer_workers.PACKAGES), f"{engines}")
    for row in table:
        check(row.operations or row.reads, f"{row.name}: is held against no limit")
        check(len({peer.label for peer in row.peers} | {LATHE}) == len(row.peers) + 1, f"{row.name}: labels")
        check(row.unit != "ms" or row.amount == 1, f"{row.name}: milliseconds are of one time")
    check(rows.LLAMA_110M.layer_parameters() == 12 * (4 * 768 * 768 + 3 * 768 * 2048), "llama 110M")
    for name, shape in models.LLAMAS.items():
        tensors = models.llama_tensors(shape)
        matrices = sum(math.prod(dims) for dims in tensors.values() if len(dims) == 2)
        tables = (1 if shape.tied else 2) * shape.vocabulary * shape.hidden
        check(matrices == shape.layer_parameters() + tables, f"{name}: the formula counts what the file has")
        check(len({models.gguf_name(tensor) for tensor in tensors}) == len(tensors), f"{name}: GGUF's names")
    # 21.2 MFLOP a token, and 4 T² C a layer of attention.
    check(rows.minilm_operations([128, 16]) == 144 * 21233664 + 4 * (128 * 128 + 16 * 16) * 384 * 6, "MiniLM")


def check_load(folder):
    """What children use is not that of others: neither while they live nor afterwards."""
    before = used_seconds()
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('{}', flush=True)\ninput()"
    worker = Worker([sys.executable, "-c", code], folder / "load.log")
    worker.answer(60)
    living = used_seconds() - before
    worker.close()
    ended = used_seconds() - before
    # Ticks of 10 ms, some of them shared.
    check(living >= 0.25 and ended >= living - 0.05, f"{living}, {ended}")
    others = machine.Load().others()
    check(0 <= others <= 1, f"a part of the processors' time: {others}")


def check_interleaving():
    weight = np.arange(8.0).reshape(8, 1)
    got = models.interleave(weight, 2).ravel()
    check(list(got) == [0, 2, 1, 3, 4, 6, 5, 7], f"pairs of a head are neighbours: {got}")


DUMP = """
ob=(1) /lib/libc.so.6
fn=(1) memcpy
264 1
+6 2

ob=(2) ???
fn=(2) 0x1000
0 100
cob=(3) /usr/lib/liblathe.so.0
cfn=(3) helper
calls=1 0
* 7000
fn=(4) 0x2000
0 50

ob=(3)
fn=(3) helper
-5 7
"""


def check_instructions(folder):
    path = folder / "dump"
    path.write_text(DUMP)
    counts = instructions.count_objects(path)
    check(counts == {"/lib/libc.so.6": 3, "???": 150, "/usr/lib/liblathe.so.0": 7}, f"{counts}")
    table = {"a": {"kernels": 1000}, "b": {"kernels": 1000}, "gone": {"kernels": 1}}
    inside = {"a": {"kernels": 1020}, "b": {"kernels": 950}, "gone": {"kernels": 1}}
    check(not list(instructions.complaints(table, inside)), "within what is allowed")
    outside = {"a": {"kernels": 1021}, "b": {"kernels": 949}, "new": {"kernels": 1}}
    check(sorted(instructions.complaints(table, outside)) == [
        "a: kernels grew from 1000 to 1021 instructions", "b: kernels fell from 1000 to 949 instructions",
        "gone: is no part any more", "new: is not in the table"], f"{list(instructions.complaints(table, outside))}")


def check_modules(folder):
    made = models.Models(folder, lathe=None)
    path = made.source("linear-768x768")
    check("tensor<768x768xf32>" in path.read_text() and f'"{path.stem}.safetensors"' in path.read_text(), "linear")
    size = path.with_suffix(".safetensors").stat().st_size
    check(768 * 768 * 4 < size < 768 * 768 * 4 + 4096, f"weights of {size} bytes")
    models.write_tensors(folder / "t.safetensors", {"norm": (3,), "matrix": (2, 2)}, 0.5)
    read = dict(models.read_tensors(folder / "t.safetensors"))
    check(list(read["norm"]) == [1, 1, 1] and read["matrix"].shape == (2, 2) and read["matrix"].std() > 0, f"{read}")
    text = made.source("attention-causal-bf16").read_text()
    check(" causal : " in text and "12x64xbf16" in text, "attention")
    check(made.source("chain-3x8").read_text().count("lathe.linear") == 3, "a chain")
    check("lathe.rms_norm" in made.source("norm-768").read_text(), "a norm")


def check_worker(folder):
    log = folder / "child.log"
    worker = Worker([sys.executable, "-c", CHILD], log)
    check(worker.answer(30) == {"ready": True}, "the first line")
    check(worker.ask("x", 30) == {"got": "x\n"}, "an answer")
    state = ""
    for _ in range(1000):
        state = pathlib.Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "T":
            break
        os.sched_yield()
    check(state == "T", f"between questions it stands still: {state}")
    fails(lambda: worker.ask("refuse", 30), "refused")
    check(worker.ask("y", 30) == {"got": "y\n"}, "a refusal is not the end")
    fails(lambda: worker.ask("die", 30), "ended with 1", "it died of this")
    fails(lambda: worker.ask("z", 30), "ended with")
    worker.close()
    worker = Worker([sys.executable, "-c", CHILD], log)
    worker.answer(30)
    fails(lambda: worker.ask("sleep", 0.2), "no answer in 0 s")
    check(worker.process.returncode is not None, "what does not answer is ended")


def check_peer_worker(folder):
    (folder / "fake_engine.py").write_text(FAKE_ENGINE)
    command = [sys.executable, peer_workers.FOLDER / "worker.py", "fake_engine", 2]
    worker = Worker(command, folder / "fake.log", {"PYTHONPATH": str(folder)})

    def ask(**question):
        return worker.ask(json.dumps(question), 60)

    handle = ask(open={"kind": "good", "value": 3})["handle"]
    other = ask(open={"kind": "good", "value": 5})["handle"]
    check(handle != other, "two works have two handles")
    check(len(ask(time=handle, **{"for": 0})["seconds"]) == 1, "at least once")
    ask(save=other, path=str(folder / "out.bin"))
    check(list(np.fromfile(folder / "out.bin", np.float32)) == [10, 10], "its own output, as f32")
    fails(lambda: ask(open={"kind": "broken"}), "ValueError: no such")
    ask(close=handle)
    fails(lambda: ask(time=handle, **{"for": 0}), "KeyError")
    ask(call="make", path=str(folder / "made"))
    check((folder / "made").read_text() == "made", "a call of another function")
    worker.close()
    missing = Worker([sys.executable, peer_workers.FOLDER / "worker.py", "no_such_engine", 1], folder / "fake.log")
    fails(lambda: missing.ask("{}", 60), "ModuleNotFoundError")
    missing.close()


class FakeWork:
    """Answers with scripted times, and with one output."""

    def __init__(self, times, output=(1, 0)):
        self.times_left, self.output, self.is_closed = scripted(times), output, False
        self.facts = {"read_bytes": 1e9, "weight_bytes": 2e6, "state_bytes": 1e6, "arena_bytes": 1e6}

    def times(self, budget):
        check(budget == 0.1, "the budget of a turn")
        return self.times_left()

    def save(self, path):
        np.resize(np.array(self.output, np.float32), 384).tofile(path)

    def close(self):
        self.is_closed = True


class FakeLathe:
    def __init__(self, folder, works):
        self.folder, self.works, self.opened = folder, works, []
        self.models = argparse.Namespace(lengths=lambda name: [16])

    def compile(self, model, flags):
        if "--no" in flags:
            raise Failure("lathe compile --no: exit 2: --no: unknown")
        return "m.lathe"

    def open(self, artifact, threads, work):
        self.opened.append(self.works.pop(0))
        return self.opened[-1]

    def peak_memory(self, artifact, threads):
        return 6e6


class FakePeers:
    engines = {"torch", "openvino"}

    def __init__(self, works):
        self.works = works

    def open(self, peer, threads):
        if isinstance(self.works[peer.label], Failure):
            raise self.works[peer.label]
        return self.works[peer.label]


class FakeMachine:
    def load(self):
        return argparse.Namespace(others=lambda: 0.0)

    def nearest(self, kind):
        return "f32" if kind == "bf16" else kind

    def limits(self, kinds, threads, path):
        return {kind: [{"f32": 100, "file": 20}[kind]] for kind in kinds}


OPTIONS = argparse.Namespace(rounds=2, seconds=0.1)


def row(**fields):
    start = {"group": "g", "name": "some work", "model": "m", "flags": (), "work": ("text", "2", "1"),
             "unit": "tokens/s", "amount": 2, "target": rows.Target(ratio=1.0)}
    return rows.Row(**{**start, **fields})


def measured(folder):
    """Records of three rows: one with peers, one that Lathe refuses, one with cosines."""
    peers = (rows.Peer("torch", "torch eager", {}), rows.Peer("openvino", "openvino", {}),
             rows.Peer("llama.cpp", "llama.cpp", {}))
    # Of the first and third row, of the reference of cosines and of memory.
    lathe = FakeLathe(folder, [FakeWork([0.25, 0.5]), FakeWork([1, 1]), FakeWork([], output=(1, 1)), FakeWork([])])
    works = {"torch eager": FakeWork([1.0, 1.0]), "openvino": FakeWork([0.5, None])}
    runner = Runner(lathe, FakePeers(works), FakeMachine(), OPTIONS)
    records = [runner.measure(row(peers=peers, reads=2), 2)]
    check(all(work.is_closed for work in [*works.values(), lathe.opened[0]]), "what was opened is closed")
    records.append(runner.measure(row(name="refused", flags=("--no",), peers=peers), 1))
    runner.peers.works["openvino"] = Failure("not installed")
    runner.peers.works["torch eager"] = FakeWork([0.25, 0.25], output=(1, 0))
    records.append(runner.measure(row(name="embeds | it", unit="ms", amount=1, reference=True, peers=peers,
                                       operations={"bf16": lambda lengths: sum(lengths) * 1e9}), 2))
    memory = [runner.measure_memory(rows.Memory(name, "m", flags), 2)
              for name, flags in (("some model", ()), ("other", ("--no",)))]
    return records, memory


def check_runner(records):
    first, refused, last = records
    check(set(first["engines"]) == {LATHE, "torch eager"}, f"{first}")
    check(first["failures"] == {"openvino": "it broke"}, "a peer that breaks is left out, one not chosen is not named")
    found = report.summarise(first)
    # 2 reads of 1 GB at 20 GB/s are 0.1 s; 0.25 s and 0.5 s were taken.
    check(np.allclose(sorted(found["share"].values()), [0.2, 0.3, 0.4]), f"{found}")
    check(found["ratio"] == {"median": 3, "min": 2, "max": 4} and found["met"] is True, f"{found}")
    check(found["value"] == {"median": 6, "min": 4, "max": 8}, f"2 tokens in 0.25 s and 0.5 s: {found}")
    check("--no: unknown" in report.summarise(refused)["failure"], f"{refused}")
    found = report.summarise(last)
    check(found["limit"]["kind"] == "f32" and math.isclose(found["share"]["median"], 0.16), f"{found}")
    check(found["met"] is False and found["ratio"]["median"] == 0.25, f"{found}")
    check(math.isclose(last["cosine"][LATHE], 2 ** -0.5, rel_tol=1e-6) and
          math.isclose(last["cosine"]["torch eager"], 2 ** -0.5, rel_tol=1e-6), f"cosines to f32: {last['cosine']}")


def check_targets():
    """All that is aimed at must be reached; the limit stands for a ratio, nothing for exactness."""
    def met(nearness, part, **target):
        found = {"share": {"median": part}, "ratio": {"median": 1.1}}
        return report.is_met({"ratio": None, "share": None, "cosine": None, **target}, found, nearness)

    check(met(None, 0.5, ratio=1.0) and not met(None, 0.5, ratio=1.2) and met(None, 0.85, ratio=1.2), "ratios")
    check(met(None, 0.5, share=0.5) and not met(None, 0.4, share=0.5) and met(None, 0.4) is None, "shares")
    check(met(0.996, 0.9, ratio=1.0, cosine=0.995) and not met(0.99, 0.9, ratio=1.0, cosine=0.995), "cosines")


def check_earlier(folder, run):
    """Rows that a run did not measure come from others, in the order of the tables."""
    first, second = (table.name for table in rows.all_rows()[:2])
    made = [{**run["rows"][0], "name": name, "group": "linear", "threads": threads}
            for name, threads in ((second, 1), (first, 2), (second, 2))]
    report.write_json(folder / "old.json", {**run, "rows": made[:2], "memory": run["memory"]})
    new = {**run, "rows": [made[2], {**made[1], "unit": "new"}], "memory": run["memory"][:1]}
    bench.add_earlier(new, [folder / "old.json"])
    check([(r["name"], r["threads"], r["unit"]) for r in new["rows"]] ==
          [(first, 2, "new"), (second, 2, "tokens/s"), (second, 1, "tokens/s")], f"{new['rows']}")
    check(len(new["memory"]) == len(run["memory"]) and new["earlier"][0]["command"] == run["command"], "earlier runs")
    check("Other rows: `scripts/bench --quick`" in report.describe(new), "they are named")


def check_report(folder, records, memory):
    run = {"schema": report.SCHEMA, "date": "2026-01-31T08:15:00", "command": "scripts/bench --quick",
           "machine": {"cpu": "A <CPU>", "family": "1", "model": "2", "processors": 2, "memory_gb": 8,
                       "system": "Linux", "others": 0.25},
           "versions": {LATHE: "0"}, "options": {"rounds": 2}, "limits": {"2": {"f32": 100.0}},
           "rows": records, "memory": memory}
    records[0]["others"] = [0.3, 0.2]
    text = report.markdown(run)
    check("in most rounds of: some work (2)." in text, text)
    lines = text.splitlines()
    check(lines[0].startswith("| work | threads | Lathe | best peer | ratio |"), text)
    check("| some work | 2 | 6.00 (4.00–8.00) tokens/s | 2.00 (2.00–2.00) torch eager | 3.00 (2.00–4.00) × | "
          "20.0 GB/s file | 30 % (20–40) | ≥ 1 × | yes |" in lines, text)
    check(r"| embeds \| it | 2 |" in text, "bars in names are no columns")
    check("- Lathe, refused (1): lathe compile --no: exit 2: --no: unknown" in lines, text)
    check("1.50 ×" in text and "- other: lathe compile" in text, f"6 MB of 2 + 1 + 1: {text}")

    check_earlier(folder, run)
    report.write_json(folder / "b.json", run)
    again = json.loads((folder / "b.json").read_text())
    check(again["schema"] == "lathe.bench.v2" and again["rows"][0]["figures"]["ratio"]["median"] == 3, "JSON")
    check(again["rows"][0]["engines"][LATHE][1]["seconds"] == [0.5], "every sample is kept")

    page = folder / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nbehind\n")
    report.write_docs(page, run, "p.svg")
    report.write_docs(page, run, "p.svg")
    text = page.read_text()
    check(text.startswith("before\n") and text.endswith("behind\n") and "old" not in text, text)
    check(text.count("scripts/bench --quick") == 1 and "](p.svg)" in text, text)

    picture = xml.etree.ElementTree.fromstring(plot.draw(run))
    words = [element.text for element in picture.iter() if element.tag.endswith("text")]
    check("some work" in words and "3.00 ×" in words and "refused" not in words, f"{words}")


def check_options():
    options = bench.parse(["b", "w", "--quick", "--threads", "1", "--peers", "torch", "--only", "decode"])
    check((options.rounds, options.threads, options.peers) == (3, [1], {"torch"}), f"{options}")
    chosen, memory = bench.choose(options)
    check(chosen and all("decode" in r.name and r.quick for r in chosen) and not memory, f"{chosen}")
    options = bench.parse(["b", "w", "--peers", "none"])
    check((options.rounds, options.threads, options.peers) == (5, [2, 1], set()), f"{options}")
    check(len(bench.choose(options)[0]) == len(rows.all_rows()), "all rows unless told")


def main():
    check_rounds()
    check_disturbance()
    check_shares()
    check_targets()
    check_rows()
    check_interleaving()
    check_options()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_modules(folder)
        check_instructions(folder)
        check_worker(folder)
        check_load(folder)
        check_peer_worker(folder)
        records, memory = measured(folder)
        check_runner(records)
        check_report(folder, records, memory)


main()
