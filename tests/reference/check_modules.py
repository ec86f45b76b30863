"""Compiles random modules (modules.py) at -O0 and -O3, runs each entry, and
holds both against NumPy float64 within the bound derived for each element.

    check_modules.py build [--count 2000] [--entries 25] [--seed 0] [--keep FOLDER]

A case is one entry. A fault: an exit code other than 0, a signal, a result past
its bound, or lathe-opt finding invalid IR after a pass. --keep writes the
modules of faults.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import arrays
from cases import to_bits
from modules import module

TIMEOUT = 300
CODES = {"f32": "F32", "bf16": "BF16", "f16": "F16"}


def save_parameters(path, parameters):
    header, data = {}, b""
    for key, (tensor, value) in parameters.items():
        raw = np.ascontiguousarray(to_bits(value, tensor.element)).tobytes()
        header[key] = {"dtype": CODES[tensor.element], "shape": [int(d) for d in tensor.shape],
                       "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def last_line(done):
    return (done.stderr.strip().splitlines() or ["no message"])[-1][:300]


class Campaign:
    def __init__(self, build, folder, keep):
        self.bin, self.folder, self.keep = pathlib.Path(build).resolve() / "bin", folder, keep
        self.faults, self.values, self.closest = [], 0, 0.0

    def run(self, *command):
        return subprocess.run([str(self.bin / command[0]), *map(str, command[1:])],
                              capture_output=True, text=True, timeout=TIMEOUT)

    def fault(self, path, message):
        self.faults.append(message)
        print(f"{path.stem}: {message}")
        if self.keep:
            self.keep.mkdir(parents=True, exist_ok=True)
            for file in (path, path.with_suffix(".safetensors")):
                (self.keep / file.name).write_bytes(file.read_bytes())

    def check_module(self, name, seed, count):
        path = self.folder / f"{name}.mlir"
        text, parameters, entries = module(name, seed, count)
        path.write_text(text)
        save_parameters(path.with_suffix(".safetensors"), parameters)
        verified = self.run("lathe-opt", "--lathe-inference", "--verify-each", path, "-o",
                            self.folder / "verified.mlir")
        if verified.returncode:
            self.fault(path, f"lathe-opt: exit {verified.returncode}: {last_line(verified)}")
        for level in ("O0", "O3"):
            artifact = self.folder / f"{name}.{level}.lathe"
            done = self.run("lathe", "compile", path, "-o", artifact, f"-{level}")
            if done.returncode:
                self.fault(path, f"compile -{level}: exit {done.returncode}: {last_line(done)}")
                continue
            for entry in entries:
                self.check_entry(path, artifact, level, entry)
            artifact.unlink()

    def check_entry(self, path, artifact, level, entry):
        inputs, outputs = self.folder / "in.safetensors", self.folder / "out.safetensors"
        arrays.save(inputs, {v.name[1:]: v.exact.astype(np.int32 if v.element == "i32"
                                                        else np.float32)
                             for v, _ in entry.arguments})
        done = self.run("lathe", "run", artifact, entry.name, "-i", inputs, "-o", outputs)
        if done.returncode:
            return self.fault(path, f"{entry.name} -{level}: exit {done.returncode}: "
                              f"{last_line(done)}")
        got = arrays.load(outputs)
        for i, value in enumerate(entry.results):
            off = np.abs(got[f"y{i}"].astype(np.float64) - value.exact)
            share = (off / np.maximum(value.error, 1e-300)).max(initial=0)
            self.values += off.size
            self.closest = max(self.closest, share)
            if not share <= 1:
                self.fault(path, f"{entry.name} -{level}: y{i} is {share:.3g} times its bound "
                           f"({value.error.max():.2e}) away")
        outputs.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=20, help="cases: entries of modules")
    parser.add_argument("--entries", type=int, default=25, help="of one module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(options.build, pathlib.Path(folder), options.keep)
        for first in range(0, options.count, options.entries):
            campaign.check_module(f"module{first}", options.seed * 1000003 + first,
                                  min(options.entries, options.count - first))
    print(f"{options.count} entries at -O0 and -O3, {campaign.values} elements, at most "
          f"{campaign.closest:.2f} of a bound, {len(campaign.faults)} faults")
    raise SystemExit(bool(campaign.faults))


if __name__ == "__main__":
    main()
