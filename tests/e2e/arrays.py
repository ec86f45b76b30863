"""Reads and compares safetensors files with nothing but NumPy."""

import json
import struct

import numpy as np

DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32,
    "I16": np.int16, "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_,
}


def load(path, prefix=""):
    """Returns {name without prefix: array} of the tensors whose name begins with prefix."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__" or not name.startswith(prefix):
            continue
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "BF16":
            wide = np.frombuffer(data[begin:end], np.uint16).astype(np.uint32) << 16
            array = wide.view(np.float32)
        else:
            array = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        arrays[name[len(prefix):]] = array.reshape(entry["shape"])
    return arrays


def worst(got, expected, mask=None):
    """Largest |got - expected| over the largest |expected|; where mask is 0 nothing is compared.

    mask: (B, T), applied to arrays of shape (B, T, ...).
    """
    if got.shape != expected.shape:
        raise AssertionError(f"shape {got.shape}, expected {expected.shape}")
    if mask is not None and expected.ndim >= 2 and expected.shape[:2] == mask.shape:
        keep = mask.astype(bool)
        got, expected = got[keep], expected[keep]
    if not np.isfinite(got).all():
        return float("inf")
    difference = np.abs(got.astype(np.float64) - expected)
    return float(difference.max() / np.abs(expected).max())


def save(path, tensors):
    """Writes {name: array of int32, int64 or float32} as a safetensors file."""
    names = {np.dtype(np.int32): "I32", np.dtype(np.int64): "I64", np.dtype(np.float32): "F32"}
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
