"""PyTorch: a linear layer, attention, and MiniLM through transformers; eager, or compiled with frozen weights."""

import torch
import transformers

import tokens

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Embedder(torch.nn.Module):
    """A sentence encoder: the mean of the last hidden states over the mask, of length 1."""

    def __init__(self, folder):
        super().__init__()
        self.encoder = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, T, C)
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


def open_linear(work):
    dtype = DTYPES[work["dtype"]]
    x = torch.randn(work["tokens"], work["depth"], dtype=dtype)
    weight = torch.randn(work["columns"], work["depth"], dtype=dtype)
    return lambda: torch.nn.functional.linear(x, weight)


def open_attention(work):
    q, k, v = (torch.randn(1, work["heads"], work["tokens"], work["width"], dtype=DTYPES[work["dtype"]])
               for _ in range(3))
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=work["causal"])


def open_minilm(work):
    ids, mask = map(torch.from_numpy, tokens.padded(work["ids"]))
    model = Embedder(work["model"]).eval().to(DTYPES[work["dtype"]])
    if work.get("compiled"):
        # Constant weights are packed for the kernels that read them.
        torch._inductor.config.freezing = True
        model = torch.compile(model, dynamic=False)
    return lambda: model(ids, mask).float().numpy()


def prepare(work, threads):
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    run = {"linear": open_linear, "attention": open_attention, "minilm": open_minilm}[work["kind"]](work)
    if work["kind"] == "minilm":
        return run

    def once():
        run()

    return once
