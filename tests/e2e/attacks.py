"""Gives generated bad files to the programs that users run.

    attacks.py BUILD_DIRECTORY [--count 8] [--seed 1] [--jobs 2] [--format F ...]
               [--sanitized LATHE]

For each of COUNT files a format: exit 3, or 1 where the file is well-formed and asks
for what is not supported; one line that begins with "error: " and names the file;
within 1 s and 64 MiB + 2 x the file's size above the same command on a good tiny
file. A file whose random change leaves it good may end with 0. LATHE, the program of a
sanitizer's build, must end with the same code, and say nothing more, where it needs no
compiler.
"""

import argparse
import collections
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import artifact
import gguf_file
import tiny
from generate import npy
from measure import measure
from text_files import GOOD_MODEL, GOOD_VOCABULARY

MIB = 1 << 20
FORMATS = ["artifact", "config", "generation", "gguf", "index", "mlir", "modules", "npy",
           "safetensors", "sentencepiece", "templates", "tokenizer", "vocabulary", "found"]
# Bad files of other formats are put into a copy of a good checkpoint, under these names.
PLACES = {"config": "config.json", "safetensors": "model.safetensors", "tokenizer": "tokenizer.json",
          "sentencepiece": "tokenizer.model", "vocabulary": "vocab.txt"}

Case = collections.namedtuple("Case", "kind command arguments named size good")


