"""Files of token ids as arrays of a batch."""

import pathlib

import numpy as np


def padded(path):
    """The ids of a file, a line a sequence, padded to the longest, and their mask; both (B, T) of int64."""
    found = [list(map(int, line.split())) for line in pathlib.Path(path).read_text().splitlines()]
    longest = max(map(len, found))
    ids = np.zeros((len(found), longest), np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(found):
        ids[row, :len(sequence)] = sequence
        mask[row, :len(sequence)] = 1
    return ids, mask
