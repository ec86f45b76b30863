"""The peers' side of rows: a process for each engine, kept as long as rows with its threads go on."""

import json
import pathlib
import subprocess
import sys

from workers import Failure, Worker

FOLDER = pathlib.Path(__file__).resolve().parent / "peers"
MODULES = {"torch": "torch_peer", "onnxruntime": "onnxruntime_peer", "openvino": "openvino_peer",
           "llama.cpp": "llama_cpp_peer"}
PACKAGES = {"torch": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "llama.cpp": "llama-cpp-python"}
CALIBRATION = "64 x 64"  # Ids that int8 ranges are taken from.
OPEN_TIMEOUT = 900  # A compile or a quantisation, once.
SAMPLE_TIMEOUT = 300


class Peers:
    """Workers of the engines that were chosen."""

    def __init__(self, engines, models, folder):
        self.engines, self.models, self.folder = engines, models, folder
        self.workers = {}

    def open(self, peer, threads):
        """Readies a piece of work; returns what times and saves it."""
        if peer.engine not in self.engines:
            raise Failure("not chosen")
        work = self._with_paths(peer.work)
        worker = self._worker(peer.engine, threads)
        return PeerWork(worker, worker.ask(json.dumps({"open": work}), OPEN_TIMEOUT)["handle"])

    def close(self):
        for worker in self.workers.values():
            worker.close()
        self.workers = {}

    def quantise(self, source, target, kind):
        """Makes one GGUF file of another."""
        question = {"call": "quantise", "source": str(source), "target": str(target), "type": kind}
        self._worker("llama.cpp", 1).ask(json.dumps(question), OPEN_TIMEOUT)

    def _worker(self, engine, threads):
        worker = self.workers.get((engine, threads))
        if worker and worker.process.returncode is None:
            return worker
        environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
                       "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1",
                       # Compiles without helpers that would outlive a question.
                       "TORCHINDUCTOR_COMPILE_THREADS": "1",
                       "TORCHINDUCTOR_CACHE_DIR": str(self.folder / "inductor")}
        command = [sys.executable, FOLDER / "worker.py", MODULES[engine], threads]
        worker = self.workers[engine, threads] = Worker(command, self.folder / f"{MODULES[engine]}.log", environment)
        return worker

    def _with_paths(self, work):
        """`work` with files in place of names."""
        if work["kind"] in ("prompt", "text"):
            return {**work, "gguf": str(self.models.gguf(work["model"], self.quantise))}
        if work["kind"] != "minilm":
            return work
        return {**work, "model": str(self.models.source("minilm")), "ids": str(self.models.ids(work["ids"])),
                "onnx": str(self._exported()), "calibration": str(self.models.ids(CALIBRATION))}

    def _exported(self):
        """MiniLM as ONNX, exported by torch where it is not there yet."""
        path = self.folder / "minilm.onnx"
        if path.exists() or not self.engines & {"onnxruntime", "openvino"}:
            return path
        done = subprocess.run([sys.executable, FOLDER / "export.py", self.models.source("minilm"), path],
                              capture_output=True, text=True, timeout=OPEN_TIMEOUT)
        if done.returncode:
            raise Failure(f"export to ONNX: {(done.stderr.strip().splitlines() or ['no message'])[-1][:300]}")
        return path


class PeerWork:
    """A piece of work that a worker holds."""

    def __init__(self, worker, handle):
        self.worker, self.handle = worker, handle

    def times(self, budget):
        """Seconds of each time in about `budget` seconds."""
        return self.worker.ask(json.dumps({"time": self.handle, "for": budget}), SAMPLE_TIMEOUT)["seconds"]

    def save(self, path):
        self.worker.ask(json.dumps({"save": self.handle, "path": str(path)}), SAMPLE_TIMEOUT)

    def close(self):
        self.worker.ask(json.dumps({"close": self.handle}), SAMPLE_TIMEOUT)