class Attack:
    """A good tiny checkpoint, what is made of it, and the commands that read it."""

    def __init__(self, build, folder, sanitized=None):
        self.sanitized, self.replayed = sanitized, 0
        self.lathe = str(pathlib.Path(build).resolve() / "bin" / "lathe")
        self.folder = folder
        self.env = {**os.environ, "LATHE_CACHE_DIR": str(folder / "cache"), "LATHE_THREADS": "1"}
        self.checkpoint, self.encoder = folder / "good", folder / "encoder"
        tiny.write_checkpoint(self.checkpoint)
        tiny.write_encoder(self.encoder)
        (folder / "good.model").write_bytes(GOOD_MODEL)
        (folder / "good.txt").write_bytes(GOOD_VOCABULARY)
        self.artifact, self.twin = folder / "good.lathe", folder / "twin.lathe"
        self.must("compile", self.checkpoint, "-o", self.artifact)
        self.must("compile", self.checkpoint, "-o", self.twin, "-O0")
        self.must("import", self.checkpoint, "-o", folder / "good.mlir")
        (folder / "good.gguf").write_bytes(gguf_file.gguf(*gguf_file.tiny()))
        (folder / "good.npy").write_bytes(
            npy(b"{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }", b"\1\0\0\0"))
        self.limits = {}

    def must(self, *arguments):
        done = self.run(arguments)
        if done.exit != 0:
            sys.exit(f"lathe {' '.join(map(str, arguments))}: exit {done.exit}\n{done.text}")
        return done

    def run(self, arguments):
        return measure([self.lathe, *map(str, arguments)], self.env)

    def compile(self, model, output):
        return ["compile", model, "-o", output, "-j", "1"]

    def limit(self, good):
        """(seconds, bytes) of the same command on a good file: the better of two."""
        if good not in self.limits:
            runs = [self.must(*good) for _ in range(2)]
            self.limits[good] = min(r.seconds for r in runs), max(r.peak for r in runs)
        return self.limits[good]

    def cases(self, name, count, seed):
        if name == "artifact":
            yield from self.artifacts(count, seed)
            return
        files = self.folder / "files"
        subprocess.run([sys.executable, str(ROOT / "tests" / "attacks" / "generate.py"), str(files),
                        "--count", str(count), "--seed", str(seed), "--format", name], check=True)
        for number, file in enumerate(sorted((files / name).iterdir())):
            yield self.case(name, number, file)

    def case(self, name, number, file):
        kind = file.name.split("-")[1]
        size = sum(f.stat().st_size for f in ([file] if file.is_file() else file.rglob("*")))
        tokenizers = {"tokenizer": self.checkpoint / "tokenizer.json", "sentencepiece": self.folder / "good.model",
                      "vocabulary": self.folder / "good.txt"}
        if name in tokenizers and number % 4:
            return Case(kind, "tokenize", ["tokenize", file, "aba"], file, size,
                        ("tokenize", tokenizers[name], "aba"))
        if name == "npy":
            return Case(kind, "run", ["run", self.artifact, "forward", "-i", f"input_ids={file}"], file, size,
                        ("run", self.artifact, "forward", "-i", f"input_ids={self.folder / 'good.npy'}"))
        if name == "safetensors" and number % 2:
            return Case(kind, "inspect", ["inspect", file], file, size,
                        ("inspect", self.checkpoint / "model.safetensors"))
        if name == "gguf":
            good = self.folder / "good.gguf"
            command, same = (
                [self.compile(model, output), ["inspect", model], ["tokenize", model, "aba"]][number % 3]
                for model, output in ((file, file.with_name(file.name + ".lathe")),
                                      (good, self.folder / "good-again.lathe")))
            return Case(kind, command[0], command, file, size, tuple(same))
        good = self.folder / "good.mlir" if name == "mlir" else (
            self.encoder if name in ("modules", "vocabulary") else self.checkpoint)
        checkpoint = file if name == "mlir" else self.checkpoint_with(name, file, good)
        return Case(kind, "compile", self.compile(checkpoint, file.with_name(file.name + ".lathe")), checkpoint,
                    size, tuple(self.compile(good, self.folder / "good-again.lathe")))

    def checkpoint_with(self, name, file, good):
        """A copy of a good checkpoint with a bad file, or with the files of a bad folder."""
        checkpoint = file.with_name(file.name + ".files")
        shutil.copytree(good, checkpoint)
        if name == "index":
            (checkpoint / "model.safetensors").unlink()
        if name == "sentencepiece":
            (checkpoint / "tokenizer.json").unlink()
        if name == "modules":
            for part in ("modules.json", "1_Pooling", "sentence_bert_config.json"):
                shutil.rmtree(checkpoint / part) if part == "1_Pooling" else (checkpoint / part).unlink()
        if file.is_dir():
            shutil.copytree(file, checkpoint, dirs_exist_ok=True)
            shutil.rmtree(file)
        else:
            shutil.move(file, checkpoint / PLACES[name])
        return checkpoint

    def artifacts(self, count, seed):
        data, other = self.artifact.read_bytes(), self.twin.read_bytes()
        attacks = artifact.attack_artifact(data, other, seed)
        for number, (idea, content) in enumerate(itertools.islice(attacks, count)):
            file = self.folder / "files" / f"{number:05}-bad-{idea}.lathe"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
            rest = [("generate", ["--prompt-ids", "1,2", "-n", "2"]), ("tokenize", ["aba"]),
                    ("inspect", []), ("run", ["forward", "-i", f"input_ids={self.folder / 'good.npy'}"])]
            command, options = rest[number % 4]
            yield Case("bad", command, [command, file, *options], file, len(content),
                       (command, self.artifact, *options))

    def judge(self, case):
        """The outcome, and what is wrong with it or None."""
        seconds, peak = self.limit(case.good)
        done = self.run(case.arguments)
        # A busy machine is not the file's fault: the time counts if it comes again.
        for _ in range(2):
            if done.seconds > seconds + 1:
                done = self.run(case.arguments)
        return done, self.fault(case, done, seconds, peak) or self.replay(case, done)

    def replay(self, case, done):
        """The same under the sanitizers, whose time and memory say nothing."""
        if not self.sanitized or case.command == "compile":
            return None
        again = measure([self.sanitized, *map(str, case.arguments)], self.env, timeout=60)
        self.replayed += 1
        if again.exit != done.exit or again.errors != done.errors:
            return f"exit {again.exit} under the sanitizers: {again.text[-3000:]}"
        return None

    def fault(self, case, done, seconds, peak):
        if done.exit == 0 and case.kind != "bad":
            # It is a good file of its own, which may need more than the tiny one.
            return None if not done.errors else "succeeds with an error line"
        if done.exit not in (1, 3):
            return f"exit {done.exit}"
        if len(done.errors) != 1:
            return f"{len(done.errors)} error lines"
        if str(case.named) not in done.errors[0]:
            return "the error line does not name the file"
        if done.seconds > seconds + 1:
            return f"took {done.seconds:.2f} s, a good file {seconds:.2f} s"
        if done.peak > peak + 64 * MIB + 2 * case.size:
            return f"took {done.peak / MIB:.0f} MiB, a good file {peak / MIB:.0f} MiB"
        return None


