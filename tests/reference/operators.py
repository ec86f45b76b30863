"""Each op of the lathe dialect in NumPy float64, as its formula stands in
dialects/lathe/LatheOps.td. Shapes: T tokens, C channels, H heads, D head size.
"""

import math

import numpy as np

PAGE = 32  # positions that one page of a cache holds

erf = np.vectorize(math.erf, otypes=[np.float64])


def gather(table, indices, scale=1.0):
    return scale * table[indices]


def rms_norm(x, weight, epsilon, offset=0.0):
    mean = np.mean(x * x, axis=-1, keepdims=True)
    return x / np.sqrt(mean + epsilon) * (weight + offset)


def layer_norm(x, weight, bias, epsilon):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * weight + bias


def activation(kind, x):
    with np.errstate(over="ignore"):
        return {
            "gelu": lambda: x / 2 * (1 + erf(x / math.sqrt(2))),
            "gelu_tanh": lambda: x / 2
            * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
            "silu": lambda: x / (1 + np.exp(-x)),
            "relu": lambda: np.maximum(x, 0),
            "tanh": lambda: np.tanh(x),
            "quick_gelu": lambda: x / (1 + np.exp(-1.702 * x)),
        }[kind]()


def gated_activation(kind, x):
    half = x.shape[1] // 2
    return activation(kind, x[:, :half]) * x[:, half:]


def softcap(x, cap):
    return cap * np.tanh(x / cap)


def l2_normalize(x, epsilon):
    length = np.sqrt(np.sum(x * x, axis=-1, keepdims=True))
    return x / np.maximum(length, epsilon)


def pool(kind, x, sequences, count):
    result = np.zeros((count, x.shape[1]))
    for s in range(count):
        rows = x[sequences == s]
        if len(rows):
            result[s] = {
                "mean": lambda: rows.mean(axis=0),
                "first": lambda: rows[0],
                "last": lambda: rows[-1],
                "max": lambda: rows.max(axis=0),
            }[kind]()
    return result


def argmax(x):
    """The first of the largest of each row; a NaN is no number, and 0 stands for none."""
    return np.argmax(np.where(np.isnan(x), -np.inf, x), axis=-1)


def panel_argmax(x, columns=32):
    """The largest of each panel of a row, and the first place of it."""
    panels = np.split(x, np.arange(columns, x.shape[1], columns), axis=1)
    places = [argmax(panel) for panel in panels]
    values = [np.where(np.isnan(panel), -np.inf, panel).max(axis=1) for panel in panels]
    return np.stack(values, 1), np.stack(places, 1) + np.arange(len(panels)) * columns


def linear(x, weight, bias=None):
    result = x @ weight.T
    return result if bias is None else result + bias


def pack(weight, columns, depth):
    """The bytes of #lathe.packed, as elements, from a (N, K) weight."""
    rows, width = weight.shape
    blocks, steps = -(-rows // columns), -(-width // depth)
    padded = np.zeros((blocks * columns, steps * depth), weight.dtype)
    padded[:rows, :width] = weight
    return padded.reshape(blocks, columns, steps, depth).transpose(0, 2, 1, 3)


def quantize(x, group):
    """Signed bytes and f32 scales of rows cut into groups, by the formula of
    lathe.quantize, each operation in f32."""
    x = np.asarray(x, np.float32)
    groups = x.reshape(len(x), -1, group)
    most = np.abs(groups).max(-1, keepdims=True)
    scale = most / np.float32(127)
    with np.errstate(divide="ignore"):
        reciprocal = np.where(most < 2.0**-100, np.float32(0), np.float32(127) / most)
    quanta = np.rint(groups * reciprocal.astype(np.float32)).astype(np.int8)
    return quanta.reshape(x.shape), scale[..., 0]


def dequantize(quanta, scale):
    groups = quanta.reshape(*scale.shape, -1).astype(np.float32)
    return (scale[..., None] * groups).reshape(quanta.shape).astype(np.float64)


def quantized_rows(quanta, scale):
    """The bytes of dialects/lathe/QuantRows.h."""
    count, depth = quanta.shape
    group = depth // scale.shape[1]
    terms, kind = (16, np.int16) if group == 32 else (group, np.int32)
    sums = quanta.reshape(count, -1, terms).sum(-1, dtype=np.int32).astype(kind)
    padded = np.zeros((count, -(-depth // 64) * 64), np.int8)
    padded[:, :depth] = quanta
    parts = [padded, np.ascontiguousarray(scale, np.float32), sums]
    row = np.concatenate([part.view(np.uint8).reshape(count, -1) for part in parts], axis=1)
    return np.pad(row, ((0, 0), (0, -row.shape[1] % 64)))


def quantize_heads(x):
    """Quanta (..., D) and scales (...) of x (..., D), each last dimension by itself."""
    quanta, scale = quantize(x.reshape(-1, x.shape[-1]), x.shape[-1])
    return quanta.reshape(x.shape), scale.reshape(x.shape[:-1])


def quantized_pages(quanta, scale):
    """The bytes of dialects/lathe/QuantPages.h, of pages (P, H, ...) and scales (P, H, 32)."""
    start = scale.shape[:2] + (-1,)
    return np.concatenate([np.ascontiguousarray(quanta).view(np.uint8).reshape(start),
                           np.ascontiguousarray(scale, np.float32).view(np.uint8).reshape(start)], axis=2)


def rope_table(frequencies, positions, scale=1.0):
    angle = np.outer(np.arange(positions), frequencies).astype(np.float32)
    angle = angle.astype(np.float64)
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * scale


def rope(x, positions, table):
    half = table.shape[1] // 2
    cosine = table[positions, None, :half]
    sine = table[positions, None, half:]
    low, high = x[..., :half], x[..., half : 2 * half]
    return np.concatenate(
        [low * cosine - high * sine, high * cosine + low * sine, x[..., 2 * half :]],
        axis=-1,
    )


def _attend(query, keys, values, scale, cap):
    """One query (D) over keys and values (U, D)."""
    scores = keys @ query * scale
    if cap:
        scores = softcap(scores, cap)
    weights = np.exp(scores - scores.max())
    return weights @ values / weights.sum()


def attention(query, key, value, sequences, scale, causal=False, window=0, cap=0.0):
    result = np.zeros_like(query)
    group = query.shape[1] // key.shape[1]
    places = np.arange(len(sequences))
    for t in places:
        seen = sequences == sequences[t]
        if causal:
            seen &= places <= t
        if window:
            seen &= places > t - window
        for h in range(query.shape[1]):
            g = h // group
            result[t, h] = _attend(query[t, h], key[seen, g], value[seen, g], scale, cap)
    return result


def append(key, value, keys, values, positions, sequences, page_table):
    keys, values = keys.copy(), values.copy()
    for t, (p, s) in enumerate(zip(positions, sequences)):
        page = page_table[s, p // PAGE]
        keys[page, :, :, p % PAGE] = key[t]
        values[page, :, p % PAGE] = value[t]
    return keys, values


def cached_attention(
    query, keys, values, positions, sequences, page_table, scale, window=0, cap=0.0
):
    result = np.zeros_like(query)
    group = query.shape[1] // keys.shape[1]
    for t, (p, s) in enumerate(zip(positions, sequences)):
        seen = np.arange(max(0, p + 1 - window) if window else 0, p + 1)
        pages = page_table[s, seen // PAGE]
        for h in range(query.shape[1]):
            g = h // group
            k = keys[pages, g, :, seen % PAGE]
            v = values[pages, g, seen % PAGE]
            result[t, h] = _attend(query[t, h], k, v, scale, cap)
    return result
