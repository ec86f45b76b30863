"""The rules that every command and flag follows, each tried on all of them.

    flags.py BUILD_DIRECTORY

Help, environment twins, exit codes, numbers, --json, -v, interrupts, and a standard
output that is closed or full. What is special to one command: command_line.py.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
stories = ROOT / "examples" / "models" / "stories260K"

COMMANDS = ("compile", "generate", "embed", "run", "eval", "bench", "tokenize", "inspect", "import", "env")

# Flags of whole numbers and of any numbers, and one value just past their range.
WHOLE = {"generate": {"-n": "-1", "-c": "-1", "--top-k": "-1", "-s": "18446744073709551616", "-t": "4097"},
         "compile": {"--max-tokens": "16777217", "-c": "16777217", "-j": "4097", "-O": "4"},
         "import": {"--max-tokens": "16777217", "-c": "16777217"},
         "eval": {"--window": "1073741825", "--windows": "-1", "--first-token": "-1", "-t": "4097"},
         "embed": {"-t": "4097"}, "run": {"-t": "4097"}, "inspect": {"--past": "1099511627777"},
         "bench": {"-p": "1073741825", "-n": "-1", "-t": "4097"}}
REAL = {"generate": {"--temp": "-0.1", "--top-p": "1.1", "--min-p": "1.1", "--repetition-penalty": "-1"},
        "run": {"--bound": "-1"}}

# Twins of flags whose name means something else in another command.
OWN_TWINS = {("generate", "--context"): "LATHE_GENERATE_CONTEXT", ("embed", "--file"): "LATHE_EMBED_FILE",
             ("embed", "--output"): "LATHE_EMBED_OUTPUT", ("run", "--output"): "LATHE_RUN_OUTPUT",
             ("inspect", "--weights"): "LATHE_INSPECT_WEIGHTS", ("bench", "--output"): "LATHE_BENCH_OUTPUT"}


def long_flags(command):
    """The long names of the flags in the command's help, and the lines about each."""
    text = program.run(command, "--help").stdout
    parts = re.split(r"^ {2}(?=-)", text[text.index("Options:"):], flags=re.M)[1:]
    return {re.search(r"--[a-z][a-z-]*", part).group(): part for part in parts if "--" in part}


def check_help():
    kinds = {}
    for command in COMMANDS:
        for flag, part in long_flags(command).items():
            if flag == "--help":
                continue
            twin = OWN_TWINS.get((command, flag), "LATHE_" + flag[2:].upper().replace("-", "_"))
            check(f"(Env:{twin})" in part, f"lathe {command} {flag}: its help does not name {twin}: {part!r}")
            # What the flag takes: commands that share a twin take the same.
            kind = part[part.index(flag) + len(flag):part.index("(Env")].split("=")[0]
            check(kinds.setdefault(twin, kind) == kind, f"lathe {command} {flag}: {twin} has other values elsewhere")
            words = part.split(twin)[-1].split()
            check(len(words) > 2, f"lathe {command} {flag}: has no help: {part!r}")


def check_numbers(model):
    for command, flags in WHOLE.items():
        for flag, past in flags.items():
            for value in (past, "nan", "1.5", "", "1e3", "99999999999999999999", "5x", " 5"):
                program.refuses(2, [": expected a whole number from 0 to", repr(value)], command, model, flag, value)
    for command, flags in REAL.items():
        for flag, past in flags.items():
            for value in (past, "nan", "inf", "-inf", "1e400", "", "0.5x"):
                program.refuses(2, [f"{flag}: expected a number from 0 to", repr(value)], command, model, flag, value)


def check_twins(model):
    """A twin says what its flag says, is checked like it, and gives way to it."""
    plain = program.run("generate", model, "-p", "Once", "-n", "5").stdout
    check(program.run("generate", model, env={"LATHE_PROMPT": "Once", "LATHE_TOKENS": "5"}).stdout == plain,
          "LATHE_PROMPT and LATHE_TOKENS")
    check(program.run("generate", model, "-p", "Once", "-n", "5", env={"LATHE_TOKENS": "9"}).stdout == plain,
          "a flag goes before its twin")
    json.loads(program.run("env", env={"LATHE_JSON": "1"}).stdout)
    # What is set for one command is nothing to another that has a flag of that name.
    files = {"LATHE_FILE": "none", "LATHE_OUTPUT": str(model.parent / "twin.out"), "LATHE_CONTEXT": "600"}
    check(program.run("generate", model, "-p", "Once", "-n", "5", env={"LATHE_CONTEXT": "600"}).stdout == plain,
          "LATHE_CONTEXT is no twin of generate")
    listing = program.run("inspect", model, env={"LATHE_WEIGHTS": "bf16"}).stdout
    check(program.run("inspect", model, env={"LATHE_INSPECT_WEIGHTS": "1"}).stdout != listing, "LATHE_INSPECT_WEIGHTS")
    np.save(model.parent / "ids.npy", np.ones((1, 3), np.int64))
    program.run("run", model, "forward", "-i", f"input_ids={model.parent}/ids.npy", env=files)
    check(not (model.parent / "twin.out").exists(), "LATHE_OUTPUT is no twin of run")
    program.refuses(2, ["--temp"], "generate", model, "-p", "a", env={"LATHE_TEMP": "nan"})


