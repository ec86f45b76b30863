"""What `lathe bench` prints and refuses; no time is looked at.

    bench.py BUILD_DIRECTORY
"""

import csv
import io
import json
import math
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
STORIES = ROOT / "examples" / "models" / "stories260K"
GOLDEN = ROOT / "tests" / "data" / "golden"
QUICK = ("-r", "1")


def bench(model, *flags, **options):
    return program.run("bench", model, *flags, timeout=120, **options)


def table(text):
    """The cells of a markdown table, its heading first."""
    lines = text.splitlines()
    check(all(line.startswith("| ") and line.endswith(" |") for line in lines), f"no table: {text!r}")
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    check(len({len(row) for row in rows}) == 1 and len({len(line) for line in lines}) == 1, f"a ragged table: {text!r}")
    check(set("".join(rows[1])) <= set("-:"), f"no rule under the heading: {text!r}")
    return [rows[0], *rows[2:]]


def names(model, *flags):
    return [row[4] for row in table(bench(model, *QUICK, *flags).stdout)[1:]]


def refused(code, words, model, *flags):
    done = bench(model, *flags, expect=code)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    check(len(errors) == 1 and not done.stdout, f"{flags}: {done}")
    for word in words:
        check(str(word) in errors[0], f"{flags}: no {word!r} in {errors[0]!r}")


def check_table(model):
    heading, *rows = table(bench(model, "-p", "3,7", "-n", "2", "-r", "3", "-t", "1", "-b", "2").stdout)
    check(heading == ["model", "size", "threads", "seqs", "test", "t/s", "median", "min", "max"], f"{heading}")
    check([row[4] for row in rows] == ["pp3", "pp7", "tg2"], f"names of rows: {rows}")
    for row in rows:
        check(row[0] == "m" and row[1].endswith(" MiB") and row[2:4] == ["1", "2"], f"{row}")
        mean, deviation = map(float, row[5].split(" ± "))
        median, least, most = map(float, row[6:])
        check(0 < least <= median <= most and least <= mean <= most and deviation >= 0, f"{row}")
    check(names(model) == ["pp512", "tg128"], "the tests without flags")
    check(names(model, "-p", "0", "-n", "0,1,512") == ["tg1", "tg512"], "0 leaves a test out")
    check(names(model, "-p", "512", "-n", "0") == ["pp512"], "the whole context is a prompt")


def check_json(model):
    result = json.loads(bench(model, "-p", "5", "-n", "3", "-r", "4", "-b", "2", "-t", "2", "--json").stdout)
    check(result["schema"] == "lathe.bench.v1" and result["family"] == "llama", f"{result}")
    check(result["model"] == str(model) and result["model_size"] > 0 and result["target"], f"{result}")
    check((result["n_threads"], result["sequences"], result["repetitions"]) == (2, 2, 4), f"{result}")
    shapes = [(test["test"], test["n_prompt"], test["n_gen"]) for test in result["tests"]]
    check(shapes == [("pp5", 5, 0), ("tg3", 0, 3)], f"{shapes}")
    for test in result["tests"]:
        tokens = 2 * (test["n_prompt"] + test["n_gen"])
        rates = [tokens / (elapsed * 1e-9) for elapsed in test["samples_ns"]]
        check(len(rates) == len(test["samples_ts"]) == 4, f"the warm-up is not counted: {test}")
        # A division and a product, each rounded to 2^-53, and sums of four.
        wanted = {"avg_ts": statistics.mean(rates), "stddev_ts": statistics.stdev(rates),
                  "median_ts": statistics.median(rates), "min_ts": min(rates), "max_ts": max(rates)}
        for name, value in wanted.items():
            check(math.isclose(test[name], value, rel_tol=1e-9, abs_tol=1e-12 * max(rates)), f"{name}: {test}, {value}")
        check(all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(test["samples_ts"], rates)), f"{test}")
    one = json.loads(bench(model, "-p", "5", "-n", "0", *QUICK, "--json").stdout)
    check(one["tests"][0]["stddev_ts"] == 0 and one["sequences"] == 1, f"one sample deviates from nothing: {one}")


def check_combinations(model):
    """Lists stand for all combinations: threads, then sequences, then prompts, then texts."""
    flags = ("-t", "1,2", "-b", "1,3", "-p", "4,5", "-n", "2", *QUICK)
    rows = [tuple(row[2:5]) for row in table(bench(model, *flags).stdout)[1:]]
    wanted = [(t, b, test) for t in ("1", "2") for b in ("1", "3") for test in ("pp4", "pp5", "tg2")]
    check(rows == wanted, f"{rows}")
    tests = json.loads(bench(model, *flags, "--json").stdout)["tests"]
    found = [(str(t["n_threads"]), str(t["sequences"]), t["test"]) for t in tests]
    check(found == wanted, f"{found}")
    for test in tests:
        tokens = test["sequences"] * (test["n_prompt"] + test["n_gen"])
        check(math.isclose(test["avg_ts"], tokens / (test["samples_ns"][0] * 1e-9), rel_tol=1e-9), f"{test}")


