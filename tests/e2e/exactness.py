"""The same bits however a model is asked: by threads, batch mates, pieces and plans.

    exactness.py BUILD_DIRECTORY CASE [compile flags...]

CASE is a checkpoint directory, or a GGUF file, a decoder of 512 tokens. With a
--cache-type that rounds, steps are held against all prompts in one, not `forward`.

For each instruction-set level of this machine by itself. Eight sequences, whose lengths
lie on both sides of tiles and of the cache's pages, go through each entry: together, on 1
to 8 threads, in another order, and alone. `step` and `step_greedy` besides as one prompt,
token by token and in pieces, with other slots and other pages; each is also held against
`forward`. Together they take all plans of the arena, which the test checks.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import library
from program import Program, check

LENGTHS = [1, 7, 8, 9, 31, 33, 20, 40]
PAGE = 32


def with_pooling(case, folder):
    """A copy of an encoder without head as a sentence encoder, so that it has `embed`."""
    copy = folder / "checkpoint"
    shutil.copytree(case, copy)
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    (copy / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
         for i, (path, kind) in enumerate(kinds.items())]))
    return copy


class Tokens:
    """Random tokens of the sequences, flat: (T)."""

    def __init__(self, vocabulary, types):
        random = np.random.default_rng(7)
        self.sequences = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
        self.positions = np.concatenate([np.arange(n) for n in LENGTHS])
        self.ids = random.integers(3, vocabulary, len(self.positions))
        self.types = random.integers(0, types, len(self.positions))

    def __len__(self):
        return len(self.ids)

    def of(self, sequence):
        return np.nonzero(self.sequences == sequence)[0]

    def flat(self, pick):
        """Inputs of a flat entry; sequences count from 0 in the order of `pick`."""
        _, first = np.unique(self.sequences[pick], return_index=True)
        order = self.sequences[pick][np.sort(first)]
        numbers = {sequence: number for number, sequence in enumerate(order)}
        return {"tokens": self.ids[pick], "positions": self.positions[pick],
                "token_types": self.types[pick],
                "sequences": [numbers[s] for s in self.sequences[pick]]}


class Exactness:
    def __init__(self, model, tokens, name, rounds=False):
        self.model, self.tokens, self.name = model, tokens, name
        self.rounds = rounds  # Whether the cache keeps less than it is given.
        self.plans, self.compared = {}, 0

    def expect(self, got, expected, how):
        self.compared += 1
        check(got.shape == expected.shape and got.tobytes() == expected.tobytes(),
              f"{self.name}: {how}: other bytes")

    def took(self, entry, **values):
        entry = self.model.entries[entry]
        self.plans.setdefault(entry.name, set()).add(entry.plan_of(values))

    def flat(self, context, entry, pick):
        """{output: (T or sequences, ...)} of one call."""
        inputs = self.tokens.flat(pick)
        count = max(inputs["sequences"]) + 1
        symbols = {"sequences": count} if "sequences" in self.model.symbols else {}
        self.took(entry, tokens=len(pick), **symbols)
        return context.call(entry, inputs, symbols)

    def check_flat(self, entry):
        """Returns the outputs of all sequences together."""
        everything = np.arange(len(self.tokens))
        together = self.flat(library.Context(self.model, threads=1), entry, everything)
        for threads in range(2, 9):
            got = self.flat(library.Context(self.model, threads=threads), entry, everything)
            for name, array in got.items():
                self.expect(array, together[name], f"{entry} {name} on {threads} threads")
        context = library.Context(self.model, threads=2)
        backward = np.concatenate([self.tokens.of(s) for s in reversed(range(len(LENGTHS)))])
        reordered = self.flat(context, entry, backward)
        for name, array in reordered.items():
            rows = backward if len(array) == len(self.tokens) else np.arange(len(LENGTHS))[::-1]
            self.expect(array, together[name][rows], f"{entry} {name} in another order")
        for sequence in range(len(LENGTHS)):
            pick = self.tokens.of(sequence)
            for name, array in self.flat(context, entry, pick).items():
                rows = pick if len(together[name]) == len(self.tokens) else [sequence]
                self.expect(array, together[name][rows], f"{entry} {name}: {sequence} alone")
        return together

    def steps(self, context, entry, picks, slots=range(len(LENGTHS)), table=None):
        """Calls with the tokens of each of `picks`; the rows of all tokens, in their order."""
        context.reset()
        slots = np.array(slots)
        if table is None:
            table = np.arange(context.symbol("slots") * context.symbol("slot_pages"))
        table = np.reshape(table, (context.symbol("slots"), context.symbol("slot_pages")))
        result = None
        for pick in picks:
            # A sequence's tokens stand together, its slot says where.
            inputs = {"tokens": self.tokens.ids[pick], "positions": self.tokens.positions[pick],
                      "sequences": slots[self.tokens.sequences[pick]], "rows": np.arange(len(pick)),
                      "page_table": table}
            self.took(entry, tokens=len(pick), rows=len(pick))
            (rows,) = context.call(entry, inputs).values()
            if result is None:
                result = np.zeros((len(self.tokens), *rows.shape[1:]), rows.dtype)
            result[pick] = rows
        return result

    def pieces(self, size):
        """All sequences side by side, `size` tokens of each a call."""
        parts = self.tokens.positions // size
        return [np.nonzero(parts == part)[0] for part in range(parts.max() + 1)]

    def check_steps(self, entry, expected):
        everything = [np.arange(len(self.tokens))]
        context_size = 64
        for threads in range(1, 9):
            context = library.Context(self.model, threads=threads, slots=8, context=context_size)
            self.expect(self.steps(context, entry, everything), expected, f"{entry} on {threads} threads")
        context = library.Context(self.model, threads=2, slots=8, context=context_size)
        for how, picks in {
                "prompts one after the other": [self.tokens.of(s) for s in range(len(LENGTHS))],
                "token by token, side by side": self.pieces(1), "pieces of 5": self.pieces(5),
                "pieces of 16": self.pieces(16), "pieces of 32": self.pieces(32)}.items():
            self.expect(self.steps(context, entry, picks), expected, f"{entry}: {how}")
        pages = np.random.default_rng(3).permutation(context.symbol("pages"))
        self.expect(self.steps(context, entry, self.pieces(7), slots=[5, 2, 7, 0, 1, 6, 3, 4], table=pages),
                    expected, f"{entry}: other slots and pages")
        single = library.Context(self.model, threads=2, slots=1, context=context_size)
        for sequence in range(len(LENGTHS)):
            pick = self.tokens.of(sequence)
            for how, picks in {"alone": [pick], "alone, token by token": np.split(pick, len(pick))}.items():
                got = self.steps(single, entry, picks, slots=[0] * len(LENGTHS))
                self.expect(got[pick], expected[pick], f"{entry}: {sequence} {how}")

    def run(self):
        entries = self.model.entries
        together = {name: self.check_flat(name) for name in entries if not name.startswith("step")}
        if "step" in entries:
            logits = together["forward"]["logits"]
            if self.rounds:
                context = library.Context(self.model, slots=8, context=64)
                logits = self.steps(context, "step", [np.arange(len(self.tokens))])
            self.check_steps("step", logits)
            self.check_steps("step_greedy", logits.argmax(axis=1).astype(np.int32))
        for name, taken in self.plans.items():
            every = set(range(len(entries[name].plans)))
            check(taken == every, f"{self.name}: {name}: took the plans {taken} of {every}")
        print(f"{self.name}: {', '.join(entries)}: {self.compared} results with the same bytes")


def main():
    program, case = Program(sys.argv[1]), pathlib.Path(sys.argv[2])
    config = {"architectures": [""], "vocab_size": 512}
    if case.is_dir():
        config = json.loads((case / "config.json").read_text())
    tokens = Tokens(config["vocab_size"], config.get("type_vocab_size", 1))
    levels = json.loads(program.run("env", "--json").stdout)["targets"].split(", ")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if config["architectures"][0] in ("BertModel", "RobertaModel", "DistilBertModel"):
            case = with_pooling(case, folder)
        path = folder / "m.lathe"
        program.run("compile", case, "-o", path, "--target", ",".join(levels), *sys.argv[3:])
        for level in levels:
            model = library.Model(library.load(sys.argv[1]), path, level)
            check(model.target == level, f"LATHE_CPU={level} runs {model.target}")
            Exactness(model, tokens, level, "--cache-type" in sys.argv).run()


if __name__ == "__main__":
    main()
