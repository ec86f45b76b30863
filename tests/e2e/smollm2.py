"""SmolLM2-135M compiles from its GGUF and writes the reference's greedy text; with
--activations q8 its perplexity on a novel rises by less than 1 %.

    smollm2.py BUILD_DIRECTORY MODEL.gguf
"""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program, source = Program(sys.argv[1]), sys.argv[2]
prompts = json.loads((ROOT / "tests" / "data" / "smollm2" / "smollm2.reference.json").read_text())["prompts"]

with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "smollm2.lathe"
    program.run("compile", source, "-o", model, "--context", "2048")
    # Weights stay as few bits as the file has: at most 12 % more than its own bytes.
    share = model.stat().st_size / pathlib.Path(source).stat().st_size
    check(share <= 1.12, f"the artifact has {share:.3f} times the bytes of the GGUF file")
    for prompt in prompts:
        ids = program.run("tokenize", model, prompt["prompt"]).stdout.split()
        check([int(i) for i in ids] == prompt["ids"], f"ids of {prompt['prompt']!r}: {ids}")
        done = program.run("generate", model, "-p", prompt["prompt"], "-n", len(prompt["greedy_ids"]), "--ids")
        got = [int(i) for i in done.stdout.replace(",", " ").split()]
        # The program does not print the token that ends a text.
        expected = [i for i in prompt["greedy_ids"] if i != 2]
        check(got == expected, f"greedy ids of {prompt['prompt']!r}: {got}, expected {expected}")

    def perplexity(*flags):
        program.run("compile", source, "-o", model, "--context", "2048", *flags)
        novel = ROOT / "tests" / "data" / "text" / "pride-and-prejudice.txt"
        return json.loads(program.run("eval", model, "--text", novel, "--windows", 16, "--json").stdout)["perplexity"]

    exact, rounded = perplexity(), perplexity("--activations", "q8")
    check(rounded < 1.01 * exact, f"perplexity {rounded:.3f} with --activations q8, {exact:.3f} without")
    print(f"{len(prompts)} prompts as the reference; {share:.3f} times the file's bytes; "
          f"perplexity {exact:.3f}, with --activations q8 {rounded:.3f}")
