"""What a user may type wrong, and what must come back.

    command_line.py BUILD_DIRECTORY

Every wrong input ends with its documented exit code and one line on standard error
that begins with "error: " and names what is wrong; nothing hangs or is killed.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import ROOT, Program, check

program = Program(sys.argv[1])
stories = ROOT / "examples" / "models" / "stories260K"


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "m.lathe"
    program.run("compile", stories, "-o", model)

    # Help and versions go to standard output.
    check("compile" in program.run("--help").stdout, "lathe --help lists compile")
    for command in ("compile", "generate", "embed", "run", "eval", "bench", "tokenize", "inspect", "import", "env"):
        check(command in program.run(command, "--help").stdout, f"lathe {command} --help")
    json.loads(program.run("env", "--json").stdout)
    json.loads(program.run("inspect", model, "--json").stdout)
    check("layers" in program.run("inspect", model, "--weights").stdout, "inspect lists weights")

    # Usage.
    program.refuses(2, [], "frobnicate")
    program.refuses(2, ["--temp"], "generate", model, "--temp", "hot")
    program.refuses(2, ["-o"], "compile", stories)
    program.refuses(2, ["nowhere", "forward"], "run", model, "nowhere", "-i", stories / "model.safetensors")
    program.refuses(2, ["out.txt"], "run", model, "forward", "-i", "x.safetensors", "-o", "out.txt")
    program.refuses(2, ["--prompt-ids"], "generate", model, "--prompt-ids", "1,x")

    # Files that are missing or broken.
    program.refuses(3, ["missing.lathe"], "generate", folder / "missing.lathe", "-p", "a")
    program.refuses(3, ["a\\xe2\\x80\\xaeb\\xc2\\x85\\x07é"], "tokenize", folder / "a\u202eb\u0085\aé", "a")
    program.refuses(3, ["missing: cannot open: no such", "config.json", ".gguf"], "compile", folder / "missing", "-o", folder / "x.lathe")
    (folder / "empty").mkdir()
    program.refuses(3, ["config.json: cannot open: no such", "model.safetensors", ".gguf"], "compile", folder / "empty", "-o", folder / "x.lathe")
    broken = folder / "broken"
    shutil.copytree(stories, broken)
    (broken / "config.json").write_text('{"model_type": "llama", "hidden_size": "wide"}')
    program.refuses(3, ["config.json", "hidden_size"], "compile", broken, "-o", folder / "x.lathe")
    (broken / "config.json").write_text('{"model_type": "perceiver"}')
    program.refuses(1, ["config.json", "perceiver"], "compile", broken, "-o", folder / "x.lathe")
    (broken / "config.json").write_text("[" * 100000)
    program.refuses(3, ["config.json"], "compile", broken, "-o", folder / "x.lathe")
    shutil.copy(stories / "config.json", broken)
    weights = (stories / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    program.refuses(3, ["model.safetensors"], "compile", broken, "-o", folder / "x.lathe")
    (folder / "deep.mlir").write_text("module {" * 20000)
    program.refuses(3, ["deep.mlir"], "compile", folder / "deep.mlir", "-o", folder / "x.lathe")
    check(not (folder / "x.lathe").exists(), "a failed compile leaves no file")
    cut = folder / "cut.lathe"
    cut.write_bytes(model.read_bytes()[:-1000])
    program.refuses(3, ["cut.lathe"], "generate", cut, "-p", "a")
    flipped = bytearray(model.read_bytes())
    flipped[len(flipped) // 2] ^= 4
    (folder / "flipped.lathe").write_bytes(flipped)
    program.refuses(3, ["flipped.lathe"], "generate", folder / "flipped.lathe", "-p", "a")

    program.refuses(2, ["frobnicate"], "frobnicate")
    own = folder / "own"
    shutil.copytree(stories, own)
    program.refuses(1, ["model.safetensors", "another output"], "compile", own, "-o", own / "model.safetensors")
    check((own / "model.safetensors").read_bytes() == weights, "a model is never its own output")

    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps({**config, "frobnicate": 3}))
    done = program.run("compile", own, "-o", folder / "own.lathe")
    check("warning: " in done.stderr and "frobnicate" in done.stderr, f"an unknown field: {done.stderr!r}")

    # A module by hand: without symbols it runs, without limits it is refused.
    (folder / "sum.mlir").write_text("""
        func.func @forward(%x: tensor<4x8xf32> {lathe.name = "x"}) -> (tensor<4x8xf32> {lathe.name = "y"})
            attributes {lathe.entry} {
          %y = arith.addf %x, %x : tensor<4x8xf32>
          return %y : tensor<4x8xf32>
        }""")
    program.run("compile", folder / "sum.mlir", "-o", folder / "sum.lathe")
    x = np.arange(32, dtype=np.float32).reshape(4, 8)
    arrays.save(folder / "x.safetensors", {"x": x})
    program.run("run", folder / "sum.lathe", "forward", "-i", folder / "x.safetensors", "-o", folder / "y.safetensors")
    check((arrays.load(folder / "y.safetensors")["y"] == 2 * x).all(), "a module without symbols")
    program.run("import", stories, "-o", folder / "limits.mlir")
    unlimited = (folder / "limits.mlir").read_text().replace("lathe.limit = 512 : i64, ", "")
    (folder / "limits.mlir").write_text(unlimited)
    program.refuses(1, ["limit"], "compile", folder / "limits.mlir", "-o", folder / "x.lathe")

    # What does not fit says both numbers.
    program.refuses(1, ["512", "600"], "generate", model, "-p", "Once", "-n", "600")
    program.refuses(1, ["embed"], "embed", model, "-f", "/dev/null")

    # Text of all kinds.
    for prompt in ("", "Once", "\u4e00\u4e8c \U0001f600", "a" * 300):
        program.run("generate", model, "-p", prompt, "-n", "3")
    program.run("generate", model, "-f", "-", "-n", "3", text=False, input=b"\xff\xfe\x80 abc")
    got = program.run("generate", model, "-p", "Once upon a time", "-n", "20", "--json")
    result = json.loads(got.stdout)
    check(result["finish"] == "length" and len(result["ids"]) == 20, f"generate --json: {result}")
    plain = program.run("generate", model, "-p", "Once upon a time", "-n", "20").stdout
    check(plain.rstrip("\n") == result["text"], "generate with and without --json")
    stopped = program.run("generate", model, "-p", "Once upon a time", "-n", "20", "--stop", "little").stdout
    check("little" in result["text"] and "little" not in stopped, f"--stop: {stopped!r}")
    one = program.run("generate", model, "-p", "One day", "-n", "30", "--temp", "1", "-s", "5").stdout
    two = program.run("generate", model, "-p", "One day", "-n", "30", "--temp", "1", "-s", "5").stdout
    other = program.run("generate", model, "-p", "One day", "-n", "30", "--temp", "1", "-s", "6").stdout
    check(one == two and one != other, "the seed decides the text")

    # --sampling model does what generation_config.json asks, or refuses it by name.
    asking = folder / "asking"
    shutil.copytree(stories, asking)

    def asks(code, *flags, **fields):
        (asking / "generation_config.json").write_text(json.dumps(fields))
        program.run("compile", asking, "-o", folder / "asking.lathe")
        return program.run("generate", folder / "asking.lathe", "-p", "Once upon a time", "-n", "60", *flags,
                           expect=code)

    greedy = asks(0, repetition_penalty=1.5, no_repeat_ngram_size=3).stdout
    check(greedy == program.run("generate", model, "-p", "Once upon a time", "-n", "60").stdout,
          "without --sampling the config's sampling does nothing")
    for refused in ({"no_repeat_ngram_size": 3}, {"num_beams": 4}, {"typical_p": 0.9, "do_sample": True}):
        said = asks(1, "--sampling", "model", **refused).stderr
        check(f"error: {folder}/asking.lathe: generation_config: {next(iter(refused))}: " in said, said)
    penalty = ("--repetition-penalty", "1.5")
    got = asks(0, "--sampling", "model", do_sample=False, repetition_penalty=1.5).stdout
    check(got == asks(0, *penalty).stdout != greedy, f"a penalty counts in greedy text too: {got!r}")
    got = asks(0, "--sampling", "model", *penalty, repetition_penalty=1.1).stdout
    check(got == asks(0, *penalty).stdout, f"flags go before the config: {got!r}")
    got = asks(0, "--sampling", "model", stop_strings=["little"]).stdout
    check(got == stopped, f"stop_strings: {got!r}")
    check("frobnicate" in asks(0, "--sampling", "model", frobnicate=3).stderr, "an unknown field is named")
    (asking / "tokenizer.json").unlink()
    (asking / "generation_config.json").write_text('{"stop_strings": "little"}')
    program.run("compile", asking, "-o", folder / "asking.lathe")
    for flags in (("--stop", "little"), ("--sampling", "model")):
        program.refuses(1, ["asking.lathe", "tokenizer", "--stop"], "generate", folder / "asking.lathe",
              "--prompt-ids", "1,2", *flags)

    # Chat templates are kept as they are, from a checkpoint, and through a module.
    spoken = folder / "spoken"
    shutil.copytree(stories, spoken)
    (spoken / "chat_template.jinja").write_text("{{ messages[0] }}\n\u00e9 \x1b[2J")
    config = json.loads((spoken / "tokenizer_config.json").read_text())
    config["chat_template"] = [{"name": "default", "template": "old"}, {"name": "tool use", "template": "t"}]
    (spoken / "tokenizer_config.json").write_text(json.dumps(config))
    program.run("import", spoken, "-o", folder / "spoken.mlir")
    kept = [{"name": "default", "text": "{{ messages[0] }}\n\u00e9 \x1b[2J"}, {"name": "tool use", "text": "t"}]
    for source in (spoken, folder / "spoken.mlir"):
        program.run("compile", source, "-o", folder / "spoken.lathe")
        found = json.loads(program.run("inspect", folder / "spoken.lathe", "--json").stdout)
        check(found["chat_templates"] == kept, f"chat templates of {source}: {found['chat_templates']}")
    said = program.run("inspect", folder / "spoken.lathe", "--chat-templates").stdout
    check("chat templates: default (25 bytes), tool use (1 bytes)" in said and "\x1b" not in said, said)
    check("chat templates: none" in program.run("inspect", model).stdout, "a model without a template")
    (spoken / "chat_template.jinja").write_bytes(b"\xff")
    program.refuses(3, ["chat_template.jinja: ", "UTF-8"], "compile", spoken, "-o", folder / "spoken.lathe")

    # A checkpoint in place of an artifact is compiled into the cache.
    cache = folder / "cache"
    direct = program.run("generate", stories, "-p", "Once upon a time", "-n", "20",
                         env={"LATHE_CACHE_DIR": str(cache)}).stdout
    check(direct == plain, "generate from a checkpoint")
    check(list((cache / "models").iterdir()), "the compiled checkpoint is in the cache")

    # A module as text gives the same artifact's text, and passes accept it.
    module = folder / "m.mlir"
    program.run("import", stories, "-o", module)
    subprocess.run([program.lathe.with_name("lathe-opt"), "--lathe-inference", module, "-o", os.devnull],
                   check=True)
    program.run("compile", module, "-o", folder / "from-text.lathe")
    check(program.run("generate", folder / "from-text.lathe", "-p", "Once upon a time", "-n", "20").stdout
          == plain, "generate from a module")

    # The optimised artifact agrees with its slow twin, launch by launch.
    twin = folder / "twin.lathe"
    program.run("compile", stories, "-o", twin, "-O0")
    arrays.save(folder / "in.safetensors", {"input_ids": np.arange(1, 41).reshape(2, 20)})
    for fast in (model, folder / "from-text.lathe"):
        done = program.run("run", fast, "forward", "-i", folder / "in.safetensors", "--compare", twin)
        check("42 values compared" in done.stderr, f"--compare {fast.name}: {done.stderr}")

    # What text says of a model is all of it: the same logits, bit for bit.
    logits = []
    for artifact in (model, folder / "from-text.lathe"):
        program.run("run", artifact, "forward", "-i", folder / "in.safetensors", "-o", folder / "out.safetensors")
        logits.append(arrays.load(folder / "out.safetensors")["logits"].tobytes())
    check(logits[0] == logits[1], "a module as text computes the same bits")

    # Read-only and full disks.
    if os.geteuid() != 0:
        (folder / "locked").mkdir(mode=0o500)
        program.refuses(3, ["locked"], "compile", stories, "-o", folder / "locked" / "x.lathe")
    program.refuses(3, ["nowhere"], "compile", stories, "-o", folder / "nowhere" / "x.lathe")
    # A reader that has gone, as that of `lathe … | head` does.
    closed = subprocess.Popen([program.lathe, "compile", stories, "--compile-to", "graph", "-o", "-"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    closed.stdout.close()
    said = closed.stderr.read()
    check(closed.wait() == 6 and "was closed before all" in said, f"a closed pipe: {closed.returncode}, {said!r}")
    full = subprocess.run(f"'{program.lathe}' generate '{model}' -p Once -n 5 > /dev/full", shell=True,
                          capture_output=True, text=True)
    check(full.returncode == 4 and "standard output" in full.stderr, f"full disk: {full}")
