"""The two trained models of examples/models write and score text as their references do.

    models.py BUILD_DIRECTORY

References: PyTorch and transformers in f32, stored beside the models. The ids are
compared one by one: the smallest margins between the two largest logits are above
2e-3, far more than f32 moves them.
"""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
models = ROOT / "examples" / "models"

with tempfile.TemporaryDirectory() as folder:
    stories = pathlib.Path(folder) / "stories.lathe"
    novel = pathlib.Path(folder) / "novel.lathe"
    program.run("compile", models / "stories260K", "-o", stories)
    program.run("compile", models / "novel11m", "-o", novel)

    # The tied embedding is an eighth of the weights, and stored once. Padding of panels
    # and the rope table take 2%.
    stored = (models / "stories260K" / "model.safetensors").stat().st_size
    kept = json.loads(program.run("inspect", stories, "--json").stdout)["weight_bytes"]
    check(kept <= 1.05 * stored, f"stories260K: {kept} bytes of weights from {stored}")

    reference = json.loads((models / "stories260K" / "reference.json").read_text())
    expected = reference["greedy_output_ids"]
    done = program.run("generate", stories, "--prompt-ids", "1", "-n", len(expected), "--ids")
    check([int(i) for i in done.stdout.split()] == expected, "stories260K: greedy ids")
    done = program.run("generate", stories, "-p", "", "-n", len(expected))
    check(done.stdout.strip() == reference["greedy_text"].strip(), f"stories260K: text {done.stdout!r}")

    reference = json.loads((models / "novel11m" / "training.json").read_text())
    greedy = reference["greedy"]
    prompt = ",".join(map(str, greedy["prompt_ids"]))
    done = program.run("generate", novel, "--prompt-ids", prompt, "-n", len(greedy["output_ids"]), "--ids")
    check([int(i) for i in done.stdout.split()] == greedy["output_ids"], "novel11m: greedy ids")

    # The reference's own protocol: token 0, one stream, 60 windows of 512.
    held_out = reference["held_out"]["Austen_Pride.txt"]
    done = program.run("eval", novel, "--text", ROOT / "tests/data/text/pride-and-prejudice.txt",
                       "--first-token", 0, "--window", 512, "--windows", 60, "--json")
    got = json.loads(done.stdout)
    check(got["tokens"] == held_out["tokens"], f"novel11m: {got['tokens']} tokens")
    check(abs(got["loss"] - held_out["loss_nats_per_token"]) <= 1e-3, f"novel11m: loss {got['loss']}")
    print(f"novel11m: loss {got['loss']:.5f}, reference {held_out['loss_nats_per_token']}")
