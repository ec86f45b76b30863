"""What docs/cli.md says of the arrays of `lathe run`, sentence by sentence.

    run_arrays.py BUILD_DIRECTORY
"""

import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import ROOT, Program, check

program = Program(sys.argv[1])
LAYERS, VOCABULARY = 5, 512


class Runs:
    """Runs of the entry `forward` of one artifact in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.model = folder / "m.lathe"
        program.run("compile", ROOT / "examples" / "models" / "stories260K", "-o", self.model)

    def arguments(self, tensors, *flags):
        arrays.save(self.folder / "in.safetensors", tensors)
        return ["run", self.model, "forward", "-i", self.folder / "in.safetensors", *flags]

    def outputs(self, tensors, *flags):
        out = self.folder / "out.safetensors"
        program.run(*self.arguments(tensors, *flags), "-o", out)
        return arrays.load(out)

    def logits(self, tensors):
        return self.outputs(tensors)["logits"]

    def refused(self, code, words, tensors):
        done = program.run(*self.arguments(tensors), expect=code)
        for word in words:
            check(word in done.stderr, f"{sorted(tensors)}: no {word!r} in {done.stderr!r}")


def check_masks(runs):
    """Masked positions are dropped on either side; outputs are zero there."""
    ids = np.arange(1, 21).reshape(2, 10)
    alone = [runs.logits({"input_ids": ids[:1]})[0], runs.logits({"input_ids": ids[1:, :7]})[0]]
    check(alone[0].shape == (10, VOCABULARY) and alone[0].dtype == np.float32, "the shape and type of logits")
    for side, kept in {"right": slice(0, 7), "left": slice(3, 10)}.items():
        padded, mask = ids.copy(), np.ones_like(ids)
        padded[1], mask[1] = 0, 0
        padded[1, kept], mask[1, kept] = ids[1, :7], 1
        got = runs.logits({"input_ids": padded, "attention_mask": mask})
        check(got[0].tobytes() == alone[0].tobytes(), f"padding {side}: the other row")
        check(got[1, kept].tobytes() == alone[1].tobytes(), f"padding {side}: the kept positions")
        check(not np.delete(got[1], np.arange(10)[kept], axis=0).any(), f"padding {side}: zero where masked")
    ones = runs.logits({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    check(ones.tobytes() == runs.logits({"input_ids": ids}).tobytes(), "no mask is a mask of ones")


def check_positions(runs):
    """position_ids go before the count of kept tokens, and change what is computed."""
    ids = np.arange(1, 11).reshape(1, 10)
    plain = runs.logits({"input_ids": ids})
    counted = runs.logits({"input_ids": ids, "position_ids": np.arange(10).reshape(1, 10)})
    moved = runs.logits({"input_ids": ids, "position_ids": 2 * np.arange(10).reshape(1, 10)})
    check(plain.tobytes() == counted.tobytes(), "positions count from 0")
    check(plain.tobytes() != moved.tobytes(), "position_ids are used")


def check_hidden_states(runs):
    ids = {"input_ids": np.arange(1, 11).reshape(2, 5)}
    got = runs.outputs(ids, "--hidden-states")
    names = {"logits", *(f"hidden.{i}" for i in range(LAYERS + 1))}
    check(set(got) == names, f"--hidden-states gives {sorted(got)}")
    check(all(got[name].shape[:2] == (2, 5) for name in names), "hidden states are (B, T, C)")
    check(got["logits"].tobytes() == runs.logits(ids).tobytes(), "--hidden-states leaves the logits as they are")


def check_files(runs):
    """PREFIX, names with colons, single arrays in and out, and what nobody knows."""
    folder, ids = runs.folder, np.arange(1, 11).reshape(2, 5)
    plain = runs.logits({"input_ids": ids, "nobody.knows": ids})
    two = folder / "two.safetensors"
    arrays.save(two, {"one.input_ids": ids, "two.input_ids": ids + 1, "two.labels": ids})
    arrays.save(folder / "x:two.", {"input_ids": ids})
    out = folder / "out.safetensors"

    def run(*flags):
        program.run("run", runs.model, "forward", *flags, "-o", out)
        return arrays.load(out)["logits"]

    check(run("-i", f"{two}:one.").tobytes() == plain.tobytes(), "a prefix")
    check(run("-i", f"{two}:two.").tobytes() != plain.tobytes(), "another prefix")
    check(run("-i", folder / "x:two.").tobytes() == plain.tobytes(), "a file of the whole name goes before a prefix")
    for dtype in (np.int64, np.int32, np.int16, np.int8, np.uint8):
        np.save(folder / "ids.npy", ids.astype(dtype))
        check(run("-i", f"input_ids={folder}/ids.npy").tobytes() == plain.tobytes(), f"ids of {dtype}")
    program.run("run", runs.model, "forward", "-i", f"{two}:one.", "-o", f"logits={folder}/y.npy", "-o", out)
    check(np.load(folder / "y.npy").tobytes() == plain.tobytes(), "one output as .npy")
    check(arrays.load(out)["logits"].tobytes() == plain.tobytes(), "both kinds of output at once")


def check_refusals(runs):
    ids = np.arange(1, 11).reshape(2, 5)
    field = ["in.safetensors: "]
    runs.refused(1, [*field, "attention_mask", "0 or 1", "2"], {"input_ids": ids, "attention_mask": ids * 0 + 2})
    runs.refused(1, [*field, "attention_mask", "2 x 5", "2 x 4"], {"input_ids": ids, "attention_mask": ids[:, :4]})
    runs.refused(1, [*field, "input_ids", "F32"], {"input_ids": ids.astype(np.float32)})
    runs.refused(1, [*field, "input_ids", "-1"], {"input_ids": -(ids // ids)})
    runs.refused(1, [*field, "input_ids", "3 dimensions"], {"input_ids": ids.reshape(1, 2, 5)})
    runs.refused(1, [*field, "input_ids: 513", "0 to 511"], {"input_ids": ids + 512})
    runs.refused(1, [*field, "position_ids: 512", "0 to 511"], {"input_ids": ids, "position_ids": ids * 0 + 512})
    runs.refused(1, ["600", "512"], {"input_ids": np.ones((1, 600), np.int64)})
    runs.refused(2, ["no token"], {"input_ids": ids, "attention_mask": ids * 0})
    runs.refused(2, ["input_ids"], {"labels": ids})
    runs.refused(2, ["no token"], {"input_ids": ids[:, :0]})


with tempfile.TemporaryDirectory() as name:
    of_stories = Runs(pathlib.Path(name))
    check_masks(of_stories)
    check_positions(of_stories)
    check_hidden_states(of_stories)
    check_files(of_stories)
    check_refusals(of_stories)
