"""The files that rows are measured on, made under one folder where they are not there yet: modules of one op,
llamas of random weights as checkpoints and as GGUF, token ids of real text. Published models are fetched.
"""

import json
import pathlib
import re
import subprocess

import numpy as np

import rows
from workers import Failure

ROOT = pathlib.Path(__file__).resolve().parents[2]

LLAMAS = {"llama-110m": rows.LLAMA_110M, "llama-1.1b": rows.LLAMA_1B}
CONTEXT = 2048
SENTENCES, MOST_TOKENS = 32, 128
DYNAMIC = '#lathe.dims<"tokens">'


def output(command, lines=""):
    """What a program prints when it is given `lines`."""
    done = subprocess.run([str(word) for word in command], input=lines, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{command[0]}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def fetch(script):
    """The path that scripts/fetch-… prints."""
    return ROOT / output([ROOT / "scripts" / script]).strip()


class Models:
    """Files of models by name, in `folder`."""

    def __init__(self, folder, lathe):
        self.folder, self.lathe = folder, lathe
        folder.mkdir(parents=True, exist_ok=True)

    def source(self, name):
        """What `lathe compile` is given for model `name`."""
        if name == "minilm":
            return fetch("fetch-minilm")
        if name == "smollm2":
            return fetch("fetch-smollm2")
        if name in LLAMAS:
            return make_llama(self.folder / name, LLAMAS[name])
        kind, shape = name.split("-", 1)
        path = self.folder / f"{name}.mlir"
        makers = {"linear": linear_module, "norm": norm_module, "chain": chain_module, "attention": attention_module}
        text, tensors = makers[kind](name, shape)
        path.write_text(text)
        if tensors:
            write_tensors(path.with_suffix(".safetensors"), tensors, tensors["w"][-1] ** -0.5)
        return path

    def gguf(self, name, quantise):
        """The GGUF file `MODEL-TYPE`. `quantise(source, target, type)` makes one of another."""
        if name == "smollm2":
            return self.source(name)
        path = self.folder / f"{name}.gguf"
        if path.exists():
            return path
        model, kind = name.rsplit("-", 1)
        part = path.with_suffix(".part")
        if kind == "F32":
            write_gguf(self.source(model), part, LLAMAS[model])
        else:
            quantise(self.gguf(f"{model}-F32", quantise), part, kind)
        part.rename(path)
        return path

    def ids(self, name):
        """A file of MiniLM's token ids, a line a sequence: `ROWS x TOKENS`, or `32 sentences`."""
        path = self.folder / f"ids-{name.replace(' ', '-')}.txt"
        if path.exists():
            return path
        text = (ROOT / "tests/data/text/pride-and-prejudice.txt").read_text()
        sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if s.strip()]
        if name == "32 sentences":
            some = sentences[100::len(sentences) // SENTENCES][:SENTENCES]
            found = [ids if len(ids) <= MOST_TOKENS else ids[:MOST_TOKENS - 1] + ids[-1:]
                     for ids in self._tokenize(some, "--special")]
        else:
            count, tokens = map(int, name.split(" x "))
            first, last = self._tokenize([""], "--special")[0]
            # Two ids a word and less, so many sentences are more than enough.
            stream = sum(self._tokenize(sentences[100:100 + count * tokens]), [])
            inner = tokens - 2
            found = [[first, *stream[i * inner:(i + 1) * inner], last] for i in range(count)]
        path.write_text("".join(" ".join(map(str, ids)) + "\n" for ids in found))
        return path

    def lengths(self, name):
        """Tokens of each sequence of the ids `name`."""
        return [len(line.split()) for line in self.ids(name).read_text().splitlines()]

    def _tokenize(self, texts, *flags):
        lines = "".join(json.dumps(text) + "\n" for text in texts)
        done = output([self.lathe, "tokenize", self.source("minilm"), "--jsonl", *flags], lines)
        return [json.loads(line) for line in done.splitlines()]


# Makers of modules: the text, and {name: dimensions} of the tensors that it reads.


def linear_module(name, shape):
    """One linear layer on a dynamic number of rows."""
    columns, depth = map(int, shape.split("x"))
    weight = f"tensor<{columns}x{depth}xf32>"
    source, result = (f"tensor<?x{size}xf32, {DYNAMIC}>" for size in (depth, columns))
    return f"""lathe.symbol @tokens in [1, {max(rows.LINEAR_ROWS)}]
lathe.parameter @w : {weight} from "{name}.safetensors" key "w"
func.func @linear(%x: {source} {{lathe.name = "x"}}) -> ({result} {{lathe.name = "y"}}) attributes {{lathe.entry}} {{
  %w = lathe.get @w : {weight}
  %y = lathe.linear %x, %w : {source}, {weight} -> {result}
  return %y : {result}
}}
""", {"w": (columns, depth)}


def norm_module(name, shape):
    """The norm of each row of `shape` columns."""
    weight, row = f"tensor<{shape}xf32>", f"tensor<?x{shape}xf32, {DYNAMIC}>"
    return f"""lathe.symbol @tokens in [1, {max(rows.LINEAR_ROWS)}]
lathe.parameter @w : {weight} from "{name}.safetensors" key "w"
func.func @norm(%x: {row} {{lathe.name = "x"}}) -> ({row} {{lathe.name = "y"}}) attributes {{lathe.entry}} {{
  %w = lathe.get @w : {weight}
  %y = lathe.rms_norm %x, %w eps 1.0e-5 : {row}, {weight}
  return %y : {row}
}}
""", {"w": (int(shape),)}


def chain_module(name, shape):
    """Linear layers one after the other, all of one small weight; `shape`: layers and columns."""
    layers, columns = map(int, shape.split("x"))
    weight, row = f"tensor<{columns}x{columns}xf32>", f"tensor<?x{columns}xf32, {DYNAMIC}>"
    body = "\n".join(f"  %{i + 1} = lathe.linear %{i}, %w : {row}, {weight} -> {row}" for i in range(layers))
    return f"""lathe.symbol @tokens in [1, {max(rows.LINEAR_ROWS)}]
lathe.parameter @w : {weight} from "{name}.safetensors" key "w"
func.func @chain(%0: {row} {{lathe.name = "x"}}) -> ({row} {{lathe.name = "y"}}) attributes {{lathe.entry}} {{
  %w = lathe.get @w : {weight}
{body}
  return %{layers} : {row}
}}
""", {"w": (columns, columns)}


def attention_module(_, shape):
    """Attention of a dynamic number of tokens; `shape`: causal-f32 and the like."""
    kind, element = shape.split("-")
    heads = f"tensor<?x{rows.ATTENTION_HEADS}x{rows.ATTENTION_WIDTH}x{element}, {DYNAMIC}>"
    indices = f"tensor<?xi32, {DYNAMIC}>"
    inputs = ", ".join(f'%{name[0]}: {heads} {{lathe.name = "{name}"}}' for name in ("query", "key", "value"))
    causal = " causal" if kind == "causal" else ""
    return f"""lathe.symbol @tokens in [1, 4096]
func.func @attention({inputs}, %s: {indices} {{lathe.name = "sequences", lathe.limit_symbol = "tokens"}})
    -> ({heads} {{lathe.name = "y"}}) attributes {{lathe.entry}} {{
  %y = lathe.attention %q, %k, %v by %s scale {rows.ATTENTION_WIDTH ** -0.5}{causal} : {heads}, {heads}, {indices}
  return %y : {heads}
}}
""", {}


def llama_tensors(shape):
    """{name: dimensions} of a llama's checkpoint, (outputs, inputs) for matrices."""
    kv = shape.hidden // shape.heads * shape.kv_heads
    tensors = {"model.embed_tokens.weight": (shape.vocabulary, shape.hidden)}
    for layer in range(shape.layers):
        stem = f"model.layers.{layer}."
        for name, outputs in (("q", shape.hidden), ("k", kv), ("v", kv), ("o", shape.hidden)):
            tensors[f"{stem}self_attn.{name}_proj.weight"] = (outputs, shape.hidden)
        tensors[f"{stem}mlp.gate_proj.weight"] = (shape.ffn, shape.hidden)
        tensors[f"{stem}mlp.up_proj.weight"] = (shape.ffn, shape.hidden)
        tensors[f"{stem}mlp.down_proj.weight"] = (shape.hidden, shape.ffn)
        tensors[f"{stem}input_layernorm.weight"] = (shape.hidden,)
        tensors[f"{stem}post_attention_layernorm.weight"] = (shape.hidden,)
    tensors["model.norm.weight"] = (shape.hidden,)
    if not shape.tied:
        tensors["lm_head.weight"] = (shape.vocabulary, shape.hidden)
    return tensors


def make_llama(folder, shape):
    """A checkpoint folder with random weights of deviation 0.02; norms are 1."""
    config = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=shape.hidden,
                  intermediate_size=shape.ffn, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
                  num_key_value_heads=shape.kv_heads, vocab_size=shape.vocabulary, max_position_embeddings=CONTEXT,
                  rms_norm_eps=1e-5, rope_theta=10000.0, hidden_act="silu", tie_word_embeddings=shape.tied,
                  bos_token_id=1, eos_token_id=2, torch_dtype="float32")
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    write_tensors(folder / "model.safetensors", llama_tensors(shape), 0.02)
    return folder


