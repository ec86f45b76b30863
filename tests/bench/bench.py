"""Measures Lathe beside its peers and the machine's limits, on the same work in one run.

    bench.py BUILD_DIRECTORY WORK_DIRECTORY [--only PATTERN] [--quick] …    (scripts/bench gives the folders)

Prints the tables; writes bench.json (lathe.bench.v2) and bench.svg into the work directory. What cannot be
measured is left out with its reason; the rest goes on.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import pathlib
import re
import shlex
import subprocess
import sys
import traceback

import machine
import plot
import report
import rounds
import rows
from models import ROOT, Models
from own import Lathe
from peer_workers import MODULES, PACKAGES, Peers
from runner import LATHE, Runner

PERFORMANCE = ROOT / "docs" / "performance.md"


def thread_counts(text):
    counts = [int(part) for part in text.split(",")]
    if min(counts) < 1:
        raise ValueError
    return counts


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--only", default="", metavar="PATTERN", help="rows whose name this regular expression finds")
    parser.add_argument("--threads", type=thread_counts, default=[2, 1], help="numbers of threads, with commas")
    parser.add_argument("--peers", default=",".join(MODULES), help="engines to compare with, with commas, or none")
    parser.add_argument("--rounds", type=int, help="turns of each engine; 5, with --quick 3")
    parser.add_argument("--seconds", type=float, help="of each turn, at least once the work; 0.2, with --quick 0.05")
    parser.add_argument("--quick", action="store_true", help="a part of the rows, in a few minutes")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    parser.add_argument("--with", dest="earlier", metavar="FILE", nargs="+", type=pathlib.Path, default=[],
                        help="samples of earlier runs, for the rows that this one does not measure")
    parser.add_argument("--json", type=pathlib.Path, help="file for the samples, instead of WORK/bench.json")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    options.peers = set() if options.peers == "none" else set(options.peers.split(","))
    if options.peers - set(MODULES):
        parser.error(f"--peers: no such engine: {', '.join(options.peers - set(MODULES))}")
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (0.05 if options.quick else 0.2)
    return options


def choose(options):
    """Rows and memory measurements that the options ask for."""
    def chosen(table):
        return [row for row in table
                if re.search(options.only, row.name, re.IGNORECASE) and (row.quick or not options.quick)]

    return chosen(rows.all_rows()), chosen(rows.MEMORY)


def versions(lathe, engines):
    """Of Lathe, with the commit that it was built from, and of each engine."""
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    commit = output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    found = {LATHE: f"{output(str(lathe.bin / 'lathe'), '--version').removeprefix('lathe ')} ({commit})"}
    for engine in sorted(engines):
        try:
            found[PACKAGES[engine]] = importlib.metadata.version(PACKAGES[engine])
        except importlib.metadata.PackageNotFoundError:
            found[PACKAGES[engine]] = "not installed"
    return found


def measure_row(runner, row, threads):
    """The record of a row, whatever happens."""
    try:
        return runner.measure(row, threads)
    except Exception as error:  # A fault of one row must not cost the others.
        traceback.print_exc()
        return {"name": row.name, "group": row.group, "threads": threads, "unit": row.unit, "amount": row.amount,
                "target": dataclasses.asdict(row.target),
                "failures": {LATHE: f"{type(error).__name__}: {error}"}}


def progress(record):
    found = report.summarise(record)
    if "failure" in found:
        line = f"not measured: {found['failure']}"
    else:
        line = (f"{report.ranged(found['value'], record['unit'])}, {report.percent(found['share'])} of "
                f"{found['limit']['kind']}")
        if "best" in found:
            line += f", {report.ranged(found['ratio'])} × {found['best']}"
    print(f"{record['name']}, {record['threads']} t: {line}", file=sys.stderr, flush=True)


def add_earlier(run, paths):
    """Adds what earlier runs measured and `run` did not, in the order of the tables."""
    run["earlier"] = []
    for path in paths:
        earlier = json.loads(path.read_text())
        if earlier.get("schema") != report.SCHEMA:
            raise SystemExit(f"error: {path}: expected a file of {report.SCHEMA}, got {earlier.get('schema')}")
        known = {(record["name"], record["threads"]) for record in run["rows"]}
        run["rows"] += [record for record in earlier["rows"] if (record["name"], record["threads"]) not in known]
        known = {record["name"] for record in run["memory"]}
        run["memory"] += [record for record in earlier["memory"] if record["name"] not in known]
        run["limits"] = {**earlier["limits"], **run["limits"]}
        run["versions"] = {**earlier["versions"], **run["versions"]}
        run["earlier"] += [*earlier.get("earlier", []),
                           {"command": earlier["command"], "date": earlier["date"], "lathe": earlier["versions"][LATHE]}]
    names = [row.name for row in rows.all_rows()]
    groups = list(dict.fromkeys(row.group for row in rows.all_rows()))
    run["rows"].sort(key=lambda record: (groups.index(record["group"]), -record["threads"], names.index(record["name"])))


def measure_all(runner, options, chosen):
    """Records of all rows, group after group, so that peers stay while a group goes on."""
    records = []
    for group in dict.fromkeys(row.group for row in chosen):
        for threads in options.threads:
            for row in (row for row in chosen if row.group == group):
                records.append(measure_row(runner, row, threads))
                progress(records[-1])
            runner.peers.close()
    return records


def main(arguments):
    options = parse(arguments)
    chosen, memory = choose(options)
    if options.list:
        print("\n".join(row.name for row in [*chosen, *memory]))
        return
    build, folder = options.build.resolve(), options.work.resolve()
    models = Models(folder, build / "bin" / "lathe")
    lathe = Lathe(build, models, folder)
    limits = machine.Machine(build / "bin" / "bench-machine", folder / "bench-machine.log")
    peers = Peers(options.peers, models, folder)
    runner = Runner(lathe, peers, limits, options)
    run = {"schema": report.SCHEMA, "date": datetime.datetime.now().isoformat(timespec="seconds"),
           "command": shlex.join(["scripts/bench", *arguments[2:]]), "machine": machine.describe(),
           "versions": versions(lathe, options.peers),
           "options": {"rounds": options.rounds, "seconds": options.seconds, "quick": options.quick}}
    load = machine.Load()
    try:
        run["limits"] = {str(threads): limits.summary(threads) for threads in options.threads}
        run["rows"] = measure_all(runner, options, chosen)
        run["memory"] = [runner.measure_memory(row, options.threads[0]) for row in memory]
    finally:
        peers.close()
        limits.close()
    run["machine"]["others"] = load.others()
    if run["machine"]["others"] > rounds.MOST_OTHERS:
        print(f"warning: other programs used {100 * run['machine']['others']:.0f} % of the processors meanwhile: "
              "the figures say little, above all those of several threads", file=sys.stderr)
    add_earlier(run, options.earlier)
    report.write_json(options.json or folder / "bench.json", run)
    (folder / "bench.svg").write_text(plot.draw(run))
    print(report.markdown(run))
    if options.write_docs:
        (PERFORMANCE.parent / "performance.svg").write_text(plot.draw(run))
        report.write_docs(PERFORMANCE, run, "performance.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
