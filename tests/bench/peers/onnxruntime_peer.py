"""ONNX Runtime: MiniLM in f32, or with weights and activations of matrices in int8 (dynamic, per channel)."""

import pathlib

import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

import tokens


def quantised(path):
    """The int8 model beside the f32 one at `path`, made where it is not there."""
    target = pathlib.Path(path).with_suffix(".ort-int8.onnx")
    if not target.exists():
        part = target.with_suffix(".part")
        quantize_dynamic(path, str(part), weight_type=QuantType.QInt8, per_channel=True)
        part.rename(target)
    return str(target)


def prepare(work, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    path = quantised(work["onnx"]) if work["dtype"] == "int8" else work["onnx"]
    runner = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ids, mask = tokens.padded(work["ids"])
    feed = {"input_ids": ids, "attention_mask": mask}
    return lambda: runner.run(None, feed)[0]
