"""Lathe beside PyTorch on the same work, in one run, interleaved.

    peers.py BUILD_DIRECTORY MINILM_DIRECTORY WORK_DIRECTORY [--rounds 5] [--threads 2]

Work: MiniLM on 32 x 128 and 1 x 16 tokens in f32, against PyTorch eager (transformers);
decoding with a llama of 110 M parameters (random f32 weights) against the bandwidth
that plain reads of the same mapped file reach in the same minutes. Prints a table and JSON. Needs torch and
transformers.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import arrays

parser = argparse.ArgumentParser()
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("minilm", type=pathlib.Path)
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
binaries = args.build / "bin"
args.work.mkdir(parents=True, exist_ok=True)


def output(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def make_llama(folder):
    """A llama of 12 layers, width 768, vocabulary 32000, tied head: 109.5 M parameters."""
    folder.mkdir(exist_ok=True)
    width, ffn, layers, vocabulary = 768, 2048, 12, 32000
    config = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=width,
                  intermediate_size=ffn, num_hidden_layers=layers, num_attention_heads=12,
                  num_key_value_heads=12, vocab_size=vocabulary, max_position_embeddings=1024,
                  rms_norm_eps=1e-5, rope_theta=10000.0, hidden_act="silu", tie_word_embeddings=True,
                  bos_token_id=1, eos_token_id=2, torch_dtype="float32")
    (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(0)
    draw = lambda *shape: (random.standard_normal(shape, np.float32) * 0.02)
    tensors = {"model.embed_tokens.weight": draw(vocabulary, width),
               "model.norm.weight": np.ones(width, np.float32)}
    for layer in range(layers):
        stem = f"model.layers.{layer}."
        for name in "qkvo":
            tensors[f"{stem}self_attn.{name}_proj.weight"] = draw(width, width)
        tensors[stem + "mlp.gate_proj.weight"] = draw(ffn, width)
        tensors[stem + "mlp.up_proj.weight"] = draw(ffn, width)
        tensors[stem + "mlp.down_proj.weight"] = draw(width, ffn)
        tensors[stem + "input_layernorm.weight"] = np.ones(width, np.float32)
        tensors[stem + "post_attention_layernorm.weight"] = np.ones(width, np.float32)
    arrays.save(folder / "model.safetensors", tensors)
    return sum(t.nbytes for t in tensors.values())


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


torch.set_num_threads(args.threads)
torch.set_grad_enabled(False)
minilm = args.work / "minilm.lathe"
output(binaries / "lathe", "compile", args.minilm, "-o", minilm)
llama = args.work / "llama110m.lathe"
weight_bytes = make_llama(args.work / "llama110m")
output(binaries / "lathe", "compile", args.work / "llama110m", "-o", llama)
peer = transformers.AutoModel.from_pretrained(args.minilm, dtype=torch.float32).eval()

results = {}
for rows, tokens, repetitions in ((32, 128, 2), (1, 16, 50)):
    ids = torch.randint(1000, 30000, (rows, tokens))
    ours, theirs = [], []
    peer(ids)
    for _ in range(args.rounds):
        begin = time.perf_counter()
        for _ in range(repetitions):
            peer(ids)
        theirs.append((time.perf_counter() - begin) / repetitions * 1e3)
        ours.append(statistics.median(json.loads(output(
            binaries / "bench-forward", minilm, "forward", rows, tokens, repetitions, args.threads))))
    results[f"minilm {rows}x{tokens} f32"] = {
        "lathe_ms": spread(ours), "torch_ms": spread(theirs),
        "ratio": statistics.median(t / o for t, o in zip(theirs, ours))}

shares, rates, bandwidths = [], [], []
for _ in range(args.rounds):
    limits = json.loads(output(binaries / "bench-machine", args.threads, llama))
    done = json.loads(output(binaries / "lathe", "generate", llama, "--prompt-ids", "1,5,7", "-n", 64,
                             "--ignore-eos", "--json", "-t", args.threads))
    rate = done["decode_tokens"] / done["decode_seconds"]
    rates.append(rate)
    bandwidths.append(limits["read_gb_s"])
    shares.append(rate * weight_bytes / limits["read_gb_s"] / 1e9)
results["llama 110M f32 decode"] = {
    "tokens_per_s": spread(rates), "bandwidth_gb_s": spread(bandwidths), "ratio": statistics.median(shares)}
results["machine"] = json.loads(output(binaries / "bench-machine", args.threads))

for name, figures in results.items():
    print(f"{name:28} {json.dumps(figures)}", file=sys.stderr)
print(json.dumps({"schema": "lathe.bench.v1", "threads": args.threads, "torch": torch.__version__,
                  "results": results}))
