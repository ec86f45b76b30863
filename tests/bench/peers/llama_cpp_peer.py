"""llama.cpp by its C interface (llama-cpp-python), with the protocol of llama-bench and llama-batched-bench:
a prompt of N random tokens from an empty cache, whose last token gives logits; or N steps of one random token of
each sequence, all of which give logits. Cache of f16, all other settings the defaults.
"""

import os
import random
import weakref

import llama_cpp

BATCH, MICRO_BATCH = 2048, 512
TYPES = {"BF16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16, "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
         "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0}


def quantise(source, target, type):
    """Writes the GGUF file `source` of f32 as `target`, as llama-quantize does."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = TYPES[type]
    options.nthread = len(os.sched_getaffinity(0))
    if llama_cpp.llama_model_quantize(source.encode(), target.encode(), options):
        raise RuntimeError(f"{source}: cannot be quantised to {type}")


class Model:
    """A model and a context of it."""

    def __init__(self, path, threads, sequences, positions):
        """`positions`: of each sequence."""
        llama_cpp.llama_backend_init()
        options = llama_cpp.llama_model_default_params()
        options.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), options)
        if not self.model:
            raise RuntimeError(f"{path}: cannot be loaded")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = positions * sequences
        options.n_batch, options.n_ubatch = BATCH, MICRO_BATCH
        options.n_seq_max = sequences
        options.n_threads = options.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        if not self.context:
            raise RuntimeError(f"{path}: no context of {positions} positions")
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self.random = random.Random(1)
        self.batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        weakref.finalize(self, Model._free, self.context, self.model, self.batch)

    @staticmethod
    def _free(context, model, batch):
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        llama_cpp.llama_model_free(model)

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), False)

    def decode(self, places, wants_all):
        """Computes a random token at each of `places`, (sequence, position); logits of the last one or of all."""
        batch = self.batch
        batch.n_tokens = len(places)
        for i, (sequence, position) in enumerate(places):
            batch.token[i] = self.random.randrange(self.vocabulary)
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wants_all or i == len(places) - 1
        if llama_cpp.llama_decode(self.context, batch):
            raise RuntimeError("llama_decode failed")
        llama_cpp.llama_synchronize(self.context)


def prepare(work, threads):
    count, sequences = work["tokens"], work["sequences"]
    model = Model(work["gguf"], threads, sequences, count)

    def prompt():
        model.clear()
        model.decode([(s, position) for s in range(sequences) for position in range(count)], wants_all=False)

    def text():
        model.clear()
        for position in range(count):
            model.decode([(s, position) for s in range(sequences)], wants_all=True)

    return {"prompt": prompt, "text": text}[work["kind"]]