def check_json(model):
    objects = {"generate": [model, "-p", "Once", "-n", "3"], "tokenize": [model, "Once"], "env": [],
               "run": [model, "forward", "-i", f"input_ids={model.parent}/ids.npy"],
               "inspect": [model], "eval": [model, "--text", ROOT / "LICENSE", "--windows", "1"],
               "bench": [model, "-p", "4", "-n", "1", "-r", "1"]}
    for command, arguments in objects.items():
        lines = program.run(command, *arguments, "--json").stdout.splitlines()
        check(len(lines) == 1, f"lathe {command} --json: {len(lines)} lines")
        schema = json.loads(lines[0]).get("schema")
        check(schema == f"lathe.{command}.v1", f"lathe {command} --json: schema {schema!r}")


def check_output(model):
    """Each command that prints says so where it cannot."""
    commands = {"generate": f"'{model}' -p Once -n 3", "tokenize": f"'{model}' Once", "env": "",
                "inspect": f"'{model}'", "eval": f"'{model}' --text '{ROOT}/LICENSE' --windows 1",
                "bench": f"'{model}' -p 4 -n 1 -r 1", "--help": ""}
    for command, arguments in commands.items():
        for where in ("> /dev/full", ">&-"):
            done = subprocess.run(f"'{program.lathe}' {command} {arguments} {where}", shell=True,
                                  capture_output=True, text=True)
            check(done.returncode == 4 and "standard output: cannot be written" in done.stderr,
                  f"lathe {command} {where}: {done}")


def check_notes(model):
    """Notes are for -v and for terminals; nothing is coloured."""
    env = {"LATHE_CACHE_DIR": str(model.parent / "notes")}
    quiet = program.run("generate", stories, "-p", "a", "-n", "1", env=env)
    check("note: " not in quiet.stderr, f"a note without -v: {quiet.stderr!r}")
    shutil.rmtree(model.parent / "notes")
    loud = program.run("-v", "generate", stories, "-p", "a", "-n", "1", env=env)
    check("note: " in loud.stderr and "\x1b" not in loud.stderr, f"-v: {loud.stderr!r}")


def check_interrupts(folder):
    """Ctrl-C ends a compile with 6, one line, and no file; SIGTERM to lathe alone too."""
    for delay in (0.01, 0.1, 0.3, 0.6, 1.2):
        for number, whole_group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
            place = folder / "interrupted"
            for name in ("out", "tmp"):
                (place / name).mkdir(parents=True)
            process = subprocess.Popen(
                [program.lathe, "compile", stories, "-o", place / "out" / "m.lathe"], stderr=subprocess.PIPE,
                text=True, start_new_session=True,
                env={**os.environ, "LATHE_CACHE_DIR": str(place / "cache"), "TMPDIR": str(place / "tmp")})
            time.sleep(delay)
            (os.killpg if whole_group else os.kill)(process.pid, number)
            messages = process.communicate(timeout=60)[1]
            what = f"signal {number} after {delay} s: exit {process.returncode}, {messages!r}"
            check(process.returncode in (0, 6, -number), what)
            if process.returncode == 6:
                check(messages.count("error: ") == 1 and "interrupted" in messages, what)
                check(not any((place / "out").iterdir()), f"{what}: the output's folder is not empty")
            check(not any((place / "tmp").iterdir()), f"{what}: a temporary file is left")
            shutil.rmtree(place)


