"""Names in files that try to lead out of their folder.

    paths.py BUILD_DIRECTORY [--races N]

A good model lies outside as a canary: whoever opens it succeeds. Each name is given
as a shard of an index, as the file of a module's parameters and as a module's
tokenizer folder, and must be refused with 3 (or 1) and one line, without waiting.
One thing is no attack: a checkpoint's own entries may be symlinks, as caches of model
hubs have them, for whoever names the folder names them too; then the artifact holds
the canary's bytes. Not so for a module, whose names a stranger wrote.
Then N compiles of a module run while its weights are swapped for a symlink to the
canary: each is refused or gives the bytes of the model's own weights. A hard link is no attack:
it is the file itself, and `lathe import` makes them.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import tiny
from measure import measure


def names(canary, pid):
    """(idea, name) of each attack; `canary` is absolute, and what `make_traps` set up
    leads to it. The model's folder is beside the canary's."""
    inside = "/".join(canary.parts[canary.parts.index("outside"):])
    leaf = inside.removeprefix("outside").strip("/")
    below = f"/{leaf}" if leaf else ""
    yield from {
        "up": f"../{inside}", "dot-up": f"./../{inside}", "sub-up": f"sub/../../{inside}",
        "slashes-up": f"sub//..//..//{inside}", "up-late": f"sub/inner/../../../{inside}",
        "through-file": f"weights.safetensors/../../{inside}", "up-alone": "..", "up-slash": "../",
        "absolute": f"{canary}", "absolute-twice": f"/{canary}", "absolute-dot": f"/.{canary}",
        "cwd": f"/proc/self/cwd/../{inside}", "self-root": f"/proc/self/root{canary}",
        "other-root": f"/proc/{pid}/root{canary}", "thread-root": f"/proc/thread-self/root{canary}",
        "fd": "/proc/self/fd/0", "dev-fd": "/dev/fd/0", "stdin": "/dev/stdin", "zero": "/dev/zero",
        "null-device": "/dev/null", "terminal": "/dev/tty", "random": "/dev/urandom",
        "link": f"link{below and '.safetensors'}", "link-absolute": f"link-absolute{below and '.safetensors'}",
        "link-twice": f"link-twice{below and '.safetensors'}", "link-parent": f"parent{below}",
        "link-up": f"up/{inside}", "link-root": f"root{canary}", "link-proc": f"proc-root{canary}",
        "link-deep": f"sub/parent{below}", "link-loop": "loop", "link-nowhere": "nowhere",
        "link-fifo": "link-fifo", "link-device": "link-zero", "fifo": "fifo", "socket": "socket",
        "nul": "weights.safetensors\0", "nul-up": f"../{inside}\0.safetensors", "nul-alone": "\0",
        "long-part": "x" * 256, "long": "x" * 5000, "long-path": "a/" * 3000 + "x",
        "long-up": "sub/../" * 500 + f"../{inside}", "not-utf-8": "\udcff\udcfe",
        "home": f"~/../{inside}", "address": f"file://{canary}", "backslash": f"..\\{inside}",
        "encoded": f"%2e%2e/{inside}", "wide-dots": f"\uff0e\uff0e/{inside}", "missing": "missing",
    }.items()


def make_traps(model, outside):
    """Links and special files in the folder of the model."""
    (model / "sub" / "inner").mkdir(parents=True)
    canary = outside / "canary.safetensors"
    for link, target in {
            "link.safetensors": "../outside/canary.safetensors", "link-absolute.safetensors": canary,
            "link-twice.safetensors": "link.safetensors", "link": "../outside", "link-absolute": outside,
            "link-twice": "link", "parent": "../outside", "up": "..", "root": "/",
            "proc-root": "/proc/self/root", "sub/parent": "../../outside", "loop": "loop",
            "nowhere": "../outside/nothing", "link-fifo": "fifo", "link-zero": "/dev/zero"}.items():
        (model / link).symlink_to(target)
    os.mkfifo(model / "fifo")
    # A socket's name may have 107 bytes at most, so it is bound by a relative one.
    here = os.getcwd()
    os.chdir(model)
    socket.socket(socket.AF_UNIX).bind("socket")
    os.chdir(here)


def mlir_string(name):
    """The name as the inside of a string in MLIR."""
    data = name.encode("utf-8", "surrogateescape")
    return b"".join(bytes([c]) if 32 <= c < 127 and c not in b'"\\' else b"\\%02X" % c for c in data)


class Paths:
    def __init__(self, build, folder):
        self.lathe = str(pathlib.Path(build).resolve() / "bin" / "lathe")
        self.env = {**os.environ, "LATHE_CACHE_DIR": str(folder / "cache")}
        self.model, self.outside, self.out = folder / "model", folder / "outside", folder / "out.lathe"
        tiny.write_checkpoint(self.outside)
        self.canary = self.outside / "canary.safetensors"
        self.canary.write_bytes(tiny.weights(tiny.SHAPES, seed=2))
        tiny.write_checkpoint(self.model)
        self.module = (self.must("import", self.model, "-o", folder / "m" / "model.mlir"),
                       (folder / "m" / "model.mlir").read_bytes())[1]
        # The model's folder has weights, but no tokenizer: one can only come from outside.
        (self.model / "tokenizer.json").unlink()
        (self.model / "model.safetensors").rename(self.model / "weights.safetensors")
        make_traps(self.model, self.outside)
        self.attacks, self.faults = 0, []

    def run(self, *arguments):
        return measure([self.lathe, *map(str, arguments)], self.env, timeout=10)

    def must(self, *arguments):
        pathlib.Path(arguments[-1]).parent.mkdir(exist_ok=True)
        done = self.run(*arguments)
        if done.exit != 0:
            sys.exit(f"lathe {' '.join(map(str, arguments))}: exit {done.exit}: {done.text}")

    def compile(self, source):
        self.out.unlink(missing_ok=True)
        return self.run("compile", source, "-o", self.out)

    def expect_refusal(self, way, idea, source):
        done = self.compile(source)
        self.attacks += 1
        if done.exit not in (1, 3) or len(done.errors) != 1 or self.out.exists():
            self.faults.append(f"{way}: {idea}: exit {done.exit}: {done.text!r}")

    def expect_canary(self, idea, source, canary):
        done = self.compile(source)
        self.attacks += 1
        if done.exit != 0 or self.out.read_bytes() != canary:
            self.faults.append(f"shard of an index: {idea}: exit {done.exit}: {done.text!r}")

    def canary_artifact(self):
        """What a checkpoint whose one shard is the canary compiles to."""
        source = self.write_index("hard.safetensors")
        os.link(self.canary, self.model / "hard.safetensors")
        self.must("compile", source, "-o", self.out)
        (self.model / "hard.safetensors").unlink()
        return self.out.read_bytes()

    def write_index(self, name):
        text = json.dumps({"weight_map": {tensor: name for tensor in tiny.SHAPES}}, ensure_ascii=False)
        (self.model / "model.safetensors.index.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        return self.model

    def write_module(self, weights, tokenizer):
        text = self.module.replace(b'"model.files/model.safetensors"', b'"' + mlir_string(weights) + b'"')
        text = text.replace(b'lathe.tokenizer = "model.files"',
                            b'lathe.tokenizer = "' + mlir_string(tokenizer) + b'"')
        file = self.model / "model.mlir"
        file.write_bytes(text)
        return file

    def check_controls(self):
        """What must work, or the refusals below would prove nothing."""
        sources = [self.write_index("weights.safetensors"), self.write_module("weights.safetensors", "sub")]
        os.link(self.canary, self.model / "hard.safetensors")
        for source in [*sources, self.write_module("hard.safetensors", "sub")]:
            done = self.compile(source)
            if done.exit != 0:
                sys.exit(f"a name beneath the folder is refused: {source}: {done.text}")
        (self.model / "hard.safetensors").unlink()
        shutil.copy(self.outside / "tokenizer.json", self.model / "sub")
        self.must("compile", self.write_module("weights.safetensors", "sub"), "-o", self.out)
        if self.run("tokenize", self.out, "aba").exit != 0:
            sys.exit("a tokenizer beneath the folder is not used")
        (self.model / "sub" / "tokenizer.json").unlink()

    def attack(self):
        canary = self.canary_artifact()
        for idea, name in names(self.canary, os.getpid()):
            if idea in ("link", "link-absolute", "link-twice"):
                self.expect_canary(idea, self.write_index(name), canary)
            else:
                self.expect_refusal("shard of an index", idea, self.write_index(name))
            self.expect_refusal("weights of a module", idea, self.write_module(name, "sub"))
        (self.model / "model.safetensors.index.json").unlink()
        for idea, name in names(self.outside, os.getpid()):
            self.expect_refusal("tokenizer of a module", idea, self.write_module("weights.safetensors", name))
        for idea, make in {"link": lambda file: file.symlink_to("../../outside/tokenizer.json"),
                           "fifo": os.mkfifo, "device": lambda file: file.symlink_to("/dev/zero"),
                           "folder": os.mkdir}.items():
            file = self.model / "sub" / "tokenizer.json"
            make(file)
            self.expect_refusal("file of a tokenizer", idea, self.write_module("weights.safetensors", "sub"))
            file.rmdir() if idea == "folder" else file.unlink()
        for idea, name in {"empty": "", "dot": "."}.items():
            self.expect_refusal("weights of a module", idea, self.write_module(name, "sub"))
            self.expect_refusal("shard of an index", idea, self.write_index(name))

    def race(self, compiles):
        """Swaps a module's weights for a link to the canary and back while they are opened."""
        source = self.write_module("raced.safetensors", "sub")
        raced, good = self.model / "raced.safetensors", self.model / "weights.safetensors"
        shutil.copy(good, raced)
        self.must("compile", source, "-o", self.out)
        own = self.out.read_bytes()
        stop, swaps, outcomes = threading.Event(), 0, [0, 0]

        def swap():
            nonlocal swaps
            spare = self.model / "spare"
            while not stop.is_set():
                spare.symlink_to("../outside/canary.safetensors")
                spare.rename(raced)
                os.link(good, spare)
                spare.rename(raced)
                swaps += 2

        swapper = threading.Thread(target=swap)
        swapper.start()
        for _ in range(compiles):
            done = self.compile(source)
            outcomes[done.exit == 0] += 1
            if done.exit not in (0, 3) or (done.exit == 0 and self.out.read_bytes() != own):
                self.faults.append(f"race: exit {done.exit}: {done.text!r}")
        stop.set()
        swapper.join()
        print(f"races: {compiles} compiles among {swaps} swaps, {outcomes[0]} refused, "
              f"{outcomes[1]} with the model's own weights")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--races", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(arguments.build, pathlib.Path(folder))
        paths.check_controls()
        paths.attack()
        paths.race(arguments.races)
    for fault in paths.faults:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"paths: {paths.attacks} attacks, {len(paths.faults)} faults")
    sys.exit(1 if paths.faults else 0)


if __name__ == "__main__":
    main()
