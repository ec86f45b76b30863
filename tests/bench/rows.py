"""What is measured: a table of rows, each a piece of work for Lathe and its peers.

To add a row, add it to the list of its group; all else (compiling, asking, reporting) follows from its fields.
Operations count a multiply and an add as two.
"""

import dataclasses

# Flags of `lathe compile` for each precision.
FLAGS = {
    "f32": ("--dtype", "f32"),
    "bf16": ("--dtype", "bf16"),
    # A scale for each row of weights, and for each token.
    "q8": ("--weights", "q8", "--activations", "q8"),
    "q4": ("--weights", "q4", "--activations", "q8"),
}
# The limit of arithmetic that each is held against.
ARITHMETIC = {"f32": "f32", "bf16": "bf16", "q8": "int8", "q4": "int8"}


@dataclasses.dataclass(frozen=True)
class Peer:
    """One engine on the same work. `work` is what its module in peers/ is told, with paths by name of a model."""
    engine: str
    label: str
    work: dict


@dataclasses.dataclass(frozen=True)
class Target:
    """What is aimed at: at least so many times the best peer's speed, or 85% of the limit; and such a share of the limit;
    outputs with such a cosine to those of f32."""
    ratio: float = None
    share: float = None
    cosine: float = None


@dataclasses.dataclass(frozen=True)
class Row:
    group: str
    name: str
    model: str       # A name of models.py.
    flags: tuple     # Of `lathe compile`.
    work: tuple      # Of bench-lathe, behind the threads.
    unit: str        # "ms", or what `amount` counts.
    amount: float    # Of one time; 1 where the unit is ms.
    # {limit of arithmetic: operations of one time, or a function that gives them for the lengths of sequences}
    operations: dict = dataclasses.field(default_factory=dict)
    reads: float = 0  # How often one time reads all weights from the mapped file.
    peers: tuple = ()
    target: Target = Target()
    reference: bool = False  # Outputs are compared with those of f32.
    quick: bool = False      # Part of `--quick`.


@dataclasses.dataclass(frozen=True)
class Llama:
    """The shape of a llama."""
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    vocabulary: int
    tied: bool

    def layer_parameters(self):
        """Elements of the matrices of all layers."""
        kv = self.hidden // self.heads * self.kv_heads
        return self.layers * self.hidden * (2 * self.hidden + 2 * kv + 3 * self.ffn)

    def prompt_operations(self, tokens):
        """Of a prompt from an empty cache: layers on all tokens, causal attention, logits of the last one."""
        attention = 2 * tokens * (tokens + 1) * self.hidden * self.layers
        return 2 * tokens * self.layer_parameters() + attention + 2 * self.hidden * self.vocabulary

    def step_operations(self, sequences):
        """Of one token of each sequence, near the beginning of its cache."""
        return 2 * sequences * (self.layer_parameters() + self.hidden * self.vocabulary)


LLAMA_110M = Llama(768, 12, 12, 12, 2048, 32000, True)
LLAMA_1B = Llama(2048, 22, 32, 4, 5632, 32000, False)
SMOLLM2 = Llama(576, 30, 9, 3, 1536, 49152, True)
MINILM_LAYERS, MINILM_WIDTH, MINILM_FFN = 6, 384, 1536

LINEAR_ROWS = (128, 512, 2048)
LINEAR_SHAPES = ((768, 768), (3072, 768), (2048, 2048), (5632, 2048))
ATTENTION_HEADS, ATTENTION_WIDTH = 12, 64
# Precision of Lathe, and the GGUF type that says the same.
GGUF_TYPES = {"f32": "F32", "bf16": "BF16", "q8": "Q8_0", "q4": "Q4_0"}
# Shares of the limit of arithmetic, or of reading the weights.
LINEAR_TARGETS = {"f32": 0.92, "bf16": 0.90, "q8": 0.85, "q4": 0.50}
PROMPT_TARGETS = {"f32": Target(share=0.80), "bf16": Target(share=0.72), "q8": Target(share=0.55),
                  "q4": Target(ratio=1.6)}
DECODE_TARGETS = {"f32": Target(ratio=1.0, share=0.92), "bf16": Target(ratio=1.0, share=0.92),
                  "q8": Target(ratio=1.0, share=0.86), "q4": Target(ratio=1.15, share=0.82)}