def check_formats(model):
    """llama-bench's formats say the same, in its names."""
    flags = ("-p", "5", "-n", "3", "-r", "3", "-b", "2", "-t", "1")
    array = json.loads(bench(model, *flags, "-o", "json").stdout)
    lines = [json.loads(line) for line in bench(model, *flags, "-o", "jsonl").stdout.splitlines()]
    cells = list(csv.DictReader(io.StringIO(bench(model, *flags, "-o", "csv").stdout)))
    for tests in (array, lines):
        check([(t["n_prompt"], t["n_gen"], t["n_threads"], t["sequences"]) for t in tests] == [(5, 0, 1, 2), (0, 3, 1, 2)],
              f"{tests}")
        for test in tests:
            check(test["model_filename"] == str(model) and test["model_type"] == "llama" and test["n_depth"] == 0, f"{test}")
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", test["test_time"]), f"{test}")
            check(len(test["samples_ns"]) == len(test["samples_ts"]) == 3, f"{test}")
            # Rounded to whole nanoseconds.
            check(abs(test["avg_ns"] - statistics.mean(test["samples_ns"])) <= 0.5, f"{test}")
            check(abs(test["stddev_ns"] - statistics.stdev(test["samples_ns"])) <= 0.5, f"{test}")
            check(math.isclose(test["avg_ts"], statistics.mean(test["samples_ts"]), rel_tol=1e-9), f"{test}")
    names = [name for name in array[0] if not name.startswith("samples_")]
    check(list(cells[0]) == names == [n for n in lines[1] if not n.startswith("samples_")], f"{list(cells[0])}, {names}")
    check([(c["n_prompt"], c["n_gen"], c["test"]) for c in cells] == [("5", "0", "pp5"), ("0", "3", "tg3")], f"{cells}")
    check(table(bench(model, *flags, "-o", "md").stdout)[0][0] == "model", "a table is also asked for by name")
    quoted = model.with_name('a "b", c.lathe')
    shutil.copy(model, quoted)
    cells = list(csv.DictReader(io.StringIO(bench(quoted, *flags, "-o", "csv").stdout)))
    check(cells[1]["model_filename"] == str(quoted), f"quotes and commas in a name: {cells}")
    refused(2, ["--output", "yaml"], model, "-o", "yaml")
    refused(2, ["--json", "--output"], model, "-o", "csv", "--json")


def check_refusals(model):
    refused(1, [model, "-p: 513", "512"], model, "-p", "8,513")
    refused(1, [model, "-n: 600", "512"], model, "-n", "600")
    refused(1, [model, "-b: 300", "256"], model, "-b", "300")
    refused(2, ["-p and -n"], model, "-p", "0", "-n", "0")
    for value in ("1,,2", ",1", "1,", "1, 2", "1,x", "1,1073741825"):
        for flag, least, most in (("-p", 0, 1073741824), ("-n", 0, 1073741824), ("-b", 1, 4096), ("-t", 0, 4096)):
            refused(2, [f"expected a whole number from {least} to {most}"], model, flag, value)
    refused(1, [model, "-b: 300", "256"], model, "-b", "2,300")
    for flag in ("-r", "-b"):
        for value in ("0", "-1", "1.5", "", "nan", "1000001"):
            refused(2, ["expected a whole number from 1 to", repr(value)], model, flag, value)
    twin = program.run("bench", model, *QUICK, env={"LATHE_N_PROMPT": "6", "LATHE_N_GEN": "2"})
    check([row[4] for row in table(twin.stdout)[1:]] == ["pp6", "tg2"], "LATHE_N_PROMPT and LATHE_N_GEN")


def check_chunks(folder):
    """A prompt longer than a call goes through the cache."""
    model = folder / "short.lathe"
    program.run("compile", STORIES, "-o", model, "--max-tokens", "16")
    check(names(model, "-p", "16,17,100", "-n", "1", "-b", "2") == ["pp16", "pp17", "pp100", "tg1"], "chunks")


def check_encoders(folder):
    for case in ("bert-base-gelu", "bert-seqcls"):
        model = folder / f"{case}.lathe"
        program.run("compile", GOLDEN / case, "-o", model, "--max-tokens", "32")
        check(names(model, "-p", "5,32", "-b", "3") == ["pp5", "pp32"], f"{case}: an encoder has prompts alone")
        refused(1, [model, "-p: 33", "32"], model, "-p", "33")
        refused(1, [model, "-n", "bert", "step"], model, "-p", "5", "-n", "4")


def check_interrupt(model):
    process = subprocess.Popen([program.lathe, "bench", model, "-r", "1000000"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    # The heading: it measures from here on.
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    messages = process.communicate(timeout=60)[1]
    check(process.returncode == 6 and messages == "error: interrupted\n", f"{process.returncode}: {messages!r}")


with tempfile.TemporaryDirectory() as name:
    directory = pathlib.Path(name)
    artifact = directory / "m.lathe"
    program.run("compile", STORIES, "-o", artifact)
    check_table(artifact)
    check_json(artifact)
    check_combinations(artifact)
    check_formats(artifact)
    check_refusals(artifact)
    check_chunks(directory)
    check_encoders(directory)
    check_interrupt(artifact)
