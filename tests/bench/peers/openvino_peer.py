"""OpenVINO: MiniLM in f32, in bf16, or in int8 as NNCF quantises it after training on real sentences."""

import pathlib

import numpy as np
import openvino

import tokens


def quantised(path, calibration):
    """The int8 model beside the f32 one at `path`, made where it is not there."""
    target = pathlib.Path(path).with_suffix(".nncf-int8.xml")
    if target.exists():
        return str(target)
    import nncf

    ids, mask = tokens.padded(calibration)
    samples = [{"input_ids": ids[i:i + 1, :n], "attention_mask": mask[i:i + 1, :n]}
               for i, n in enumerate(mask.sum(1))]
    model = nncf.quantize(openvino.Core().read_model(path), nncf.Dataset(samples), subset_size=len(samples),
                          model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(model, str(target), compress_to_fp16=False)
    return str(target)


def prepare(work, threads):
    core = openvino.Core()
    int8 = work["dtype"] == "int8"
    model = core.read_model(quantised(work["onnx"], work["calibration"]) if int8 else work["onnx"])
    ids, mask = tokens.padded(work["ids"])
    model.reshape({"input_ids": list(ids.shape), "attention_mask": list(ids.shape)})
    rest = work.get("rest", "f32") if int8 else work["dtype"]
    compiled = core.compile_model(model, "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": rest})
    request = compiled.create_infer_request()
    feed = {0: ids, 1: mask}
    return lambda: np.array(request.infer(feed, share_inputs=True, share_outputs=True)[0])