def linear_rows():
    """One linear layer, its kernel alone: without what rounds or quantises the input before it."""
    for precision, label in (("f32", "f32"), ("bf16", "bf16"), ("q8", "int8 per channel and token"),
                             ("q4", "int4 group 32, q8 activations")):
        for columns, depth in LINEAR_SHAPES:
            for tokens in LINEAR_ROWS:
                operations = 2 * tokens * columns * depth
                peers = ()
                if precision in ("f32", "bf16"):
                    peers = (Peer("torch", "torch eager", {"kind": "linear", "tokens": tokens, "columns": columns,
                                                           "depth": depth, "dtype": precision}),)
                yield Row("linear", f"linear {tokens} x {columns} x {depth}, {label}", f"linear-{columns}x{depth}",
                          FLAGS[precision], ("kernel", "linear", f"1x{tokens}"), "GFLOP/s", operations / 1e9,
                          {ARITHMETIC[precision]: operations}, peers=peers, target=Target(share=LINEAR_TARGETS[precision]),
                          quick=(columns, depth, tokens) == (3072, 768, 512))


def attention_rows():
    """Attention of one sequence, 12 heads of 64."""
    for precision in ("f32", "bf16"):
        for tokens in (512, 4096):
            for causal in (False, True):
                pairs = tokens * (tokens + 1) // 2 if causal else tokens * tokens
                kind = "causal" if causal else "full"
                shape = f"{tokens} x {ATTENTION_HEADS} x {ATTENTION_WIDTH}"
                work = {"kind": "attention", "tokens": tokens, "heads": ATTENTION_HEADS, "width": ATTENTION_WIDTH,
                        "causal": causal, "dtype": precision}
                yield Row("attention", f"attention {kind} {shape}, {precision}",
                          f"attention-{kind}-{precision}", FLAGS[precision], ("entry", "attention", f"1x{tokens}"),
                          "ms", 1, {ARITHMETIC[precision]: 4 * pairs * ATTENTION_HEADS * ATTENTION_WIDTH},
                          peers=(Peer("torch", "torch eager", work),),
                          target=Target(ratio=1.3 if tokens == 512 else 2.0), quick=tokens == 512)


def llama_peer(model, kind, tokens, sequences=1):
    return (Peer("llama.cpp", "llama.cpp", {"kind": kind, "model": model, "tokens": tokens, "sequences": sequences}),)


def llama_1b_rows():
    for precision, gguf in GGUF_TYPES.items():
        yield Row("llama 1.1B", f"llama 1.1B prompt 512, {precision}", "llama-1.1b", FLAGS[precision],
                  ("prompt", "512", "1"), "tokens/s", 512,
                  {ARITHMETIC[precision]: LLAMA_1B.prompt_operations(512)},
                  peers=llama_peer(f"llama-1.1b-{gguf}", "prompt", 512), target=PROMPT_TARGETS[precision])
    for precision, gguf in GGUF_TYPES.items():
        yield Row("llama 1.1B", f"llama 1.1B decode 16, {precision}", "llama-1.1b", FLAGS[precision],
                  ("text", "16", "1"), "tokens/s", 16, reads=16,
                  peers=llama_peer(f"llama-1.1b-{gguf}", "text", 16), target=DECODE_TARGETS[precision])


def llama_110m_rows():
    for precision in ("f32", "q8", "q4"):
        for sequences in (1, 8):
            operations = {ARITHMETIC[precision]: 64 * LLAMA_110M.step_operations(sequences)} if sequences > 1 else {}
            times = "" if sequences == 1 else f" x {sequences} sequences"
            ratio = 1.5 if sequences > 1 else {"f32": 1.0, "q8": 1.3, "q4": 1.4}[precision]
            yield Row("llama 110M", f"llama 110M decode 64{times}, {precision}", "llama-110m", FLAGS[precision],
                      ("text", "64", str(sequences)), "tokens/s", 64 * sequences, operations, reads=64,
                      peers=llama_peer(f"llama-110m-{GGUF_TYPES[precision]}", "text", 64, sequences),
                      target=Target(ratio=ratio),
                      quick=True)