def check_messages(model, folder):
    """The likeliest mistakes: each message says what to do."""
    config = stories / "config.json"
    weights = stories / "model.safetensors"
    program.refuses(3, ["expected a .lathe file or a checkpoint folder"], "generate", folder / "none", "-p", "a")
    program.refuses(3, ["expected a folder with config.json"], "compile", folder / "none", "-o", folder / "x.lathe")
    program.refuses(1, ["name the folder that holds config.json"], "compile", weights, "-o", folder / "x.lathe")
    program.refuses(3, ["create it first"], "import", stories, "-o", folder / "none" / "x.mlir")
    check(not (folder / "none").exists(), "import makes no folder for its output")
    program.refuses(3, [config, "name the folder"], "tokenize", config, "a")
    program.refuses(3, [weights, "name the folder"], "tokenize", weights, "a")
    program.refuses(3, ["--jsonl: record 1"], "tokenize", model, "--jsonl", "abc")
    program.refuses(1, [model, "-n", "600", "512", "-n 0"], "generate", model, "-p", "a", "-n", "600")
    program.refuses(1, [model, "-c", "600", "512", "--context 600"], "generate", model, "-p", "a", "-c", "600")
    program.refuses(1, [model, "-p", "512"], "generate", model, "-p", "a b " * 600)
    program.refuses(2, ["--prompt-ids", "512", "99999"], "generate", model, "--prompt-ids", "1,99999")
    program.refuses(2, ["--prompt-ids", "no id"], "generate", model, "--prompt-ids", "")
    for ids in ("1,,2", ",1", "1,", "1, ,2", ","):
        program.refuses(2, ["--prompt-ids", "each side of a comma", repr(ids)], "generate", model, "--prompt-ids", ids)
    program.refuses(2, ["there is no flag '--nope'"], "generate", "--nope")
    program.refuses(2, ["there is no flag '--nope'"], "--nope")
    program.refuses(2, ["--target", "aarch64"], "compile", stories, "-o", folder / "x.lathe", "--target", "z80")


def check_import(folder):
    """What import leaves beside its module: a folder as the umask says, or nothing."""
    program.run("import", stories, "-o", folder / "i.mlir")
    umask = os.umask(0)
    os.umask(umask)
    mode = (folder / "i.files").stat().st_mode & 0o777
    check(mode == 0o777 & ~umask, f"i.files has the mode {mode:o}")
    (folder / "full.mlir").mkdir()
    program.refuses(3, ["full.mlir"], "import", stories, "-o", folder / "full.mlir")
    check(not (folder / "full.files").exists(), "a failed import leaves a folder")
    # Messages about the files of a module name it and its field.
    weights = folder / "i.files" / "model.safetensors"
    weights.unlink()
    program.refuses(3, ["i.mlir: lathe.parameter @", "from: ", weights], "compile", folder / "i.mlir", "-o", folder / "x.lathe")
    (folder / "i.files" / "tokenizer.json").unlink(missing_ok=True)
    (folder / "i.files" / "tokenizer.json").write_text("{")
    program.refuses(3, ["i.mlir: lathe.tokenizer: "], "compile", folder / "i.mlir", "-o", folder / "x.lathe")


def check_hub_cache(folder):
    """A checkpoint as caches of model hubs have it: each file a symlink to a blob."""
    source = ROOT / "tests" / "data" / "golden" / "llama-mha-sharded"
    snapshot, blobs = folder / "hub" / "snapshots" / "0123", folder / "hub" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(source.iterdir())):
        shutil.copy(file, blobs / f"{number:040x}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number:040x}")
    # The path that a user gave is in the artifact, so both are ".".
    program.run("compile", ".", "-o", folder / "plain.lathe", cwd=source)
    program.run("compile", ".", "-o", folder / "linked.lathe", cwd=snapshot)
    check((folder / "linked.lathe").read_bytes() == (folder / "plain.lathe").read_bytes(),
          "a checkpoint of symlinks compiles to the same bytes")
    # A module follows no link that leads out, so import puts the files beside it.
    program.run("import", snapshot, "-o", snapshot / "m.mlir")
    program.run("compile", snapshot / "m.mlir", "-o", folder / "module.lathe")


with tempfile.TemporaryDirectory() as name:
    directory = pathlib.Path(name)
    artifact = directory / "m.lathe"
    program.run("compile", stories, "-o", artifact)
    check_help()
    check_numbers(artifact)
    check_twins(artifact)
    check_json(artifact)
    check_output(artifact)
    check_notes(artifact)
    check_messages(artifact, directory)
    check_import(directory)
    check_hub_cache(directory)
    check_interrupts(directory)
