"""all-MiniLM-L6-v2 gives the reference's vectors and ranks sentence pairs as it does.

    minilm.py BUILD_DIRECTORY MODEL_DIRECTORY

Bounds: cosine >= 0.99999 to each of the 25 reference vectors; Spearman x 100 on the
open part of the STS benchmark within 0.05 of PyTorch's.
"""

import json
import pathlib
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program, source = Program(sys.argv[1]), sys.argv[2]
data = ROOT / "tests" / "data" / "minilm"


def ranks(values):
    """Ranks from 1, the mean rank among equals."""
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    result = np.empty(len(values))
    result[order] = np.arange(1, len(values) + 1)
    sums = np.bincount(inverse, weights=result)
    return (sums / counts)[inverse]


def spearman(a, b):
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1]) * 100


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "minilm.lathe"
    begin = time.monotonic()
    program.run("compile", source, "-o", model)
    print(f"compiled in {time.monotonic() - begin:.2f} s")

    def embed(sentences):
        (folder / "lines.txt").write_text("".join(s + "\n" for s in sentences))
        program.run("embed", model, "-f", folder / "lines.txt", "-o", folder / "out.npy")
        return np.load(folder / "out.npy")

    sentences = json.loads((data / "minilm-sentences.json").read_text())["sentences"]
    expected = np.load(data / "minilm-embeddings.npy")
    lines = [i for i, s in enumerate(sentences) if "\n" not in s and "\r" not in s]
    got = embed([sentences[i] for i in lines])
    cosine = (got * expected[lines]).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(expected[lines], axis=1)
    print(f"smallest cosine of {len(lines)} sentences: {cosine.min():.8f}")
    check(cosine.min() >= 0.99999, f"cosine {cosine}")

    for part, reference in (("dev", 87.57972), ("test", 82.38748)):
        rows = [line.split("\t") for line in (data / f"sts-{part}-open.tsv").read_text().splitlines()]
        begin = time.monotonic()
        vectors = embed([r[1] for r in rows] + [r[2] for r in rows])
        seconds = time.monotonic() - begin
        similarity = (vectors[:len(rows)] * vectors[len(rows):]).sum(1)
        score = spearman(similarity, [float(r[0]) for r in rows])
        print(f"STS-B {part} (open part, {len(rows)} pairs): {score:.3f}, reference {reference:.3f}, {seconds:.1f} s")
        check(abs(score - reference) <= 0.05, f"STS-B {part}: {score}")