def found(attack):
    """Files that were a fault once."""
    folder = attack.folder / "found"
    for name, config in {"head": '"hidden_size": 2147483648', "list": "[" + "0," * 3_000_000 + "0]"}.items():
        checkpoint = folder / name
        shutil.copytree(attack.checkpoint, checkpoint)
        good = (checkpoint / "config.json").read_text()
        (checkpoint / "config.json").write_text(
            good.replace('"hidden_size": 16', config) if name == "head" else config)
        yield Case("bad", "compile", attack.compile(checkpoint, folder / "x.lathe"), checkpoint,
                   (checkpoint / "config.json").stat().st_size,
                   tuple(attack.compile(attack.checkpoint, attack.folder / "good-again.lathe")))
    # MLIR's lexer reads the byte past the text.
    for name, text in {"empty": "", "page": " " * 4095 + "x"}.items():
        file = folder / f"{name}.mlir"
        file.write_text(text)
        yield Case("bad", "compile", attack.compile(file, folder / "x.lathe"), file, len(text),
                   tuple(attack.compile(attack.folder / "good.mlir", attack.folder / "good-again.lathe")))
    changed = bytearray(attack.artifact.read_bytes())
    changed[24] ^= 1
    file = folder / "table-hash.lathe"
    file.write_bytes(changed)
    yield Case("bad", "tokenize", ["tokenize", file, "aba"], file, len(changed),
               ("tokenize", attack.artifact, "aba"))


def judged(attack, name, arguments):
    """Each case with its outcome and fault, some files at a time."""
    cases = found(attack) if name == "found" else attack.cases(name, arguments.count, arguments.seed)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        while batch := list(itertools.islice(cases, 50)):
            for good in {case.good for case in batch}:
                attack.limit(good)
            for case, (done, fault) in zip(batch, pool.map(attack.judge, batch)):
                yield case, done, fault
            if name == "artifact":
                shutil.rmtree(attack.folder / "files")
    shutil.rmtree(attack.folder / "files", ignore_errors=True)


def attack_format(attack, name, arguments):
    """Prints the figures of one format; returns the number of faults."""
    exits, slowest, largest, faults = collections.Counter(), 0.0, 0, 0
    for case, done, fault in judged(attack, name, arguments):
        exits[done.exit] += 1
        if done.exit != 0:
            slowest = max(slowest, done.seconds - attack.limit(case.good)[0])
            largest = max(largest, done.peak - attack.limit(case.good)[1])
        if fault:
            faults += 1
            print(f"FAULT {name}: {fault}\n  lathe {shown(case)}\n  exit {done.exit} {done.text[-600:]!r}",
                  file=sys.stderr)
    total = sum(exits.values())
    exits = ", ".join(f"{count} x exit {code}" for code, count in sorted(exits.items()))
    print(f"{name}: {total} files, {exits}; at most {max(slowest, 0):.2f} s and "
          f"{largest / MIB:.1f} MiB above a good file; {faults} faults", flush=True)
    return faults


def shown(case):
    """The case's command; with LATHE_KEEP=DIR its file is copied there first."""
    keep = os.environ.get("LATHE_KEEP")
    if keep:
        target = pathlib.Path(keep) / case.named.name
        if case.named.is_dir():
            shutil.copytree(case.named, target, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(case.named, target)
    return " ".join(map(str, case.arguments))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=8, help="files a format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sanitized")
    parser.add_argument("--format", choices=FORMATS, action="append")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(arguments.build, pathlib.Path(folder), arguments.sanitized)
        faults = sum(attack_format(attack, name, arguments) for name in arguments.format or FORMATS)
        if arguments.sanitized:
            print(f"{attack.replayed} of them again under the sanitizers")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
