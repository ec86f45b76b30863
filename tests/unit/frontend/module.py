"""Runs an imported module in NumPy float64: the text that lathe-import-test
prints, op by op, with the formulas of tests/reference/operators.py.
"""

import json
import pathlib
import re
import struct
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "reference"))
import operators  # noqa: E402


def load_tensors(path):
    """{name: array} of a safetensors file; bf16 becomes float32."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    types = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin : 8 + size + end]
        if entry["dtype"] == "BF16":
            wide = np.frombuffer(raw, np.uint16).astype(np.uint32) << 16
            array = wide.view(np.float32)
        else:
            array = np.frombuffer(raw, types[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors


def number(text, word, default=0.0):
    """The number after `word` in an op's text."""
    match = re.search(rf"\b{word} ([-+.\deE]+)", text)
    return float(match[1]) if match else default


def integers(text):
    return [int(digits) for digits in re.findall(r"\d+", text)]


class Module:
    """The module of a checkpoint directory, with its weights and a cache."""

    PAGES = 16

    def __init__(self, tool, directory, context=None):
        arguments = [] if context is None else [str(context)]
        text = subprocess.run(
            [tool, directory, *arguments], capture_output=True, text=True, check=True
        ).stdout
        self.lines = iter(line.strip() for line in text.split("\n"))
        self.directory = pathlib.Path(directory)
        self.files, self.weights, self.states, self.entries = {}, {}, {}, {}
        for line in self.lines:
            self.read_symbol(line)

    def read_symbol(self, line):
        if match := re.match(r'lathe\.parameter @(\S+) .* from "(.*)" key "(.*)"', line):
            name, file, key = match.groups()
            if file not in self.files:
                self.files[file] = load_tensors(self.directory / file)
            self.weights[name] = self.files[file][key].astype(np.float64)
        elif match := re.match(r"lathe\.derived @(\S+) ", line):
            self.weights[match[1]] = self.execute(self.body(), {})[0]
        elif match := re.match(r"lathe\.state @(\S+) : tensor<\?x([\dx]+)xf32", line):
            self.states[match[1]] = np.zeros([self.PAGES, *integers(match[2])])
        elif match := re.match(r"func\.func @(\w+)\((.*)\) -> (.*)", line):
            name, arguments, results = match.groups()
            names = re.findall(r'(%arg\d+): .*?lathe\.name = "(\w+)"', arguments)
            outputs = re.findall(r'lathe\.name = "([\w.]+)"', results)
            self.entries[name] = (names, outputs, self.body())

    def body(self):
        """The lines up to the closing brace."""
        lines = []
        while (line := next(self.lines)) != "}":
            lines.append(line)
        return lines

    def run(self, entry, **inputs):
        """{output: array} of an entry."""
        arguments, outputs, body = self.entries[entry]
        values = {value: inputs[name] for value, name in arguments}
        return dict(zip(outputs, self.execute(body, values)))

    def execute(self, body, values):
        for line in body:
            line = re.sub(r"%(\w+)#(\d)", r"%\1_of_\2", line)
            if line.startswith(("return", "lathe.yield")):
                return [values[name] for name in re.findall(r"%\w+", line)]
            if match := re.match(r"lathe\.set_state (%\w+), @(\S+)", line):
                self.states[match[2]] = values[match[1]]
                continue
            self.step(line, values)
        raise ValueError("a body without an end")

    def step(self, line, values):
        """Computes one op into `values`."""
        target, text = line.split(" = ", 1)
        op = text.split()[0]
        operands = [values[name] for name in re.findall(r"%\w+", text)]
        result = self.compute(op, text, operands)
        if op != "lathe.append":
            values[target] = result
        elif ":2" in target:
            stem = target.split(":")[0]
            values[stem + "_of_0"], values[stem + "_of_1"] = result
        else:
            values.update(zip(target.split(", "), result))

    def compute(self, op, text, operands):
        options = {
            "scale": number(text, "scale"),
            "window": int(number(text, "window")),
            "cap": number(text, "softcap"),
        }
        if op == "lathe.get":
            return self.weights[re.search(r"@(\S+)", text)[1]]
        if op == "lathe.get_state":
            return self.states[re.search(r"@(\S+)", text)[1]].copy()
        if op == "lathe.slice":
            axis, begin, end = integers(re.search(r"along (.*?\])", text)[1])
            return np.take(operands[0], range(begin, end), axis)
        if op == "lathe.permute":
            return operands[0].transpose(integers(re.search(r"order (.*?\])", text)[1]))
        if op == "lathe.rope_table":
            frequencies = [float(f) for f in re.search(r"\[(.*?)\]", text)[1].split(",")]
            rows = integers(re.search(r"tensor<(\d+)x", text)[1])[0]
            return operators.rope_table(frequencies, rows, options["scale"])
        if op == "lathe.gather":
            return operators.gather(*operands, number(text, "scale", 1.0))
        if op == "lathe.rms_norm":
            epsilon = number(text, "eps")
            return operators.rms_norm(*operands, epsilon, number(text, "offset"))
        if op == "lathe.layer_norm":
            return operators.layer_norm(*operands, number(text, "eps"))
        if op == "lathe.l2_normalize":
            return operators.l2_normalize(*operands, number(text, "eps"))
        if op == "lathe.activation":
            return operators.activation(text.split()[1], *operands)
        if op == "lathe.softcap":
            return operators.softcap(*operands, number(text, "cap"))
        if op == "lathe.pool":
            count = int(operands[1].max()) + 1
            return operators.pool(text.split()[1], *operands, count)
        if op == "lathe.attention":
            return operators.attention(*operands, causal=" causal" in text, **options)
        if op == "lathe.cached_attention":
            return operators.cached_attention(*operands, **options)
        if op == "tensor.expand_shape":
            sizes = integers(re.search(r"output_shape \[%\w+, (.*?)\]", text)[1])
            return operands[0].reshape(-1, *sizes)
        if op == "tensor.collapse_shape":
            return operands[0].reshape(len(operands[0]), -1)
        if op in ("arith.constant", "tensor.dim"):
            return None  # Only sizes, which the arrays know.
        if op == "arith.addf":
            return operands[0] + operands[1]
        if op == "arith.mulf":
            return operands[0] * operands[1]
        return getattr(operators, op.removeprefix("lathe."))(*operands)
