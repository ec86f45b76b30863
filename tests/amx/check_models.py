"""Whole models on the level x86-64-v4-amx, run with an emulator of tiles.

    check_models.py BUILD_DIRECTORY LIBLATHE_AMX

With weights and activations of bytes they give the bits of the level without AMX. With
bf16 they give their own, however they are asked.
"""

import ctypes
import pathlib
import sys
import tempfile

import numpy as np

tests = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(tests / "e2e"), str(tests / "reference")]
import library
from check_linear import SKIPPED, runs_here
from exactness import Exactness, Tokens
from program import ROOT, Program, check

AMX, OTHER = "x86-64-v4-amx", "x86-64-v4-vnni-bf16"


def main():
    program = Program(sys.argv[1])
    if not runs_here(OTHER):
        print(f"{OTHER}: this machine does not run it, and the emulator has the rest alone")
        return SKIPPED
    runtime = library.load(sys.argv[1], sys.argv[2])
    runtime.amx_products.restype = ctypes.c_long
    tokens = Tokens(512, 1)
    everything = np.arange(len(tokens))

    def forward(path, level):
        """The logits of all tokens, and how many products of tiles they took."""
        model, before = library.Model(runtime, path, level), runtime.amx_products()
        check(model.target == level, f"LATHE_CPU={level} runs {model.target}")
        outputs = library.Context(model, threads=2).call("forward", tokens.flat(everything))
        return outputs["logits"], runtime.amx_products() - before

    with tempfile.TemporaryDirectory() as folder:
        stories = ROOT / "examples" / "models" / "stories260K"
        for flags in (["--weights", "q8", "--activations", "q8"], ["--dtype", "bf16"]):
            path = pathlib.Path(folder) / "m.lathe"
            program.run("compile", stories, "-o", path, "--target", f"{OTHER},{AMX}", *flags)
            logits, products = forward(path, AMX)
            other, none = forward(path, OTHER)
            check(products > 0 and none == 0,
                  f"{flags}: {products} products of tiles, {none} on the level without")
            if "q8" in flags:
                check(logits.tobytes() == other.tobytes(), f"{flags}: other bits than {OTHER}")
            else:
                # Sums in another order, rounded to bf16 after each layer.
                error = np.abs(logits - other).max() / np.abs(other).max()
                check(error < 2.0**-6, f"{flags}: off by {error:.2e} of the largest logit")
                Exactness(library.Model(runtime, path, AMX), tokens, AMX).run()
            print(f"{' '.join(flags)}: {products} products of tiles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
