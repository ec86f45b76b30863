"""What is said of launches: inspect --launches, run --profile, --trace.

    launches.py BUILD_DIRECTORY

The counts are held against sums that stand here, of the shapes of the example model.
"""

import json
import pathlib
import re
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
# stories260K: sizes, and FLOPs of one pair of a token and a key in all heads.
LAYERS, WIDTH, HEADS, HEAD, KEY_HEADS, MLP, VOCABULARY = 5, 64, 8, 8, 4, 172, 512
PAIR = HEADS * (4 * HEAD + 5)
# Elements of the matrices that each token is multiplied with, but for the head.
MATRICES = LAYERS * (WIDTH * (HEADS + 2 * KEY_HEADS) * HEAD + WIDTH * WIDTH + 3 * WIDTH * MLP)


def flops(tokens, rows, pairs):
    """2 a multiply-add, then norms (4), residual sums, gates (2), rotations (3 in each half turned)."""
    norms = 4 * WIDTH * (2 * LAYERS * tokens + rows)
    mlp = (2 * MLP + 2 * WIDTH) * LAYERS * tokens
    rope = 3 * HEAD * (HEADS + KEY_HEADS) * LAYERS * tokens
    return 2 * MATRICES * tokens + 2 * WIDTH * VOCABULARY * rows + norms + mlp + rope + PAIR * LAYERS * pairs


def inspect(model, *arguments):
    text = program.run("inspect", model, "--launches", "--json", *arguments).stdout
    return json.loads(text)["launches"]


def running(model, entry, tokens):
    """How many launches a call of so many tokens runs."""
    counted, = inspect(model, "--entry", entry, "--set", f"tokens={tokens}")
    return sum(not command["skipped"] for command in counted["commands"] if command["kernel"])


def check_counts(model):
    for tokens, rows, past in ((1, 1, 0), (1, 1, 100), (7, 7, 0), (7, 1, 3)):
        entry, = inspect(model, "--entry", "step", "--set", f"tokens={tokens},rows={rows}", "--past", past)
        pairs = sum(past + t + 1 for t in range(tokens))
        check(entry["flops"] == flops(tokens, rows, pairs), f"FLOPs of {tokens}, {rows}, {past}: {entry['flops']}")
        check(entry["symbols"] == {"tokens": tokens, "rows": rows}, entry["symbols"])
        # The cache is read up to the last token, and grows by the tokens.
        cache = [o for c in entry["commands"] for o in c["operands"] if o["memory"] == "state"]
        row = KEY_HEADS * HEAD * 4
        check(sum(o["bytes_read"] for o in cache) == 2 * LAYERS * row * (past + tokens), "bytes read of the cache")
        check(sum(o["bytes_written"] for o in cache) == 2 * LAYERS * row * tokens, "bytes written to the cache")
        # All that lives on, the inputs and the outputs; what launches pass on is what could be saved.
        other = sum(o["bytes_read"] + o["bytes_written"] for c in entry["commands"] for o in c["operands"]
                    if o["memory"] == "temporary")
        check(entry["bytes_temporary"] == other and entry["not_counted"] == 0, entry)
        check(0 < entry["bytes_least"] <= entry["bytes"] - other, "the least")
        check(entry["bytes"] == sum(c["bytes_read"] + c["bytes_written"] for c in entry["commands"]), "the sum")
        check(entry["bytes_least"] == sum(c["bytes_least"] for c in entry["commands"]), "the sum of the least")


def check_least(model):
    """One token needs each weight once: all of them, but for rows of the rope table and of embeddings."""
    entry, = inspect(model, "--entry", "step", "--set", "tokens=1")
    weights = {o["name"] for c in entry["commands"] for o in c["operands"] if o["memory"] == "weight"}
    least = 4 * (MATRICES + WIDTH * VOCABULARY)
    moved = sum(o["bytes_read"] for c in entry["commands"] for o in c["operands"] if o["memory"] == "weight")
    check(least <= entry["bytes_least"] <= 1.1 * least, f"{entry['bytes_least']} bytes at least")
    check(least <= moved <= 1.1 * least, f"{moved} bytes of {len(weights)} weights")


def check_skipped(model):
    """Where few tokens have kernels of their own, others do not run: they move nothing."""
    few, = inspect(model, "--entry", "step", "--set", "tokens=1")
    many, = inspect(model, "--entry", "step", "--set", "tokens=512,rows=512")
    skipped = [command for command in few["commands"] if command["skipped"]]
    check(skipped and not any(command["skipped"] for command in many["commands"]), "launches that do not run")
    check(all(c["flops"] == c["bytes_read"] == c["bytes_written"] == 0 for c in skipped), skipped[:1])
    check("(skipped)" in program.run("inspect", model, "--launches", "--entry", "step").stdout, "(skipped)")


