"""What a compile costs grows as it should: without a clock.

    compile_cost.py BUILD_DIRECTORY

Kernels: a llama of 12 layers compiles as many as one of 2, into an empty cache, and a
second compile none. Memory at the largest: 1.3 x the weights + 500 MB, and above a tiny
model's no more than the weights and two copies of one parameter.
"""

import json
import os
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "attacks"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from measure import measure
from program import Program, check

MB = 1_000_000


def tensor_shapes(width, mlp, layers, vocabulary):
    yield "model.embed_tokens.weight", [vocabulary, width]
    yield "model.norm.weight", [width]
    for layer in range(layers):
        stem = f"model.layers.{layer}."
        for name in "qkvo":
            yield f"{stem}self_attn.{name}_proj.weight", [width, width]
        for name, shape in {"gate": [mlp, width], "up": [mlp, width], "down": [width, mlp]}.items():
            yield f"{stem}mlp.{name}_proj.weight", shape
        yield stem + "input_layernorm.weight", [width]
        yield stem + "post_attention_layernorm.weight", [width]


def write_llama(folder, width, mlp, layers, vocabulary=64):
    """Writes a checkpoint piece by piece, for Linux counts what this process holds at its
    largest as held by its children; returns the bytes of the weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="llama", hidden_size=width, intermediate_size=mlp, num_hidden_layers=layers,
        num_attention_heads=width // 32, num_key_value_heads=width // 32, vocab_size=vocabulary,
        max_position_embeddings=128, tie_word_embeddings=True)))
    header, end = {}, 0
    for name, shape in tensor_shapes(width, mlp, layers, vocabulary):
        begin, end = end, end + 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    block = struct.pack("<1024f", *(0.01 * (i % 7 - 3) for i in range(1024))) * 64
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for begin in range(0, end, len(block)):
            file.write(block[:end - begin])
    return end


def check_kernels(program, folder):
    counts = []
    for layers in (2, 12):
        write_llama(folder / f"layers-{layers}", 64, 96, layers)
        model, cache = folder / f"{layers}.lathe", folder / f"cache-{layers}"
        environment = {"LATHE_CACHE_DIR": str(cache)}
        program.run("compile", folder / f"layers-{layers}", "-o", model, env=environment)
        compiled = sorted(f.name for f in cache.rglob("*") if f.is_file())
        check(compiled, "compiled kernels are in the cache")
        stamps = [f.stat().st_mtime_ns for f in cache.rglob("*") if f.is_file()]
        program.run("compile", folder / f"layers-{layers}", "-o", model, env=environment)
        check(stamps == [f.stat().st_mtime_ns for f in cache.rglob("*") if f.is_file()],
              f"{layers} layers: a second compile takes every kernel from the cache")
        kernels = json.loads(program.run("inspect", model, "--json").stdout)["kernels"]
        counts.append((kernels, len(compiled)))
    check(counts[0] == counts[1], f"(kernels, compiled) of 2 and 12 layers: {counts}")
    print(f"2 and 12 layers: {counts[0][0]} kernels, {counts[0][1]} compiled, none from the cache again")


def peak_of(program, folder, name, flags):
    done = measure([str(program.lathe), "compile", str(folder / name), "-o", str(folder / "m.lathe"), *flags],
                   {**os.environ, "LATHE_CACHE_DIR": str(folder / "cache")}, timeout=300)
    check(done.exit == 0, f"compile: {done.text}")
    return done.peak


def check_memory(program, folder):
    weights = write_llama(folder / "large", 1024, 2816, 2)
    write_llama(folder / "small", 32, 32, 2)
    for flags in ([], ["--dtype", "bf16"], ["--weights", "f16"]):
        small, large = (peak_of(program, folder, name, flags) for name in ("small", "large"))
        print(f"{weights / MB:.0f} MB of weights {' '.join(flags)}: {large / MB:.0f} MB at the largest, "
              f"{small / MB:.0f} MB with hardly any")
        check(small <= 500 * MB, "too much memory for a small model")
        check(large <= 1.3 * weights + 500 * MB, "too much memory")
        # The mapped checkpoint counts, as it was read, and one parameter at a time: the
        # largest, gate and up as one, as it was and packed.
        check(large - small <= weights + 2 * (2 * 4 * 1024 * 2816), "memory for more than one parameter")


program = Program(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    check_kernels(program, pathlib.Path(folder))
    check_memory(program, pathlib.Path(folder))
