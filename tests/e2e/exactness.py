"""The same bits for any number of threads, and for a sequence alone or among others.

    exactness.py BUILD_DIRECTORY CASE_DIRECTORY [compile flags...]
"""

import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import arrays
from program import Program, check

program, case = Program(sys.argv[1]), pathlib.Path(sys.argv[2])
random = np.random.default_rng(7)

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "m.lathe"
    program.run("compile", case, "-o", model, *sys.argv[3:])

    def forward(ids, mask, threads):
        arrays.save(folder / "in.safetensors", {"input_ids": ids, "attention_mask": mask})
        program.run("run", model, "forward", "-i", folder / "in.safetensors", "-o",
                    folder / "out.safetensors", "-t", threads)
        return arrays.load(folder / "out.safetensors")

    # Lengths on both sides of the tile sizes, and of the pages of the cache.
    lengths = [1, 7, 8, 9, 31, 33, 20, 40]
    width = max(lengths)
    ids = random.integers(3, 150, (len(lengths), width))
    mask = (np.arange(width) < np.array(lengths)[:, None]).astype(np.int64)
    together = forward(ids, mask, 1)
    for threads in range(2, 9):
        for name, array in forward(ids, mask, threads).items():
            check(array.tobytes() == together[name].tobytes(), f"{name}: {threads} threads")
    for row, length in enumerate(lengths):
        alone = forward(ids[row:row + 1, :length], mask[row:row + 1, :length], 2)
        for name, array in alone.items():
            among = together[name][row, :length] if array.ndim == 3 else together[name][row]
            check(array[0].tobytes() == among.tobytes(), f"{name}: row {row} alone and among others")