def check_default(model):
    entries = inspect(model)
    names = [entry["name"] for entry in json.loads(program.run("inspect", model, "--json").stdout)["entries"]]
    check([entry["entry"] for entry in entries] == [name for name in names for _ in range(2)], "all, at two sizes")
    check([entry["symbols"]["tokens"] for entry in entries[:2]] == [1, 512], "least and largest")
    text = program.run("inspect", model, "--launches", "--entry", "forward").stdout
    check("tokens of one sequence with 0 positions" in text, "the assumption is said")
    check("forward, tokens = 512:" in text and "  least: " in text, text[:300])
    check(max(map(len, text.splitlines())) <= 120, "120 columns")


def check_profile(model, folder):
    """Two sequences in one call: pairs are counted from what the launch was given."""
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    np.save(folder / "ids.npy", np.ones((2, 5), np.int32))
    np.save(folder / "mask.npy", mask.astype(np.int32))
    inputs = ["-i", f"input_ids={folder}/ids.npy", "-i", f"attention_mask={folder}/mask.npy"]
    found = json.loads(program.run("run", model, "forward", *inputs, "--profile", "--json").stdout)
    check(found["outputs"] == [{"name": "logits", "dtype": "f32", "dims": [2, 5, VOCABULARY]}], found["outputs"])
    profile = found["profile"]
    check(profile["total"]["flops"] == flops(8, 8, 6 + 15), f"FLOPs of a call: {profile['total']}")
    check(profile["machine"]["flops_per_second"] > 1e8 and profile["machine"]["bytes_per_second"] > 1e8, "limits")
    check({launch["arithmetic"] for launch in profile["launches"]} == {"f32"}, "the arithmetic of launches")
    times = [launch["seconds"] for launch in profile["launches"]]
    check(times == sorted(times, reverse=True) and len(times) == running(model, "forward", 8), "launches by time")
    for part in ("launches", "kernels"):
        check(abs(sum(x["seconds"] for x in profile[part]) - profile["total"]["seconds"]) < 1e-9, part)
        check(all(x["count"] > 0 and 0 < x["roofline_share"] < 1000 for x in profile[part]), part)
    said = program.run("run", model, "forward", *inputs, "--profile").stderr
    check("roof%  value (kernel)" in said and "all launches" in said, said)
    check(re.search(r"^roof: [0-9.]+ GFLOP/s in f32, [0-9.]+ GB/s from memory \(\d+ threads?, ", said, re.M), said)
    check(max(map(len, said.splitlines())) <= 120, "120 columns")
    return inputs


def check_arithmetic(folder, inputs):
    """What linear layers multiply is said of each launch; the limits are those of the level that runs."""
    for flags, narrow in ((["--dtype", "bf16"], "bf16"), (["--weights", "q8", "--activations", "q8"], "bytes"),
                          (["--weights", "q8"], "f32")):
        model = folder / f"{narrow}.lathe"
        program.run("compile", ROOT / "examples" / "models" / "stories260K", *flags, "-o", model)
        counted, = inspect(model, "--entry", "forward", "--set", "tokens=8")
        kernels = [command for command in counted["commands"] if command["kernel"] and not command["skipped"]]
        for command in kernels:
            is_linear = "linear" in command["kernel"]
            check(command["arithmetic"] == (narrow if is_linear else "f32"), f"{flags}: {command}")
        check(f" {narrow} " in program.run("inspect", model, "--launches", "--entry", "forward").stdout, narrow)
        profile = json.loads(program.run("run", model, "forward", *inputs, "--profile", "--json").stdout)["profile"]
        check({"f32", narrow} == {launch["arithmetic"] for launch in profile["launches"]}, profile["launches"])
        # Without instructions for it the limit of f32 stands for it.
        limit = f"flops_per_second_{narrow}" if f"flops_per_second_{narrow}" in profile["machine"] else "flops_per_second"
        for launch in profile["launches"]:
            peak = profile["machine"][limit if launch["arithmetic"] == narrow else "flops_per_second"]
            least = max(launch["flops"] / peak,
                        (launch["bytes_read"] + launch["bytes_written"]) / profile["machine"]["bytes_per_second"])
            check(abs(launch["roofline_share"] * launch["seconds"] - least) < 1e-3 * least, launch)
        said = program.run("run", model, "forward", *inputs, "--profile").stderr
        check((f" in {narrow}, " in said) == (narrow == "f32" or limit != "flops_per_second"), said)


