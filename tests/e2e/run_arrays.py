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
GOLDEN, CONTEXT = ROOT / "tests" / "data" / "golden", 64


class Runs:
    """Runs of the entry `forward` of one artifact, which is compiled into the folder."""

    def __init__(self, folder, checkpoint, *flags):
        self.folder = folder
        self.model = folder / "m.lathe"
        folder.mkdir(exist_ok=True)
        program.run("compile", checkpoint, "-o", self.model, *flags)

    def arguments(self, tensors, *flags):
        arrays.save(self.folder / "in.safetensors", tensors)
        return ["run", self.model, "forward", "-i", self.folder / "in.safetensors", *flags]

    def outputs(self, tensors, *flags):
        out = self.folder / "out.safetensors"
        program.run(*self.arguments(tensors, *flags), "-o", out)
        return arrays.load(out)

    def logits(self, tensors):
        return self.outputs(tensors)["logits"]

    def refused(self, code, words, tensors, *flags):
        done = program.run(*self.arguments(tensors, *flags), expect=code)
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


def rows_of(lengths, columns):
    """Rows of random tokens, every other one padded on the left."""
    ids = np.random.default_rng(5).integers(3, 160, (len(lengths), columns))
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, slice(columns - length, None) if row % 2 else slice(0, length)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def check_long_rows(folder, case):
    """A decoder takes rows longer than a call, up to the context, with the same bits."""
    checkpoint = GOLDEN / case
    whole, pieces = Runs(folder / f"{case}-whole", checkpoint), Runs(folder / f"{case}-8", checkpoint, "--max-tokens", 8)
    batch = arrays.load(checkpoint / "golden.safetensors")
    batch = {name: batch[f"batch.{name}"] for name in ("input_ids", "attention_mask", "position_ids")}
    # Longer and shorter ones in turn: none may see what the one before left in the cache.
    inputs = {"golden": batch, "no mask": {"input_ids": batch["input_ids"]},
              "lengths": rows_of([CONTEXT, 9, 8, 40, 0, 3, 2, 33, 7, 16, 17, CONTEXT], CONTEXT)}
    for name, tensors in inputs.items():
        got, expected = pieces.outputs(tensors), whole.outputs(tensors)
        check(set(got) == set(expected) == {"logits"}, f"{case}: {name}: outputs {sorted(got)}")
        check(got["logits"].shape == expected["logits"].shape, f"{case}: {name}: another shape")
        check(got["logits"].tobytes() == expected["logits"].tobytes(), f"{case}: {name}: other bytes in pieces")
    return pieces


def check_long_refusals(runs, encoder):
    """Both numbers, for what is longer than the context or cannot be in pieces."""
    long = {"input_ids": np.full((1, CONTEXT), 5)}
    limit = ["input_ids: row 0", f"{CONTEXT} tokens", "at most 8 a call"]
    runs.refused(1, ["row 0", f"{CONTEXT + 1} tokens", f"{CONTEXT} positions"],
                 {"input_ids": np.full((1, CONTEXT + 1), 5)})
    runs.refused(1, limit, long, "--hidden-states")
    runs.refused(1, limit, long, "--compare", runs.model)
    backward = np.arange(CONTEXT)[::-1].reshape(1, CONTEXT)
    runs.refused(1, [*limit, "count from 0"], {**long, "position_ids": backward})
    encoder.refused(1, ["row 1", "9 tokens", "at most 8 a call"], rows_of([8, 9], 9))


with tempfile.TemporaryDirectory() as name:
    parent = pathlib.Path(name)
    of_stories = Runs(parent / "stories", ROOT / "examples" / "models" / "stories260K")
    check_masks(of_stories)
    check_positions(of_stories)
    check_hidden_states(of_stories)
    check_files(of_stories)
    check_refusals(of_stories)
    of_pieces = [check_long_rows(parent, case) for case in ("llama-gqa", "mistral-window8", "gpt2")]
    check_long_refusals(of_pieces[0], Runs(parent / "encoder", GOLDEN / "bert-seqcls", "--max-tokens", 8))
