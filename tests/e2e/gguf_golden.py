"""Golden checkpoints, put as GGUF files, compute what the reference computes.

    gguf_golden.py BUILD_DIRECTORY

Covers what tests/data/gguf has no model for: qwen3, kinds of rope, a head of its own or
tied, heads whose sizes do not make up the hidden size. The bound is that of golden.py.
"""

import json
import math
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import ROOT, Program, check

sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import gguf_file

program = Program(sys.argv[1])
CASES = ["llama-gqa", "llama-linear-rope-tied", "llama3-rope-bf16", "qwen2", "qwen3"]

TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
BLOCK = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm"}


def name_of(name):
    stem, suffix = name.rsplit(".", 1)
    if stem in TOP:
        return f"{TOP[stem]}.{suffix}"
    _, _, number, part = stem.split(".", 3)
    return f"blk.{number}.{BLOCK[part]}.{suffix}"


def interleave(weight, heads):
    """The rows of each head in the order that GGUF's llama has: 0, D/2, 1, D/2 + 1, …"""
    halves = weight.reshape(heads, 2, -1, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(weight.shape)


def llama3_factors(config, rope, size):
    """By what llama 3.1 divides each frequency; the formula of its rope scaling."""
    base = config.get("rope_theta") or rope["rope_theta"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    original = rope["original_max_position_embeddings"]
    for i in range(0, size, 2):
        wavelength = 2 * math.pi * base ** (i / size)
        smooth = (original / wavelength - low) / (high - low)
        smooth = min(max(smooth, 0.0), 1.0)
        yield 1 / ((1 - smooth) / rope["factor"] + smooth)


def metadata(config, tensors):
    family = config["model_type"]
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    head_size = config.get("head_dim") or hidden // heads
    values = {
        "context_length": ("u32", config["max_position_embeddings"]),
        "embedding_length": ("u32", hidden), "block_count": ("u32", config["num_hidden_layers"]),
        "feed_forward_length": ("u32", config["intermediate_size"]),
        "attention.head_count": ("u32", heads),
        "attention.head_count_kv": ("u32", config.get("num_key_value_heads") or heads),
        "attention.key_length": ("u32", head_size), "attention.value_length": ("u32", head_size),
        "attention.layer_norm_rms_epsilon": ("f32", config["rms_norm_eps"]),
        "rope.freq_base": ("f32", config.get("rope_theta") or rope.get("rope_theta", 10000.0))}
    kind = rope.get("rope_type") or rope.get("type", "default")
    if kind == "linear":
        values["rope.scaling.type"] = ("string", kind)
        values["rope.scaling.factor"] = ("f32", rope["factor"])
    if kind == "llama3":
        factors = np.array(list(llama3_factors(config, rope, head_size)), np.float32)
        tensors["rope_freqs.weight"] = factors
    values = {f"{family}.{key}": value for key, value in values.items()}
    return {"general.architecture": ("string", family)} | values


def convert(case):
    config = json.loads((case / "config.json").read_text())
    tensors = {}
    for file in sorted(case.glob("model*.safetensors")):
        for name, weight in arrays.load(file).items():
            part = name.split(".")[-2]
            heads = {"q_proj": config["num_attention_heads"],
                     "k_proj": config.get("num_key_value_heads", 0)}.get(part)
            if heads and config["model_type"] == "llama":
                weight = interleave(weight, heads)
            tensors[name_of(name)] = np.ascontiguousarray(weight, np.float32)
    if config.get("tie_word_embeddings"):
        tensors.pop("output.weight", None)
    pairs = [gguf_file.pair(key, *value) for key, value in metadata(config, tensors).items()]
    heads, data = [], b""
    for name, weight in tensors.items():
        heads.append(gguf_file.tensor(name, weight.shape[::-1], gguf_file.F32, len(data)))
        data += gguf_file.padded(weight.tobytes())
    return gguf_file.gguf(pairs, heads, data)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for name in CASES:
        case = ROOT / "tests" / "data" / "golden" / name
        (folder / "m.gguf").write_bytes(convert(case))
        program.run("compile", folder / "m.gguf", "-o", folder / "m.lathe")
        golden = case / "golden.safetensors"
        program.run("run", folder / "m.lathe", "forward", "-i", f"{golden}:single.", "-o", folder / "out.safetensors")
        got = arrays.load(folder / "out.safetensors")["logits"]
        error = arrays.worst(got, arrays.load(golden)["single.logits"])
        print(f"{name}: {error:.2e}")
        check(error <= 2e-4, f"{name}: off by {error:.2e} of the largest logit, bound 2e-4")