def check_trace(events, launches):
    """A list of complete events, launches within calls, workers within launches.

    `launches` has their number for each call.
    """
    spans = {kind: [e for e in events if e.get("cat") == kind] for kind in ("call", "launch", "worker")}
    check(len(spans["call"]) == len(launches) and len(spans["launch"]) == sum(launches),
          f"{ {kind: len(found) for kind, found in spans.items()} }")
    check(all(e["ph"] == "X" and e["pid"] == 1 for found in spans.values() for e in found), "complete events")
    check(all({"kernel", "tiles", "bytes", "flops", "arithmetic"} <= e["args"].keys() for e in spans["launch"]), "arguments")
    end = lambda e: e["ts"] + e["dur"] + 0.002
    for outer, inner in (("call", "launch"), ("launch", "worker")):
        for e in spans[inner]:
            check(any(o["ts"] <= e["ts"] and end(e) <= end(o) + 0.002 for o in spans[outer]), f"{e} is in no {outer}")
    check(sum(e["args"]["tiles"] for e in spans["worker"]) == sum(e["args"]["tiles"] for e in spans["launch"]),
          "tiles of workers")
    rows = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    check({e["tid"] for found in spans.values() for e in found} <= rows.keys(), rows)


def check_traces(model, folder, inputs):
    trace = folder / "trace.json"
    program.run("run", model, "forward", *inputs, "--trace", trace)
    check_trace(json.loads(trace.read_text())["traceEvents"], [running(model, "forward", 8)])
    program.run("generate", model, "-p", "Once", "-n", "4", "--trace", trace, "-t", "2")
    # The prompt's call gives the first token.
    prompt = len(program.run("tokenize", model, "--special", "Once").stdout.split())
    check_trace(json.loads(trace.read_text())["traceEvents"],
                [running(model, "step_greedy", tokens) for tokens in (prompt, 1, 1, 1)])
    trace.unlink()
    program.run("run", model, "forward", *inputs, "--trace", trace, "--profile")
    check(len(json.loads(trace.read_text())["traceEvents"]) > running(model, "forward", 8), "a trace beside a profile")


def check_refusals(model, folder, inputs):
    launches = ["inspect", model, "--launches"]
    program.refuses(2, ["--set", "NAME=VALUE", "'tokens'"], *launches, "--set", "tokens")
    program.refuses(2, ["--set", "tokens, sequences", "'words=1'"], *launches, "--set", "words=1")
    program.refuses(2, ["--set", "tokens from 1 to 512", "'tokens=513'"], *launches, "--set", "tokens=513")
    program.refuses(2, ["--set", "'tokens=1x'"], *launches, "--set", "tokens=1x")
    program.refuses(2, ["--set", "once", "'tokens=2'"], *launches, "--set", "tokens=1,tokens=2")
    program.refuses(2, ["entry 'walk'", "there are: forward"], *launches, "--entry", "walk")
    program.refuses(2, ["--past", "--launches"], "inspect", model, "--past", "1")
    program.refuses(2, ["--past", "at most"], "inspect", model, "--launches", "--past", "100000")
    program.refuses(2, ["--trace", "expected a path"], "run", model, "forward", "-i", "x.npy", "--trace", "")
    program.refuses(2, ["--launches", "only an artifact"], "inspect", folder / "x.gguf", "--launches")
    missing = folder / "none" / "t.json"
    program.refuses(3, [missing], "run", model, "forward", *inputs, "--trace", missing)
    program.refuses(3, [folder], "generate", model, "-p", "Once", "-n", "2", "--trace", folder)
    program.refuses(2, ["--trace", "--compare"], "run", model, "forward", *inputs, "--trace", folder / "t.json",
                    "--compare", model)


with tempfile.TemporaryDirectory() as name:
    directory = pathlib.Path(name)
    artifact = directory / "m.lathe"
    program.run("compile", ROOT / "examples" / "models" / "stories260K", "-o", artifact)
    check_counts(artifact)
    check_least(artifact)
    check_skipped(artifact)
    check_default(artifact)
    given = check_profile(artifact, directory)
    check_arithmetic(directory, given)
    check_traces(artifact, directory, given)
    check_refusals(artifact, directory, given)