def write_tensors(path, tensors, deviation):
    """Writes {name: dimensions} of random f32, one tensor after the other, where there is no such file yet."""
    if path.exists():
        return
    header, end = {}, 0
    for name, dims in tensors.items():
        begin, end = end, end + 4 * int(np.prod(dims))
        header[name] = {"dtype": "F32", "shape": list(dims), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(0)
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for dims in tensors.values():
            if len(dims) == 1:
                file.write(np.ones(dims, np.float32))
            else:
                file.write(random.standard_normal(dims, np.float32) * np.float32(deviation))
    part.rename(path)


def read_tensors(path):
    """Yields name and array of what write_tensors wrote, without reading all of it."""
    data = np.memmap(path, np.uint8, "r")
    start = 8 + int(data[:8].view("<u8")[0])
    for name, entry in json.loads(bytes(data[8:start])).items():
        begin, end = entry["data_offsets"]
        yield name, data[start + begin:start + end].view(np.float32).reshape(entry["shape"])


# GGUF's names of a layer's tensors.
GGUF_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
              "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
GGUF_OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
              "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in GGUF_OUTER:
        return GGUF_OUTER[name]
    _, _, layer, *rest, _ = name.split(".")
    return f"blk.{layer}.{GGUF_NAMES['.'.join(rest)]}.weight"


def interleave(weight, heads):
    """Rows of a q or k matrix in GGUF's order: halves of a head, which rope pairs, become neighbours."""
    outputs, inputs = weight.shape
    return weight.reshape(heads, 2, outputs // heads // 2, inputs).swapaxes(1, 2).reshape(outputs, inputs)


def write_gguf(folder, path, shape):
    """The checkpoint of `folder` as one GGUF file of f32, with a made-up vocabulary."""
    try:
        import gguf
    except ImportError:
        raise Failure("the package gguf, which writes llama.cpp's files, is not installed") from None

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.hidden // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    # Unknown, begin, end; the bytes; words.
    words = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    words += [b"w%d" % i for i in range(shape.vocabulary - len(words))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (shape.vocabulary - 259)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words)
    writer.add_token_scores([0.0] * len(words))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, tensor in read_tensors(folder / "model.safetensors"):
        if ".q_proj." in name:
            tensor = interleave(tensor, shape.heads)
        if ".k_proj." in name:
            tensor = interleave(tensor, shape.kv_heads)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