def smollm2_rows():
    """From its own file, whose weights have 4 bits; llama.cpp rounds activations to 8 bits too."""
    for label, flags, limit, prompt, text in (("q8 activations", ("--activations", "q8"), "int8", 1.6, 1.3),
                                              ("f32 activations", (), "f32", 1.0, 1.0)):
        yield Row("SmolLM2-135M", f"SmolLM2-135M Q4_1 prompt 512, {label}", "smollm2", flags, ("prompt", "512", "1"),
                  "tokens/s", 512, {limit: SMOLLM2.prompt_operations(512)},
                  peers=llama_peer("smollm2", "prompt", 512), target=Target(ratio=prompt), quick=True)
        yield Row("SmolLM2-135M", f"SmolLM2-135M Q4_1 decode 128, {label}", "smollm2", flags, ("text", "128", "1"),
                  "tokens/s", 128, reads=128, peers=llama_peer("smollm2", "text", 128), target=Target(ratio=text), quick=True)


def minilm_operations(lengths):
    """Of the encoder on sequences of these lengths, without padding."""
    matrices = MINILM_LAYERS * MINILM_WIDTH * (4 * MINILM_WIDTH + 2 * MINILM_FFN)
    return sum(2 * t * matrices + 4 * t * t * MINILM_WIDTH * MINILM_LAYERS for t in lengths)


# For each precision: engine, label, what the engine is told beside the tokens.
MINILM_PEERS = {
    "f32": (("torch", "torch eager", {"dtype": "f32"}), ("torch", "torch compiled", {"dtype": "f32", "compiled": True}),
            ("onnxruntime", "onnxruntime", {"dtype": "f32"}), ("openvino", "openvino", {"dtype": "f32"})),
    "bf16": (("torch", "torch eager", {"dtype": "bf16"}),
             ("torch", "torch compiled", {"dtype": "bf16", "compiled": True}),
             ("openvino", "openvino", {"dtype": "bf16"})),
    "q8": (("onnxruntime", "onnxruntime int8", {"dtype": "int8"}),
           ("openvino", "openvino NNCF int8", {"dtype": "int8"}),
           ("openvino", "openvino NNCF int8, rest bf16", {"dtype": "int8", "rest": "bf16"})),
}


def minilm_rows():
    for ids in ("1 x 16", "1 x 128", "32 x 128", "32 sentences"):
        for precision, peers in MINILM_PEERS.items():
            label = {"q8": "int8 weights and activations"}.get(precision, precision)
            ratio = {"1 x 16": 1.4, "32 sentences": 1.5}.get(ids, 1.12 if precision == "f32" else 1.2)
            # Its attention is bf16 beside integers, as that of OpenVINO's fastest is.
            flags = (*FLAGS[precision], *(FLAGS["bf16"] if precision == "q8" else ()))
            yield Row("MiniLM", f"MiniLM {ids}, {label}", "minilm", flags, ("entry", "embed", ids),
                      "ms", 1, {ARITHMETIC[precision]: minilm_operations},
                      peers=tuple(Peer(engine, label, {"kind": "minilm", "ids": ids, **work})
                                  for engine, label, work in peers),
                      target=Target(ratio=ratio, cosine=0.995 if precision == "q8" and ids.endswith("x 128") else None),
                      reference=True, quick=ids != "32 x 128")


@dataclasses.dataclass(frozen=True)
class Memory:
    """A model whose `lathe bench` is held against its weights, cache and arena, by peak resident memory."""
    name: str
    model: str
    flags: tuple
    quick: bool = False


MEMORY = (
    Memory("memory, llama 110M, f32", "llama-110m", FLAGS["f32"], quick=True),
    Memory("memory, llama 110M, q4", "llama-110m", FLAGS["q4"], quick=True),
    Memory("memory, SmolLM2-135M Q4_1", "smollm2", (), quick=True),
    Memory("memory, llama 1.1B, q4", "llama-1.1b", FLAGS["q4"]),
)


def all_rows():
    return [*linear_rows(), *attention_rows(), *llama_1b_rows(), *llama_110m_rows(), *smollm2_rows(),
            *minilm_rows()]
