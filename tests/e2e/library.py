"""liblathe.so by its C interface, for tests that make thousands of calls."""

import ctypes
import os
import pathlib

import numpy as np

POINTER, INT64, SIZE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
DTYPES = [np.float32, np.float16, np.uint16, np.float64, np.int8, np.uint8, np.int32, np.int64]


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_uint32),
                ("dims", INT64 * 8), ("data", POINTER), ("bytes", SIZE)]


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_uint32),
                ("dims", INT64 * 8), ("symbols", ctypes.c_int32 * 8), ("maximum", INT64 * 8),
                ("limit", INT64), ("limit_symbol", ctypes.c_int32)]


class EntryInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("inputs", SIZE), ("outputs", SIZE), ("commands", SIZE),
                ("plans", SIZE)]


class SymbolInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("minimum", INT64), ("maximum", INT64),
                ("fixed_at_load", ctypes.c_int)]


class PlanInfo(ctypes.Structure):
    _fields_ = [("bounds", ctypes.POINTER(INT64)), ("arena_bytes", ctypes.c_uint64),
                ("live_bytes", ctypes.c_uint64)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("threads", ctypes.c_uint32), ("slots", INT64),
                ("context", INT64), ("symbol_names", POINTER), ("symbol_values", POINTER),
                ("symbol_count", SIZE), ("parallel", POINTER), ("parallel_user", POINTER)]


class ModelInfo(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("family", ctypes.c_char_p), ("context", INT64),
                ("vocabulary", INT64), ("bos_ids", POINTER), ("bos_count", SIZE), ("eos_ids", POINTER),
                ("eos_count", SIZE), ("pad_id", INT64), ("embed_tokens", INT64),
                ("generation_config", ctypes.c_char_p), ("page_positions", INT64),
                ("file_bytes", ctypes.c_uint64), ("weight_bytes", ctypes.c_uint64),
                ("weight_count", ctypes.c_uint64), ("target", ctypes.c_char_p)]


class Entry:
    """Names of inputs and outputs, and the bounds of plans as {symbol: value}."""

    def __init__(self, model, index):
        library, handle = model.library, model.handle
        info, tensor, plan = EntryInfo(), TensorInfo(), PlanInfo()
        library.check(library.lathe_model_entry(handle, SIZE(index), ctypes.byref(info)))
        self.name, self.index, self.inputs, self.outputs, self.plans = info.name.decode(), index, [], [], []
        for count, names, ask in ((info.inputs, self.inputs, library.lathe_model_input),
                                  (info.outputs, self.outputs, library.lathe_model_output)):
            for i in range(count):
                library.check(ask(handle, SIZE(index), SIZE(i), ctypes.byref(tensor)))
                names.append(tensor.name.decode())
        for i in range(info.plans):
            library.check(library.lathe_model_plan(handle, SIZE(index), SIZE(i), ctypes.byref(plan)))
            self.plans.append({name: plan.bounds[k] for k, name in enumerate(model.symbols)})

    def plan_of(self, values):
        """The index of the plan that a call with these values of symbols takes."""
        return next(i for i, bounds in enumerate(self.plans)
                    if all(value <= bounds[name] for name, value in values.items()))


class Model:
    def __init__(self, library, path, level=None):
        self.library, self.handle = library, POINTER()
        os.environ.pop("LATHE_CPU", None)
        if level:
            os.environ["LATHE_CPU"] = level
        library.check(library.lathe_model_open(os.fsencode(path), None, ctypes.byref(self.handle)))
        info = ModelInfo(ctypes.sizeof(ModelInfo))
        library.check(library.lathe_model_info(self.handle, ctypes.byref(info)))
        self.target = info.target.decode()
        self.symbols, self.entries = [], {}
        symbol, info = SymbolInfo(), EntryInfo()
        while library.lathe_model_symbol(self.handle, SIZE(len(self.symbols)), ctypes.byref(symbol)) == 0:
            self.symbols.append(symbol.name.decode())
        while library.lathe_model_entry(self.handle, SIZE(len(self.entries)), ctypes.byref(info)) == 0:
            self.entries[info.name.decode()] = Entry(self, len(self.entries))

    def __del__(self):
        self.library.lathe_model_free(self.handle)


class Context:
    def __init__(self, model, threads=1, slots=1, context=0):
        self.model, self.library, self.handle = model, model.library, POINTER()
        options = ContextOptions(ctypes.sizeof(ContextOptions), threads, slots, context)
        self.library.check(self.library.lathe_context_create(
            model.handle, ctypes.byref(options), ctypes.byref(self.handle)))

    def __del__(self):
        self.library.lathe_context_free(self.handle)

    def symbol(self, name):
        call = self.library.lathe_context_symbol
        call.restype = INT64
        return call(self.handle, SIZE(self.model.symbols.index(name)))

    def reset(self):
        self.library.check(self.library.lathe_context_reset(self.handle))

    def call(self, name, inputs, symbols=None):
        """Runs an entry on {input: int32 array}; returns {output: array}, copied."""
        entry = self.model.entries[name]
        for symbol, value in (symbols or {}).items():
            self.library.check(self.library.lathe_context_set_symbol(
                self.handle, SIZE(self.model.symbols.index(symbol)), INT64(value)))
        for i, key in enumerate(entry.inputs):
            array = np.ascontiguousarray(inputs[key], np.int32)
            dims = (INT64 * array.ndim)(*array.shape)
            self.library.check(self.library.lathe_context_set_input(
                self.handle, SIZE(entry.index), SIZE(i), POINTER(array.ctypes.data), dims, SIZE(array.ndim)))
        self.library.check(self.library.lathe_context_call(self.handle, SIZE(entry.index)))
        return {key: self.output(entry, i) for i, key in enumerate(entry.outputs)}

    def state_bytes(self):
        """Of all states."""
        tensor, index, total = Tensor(), 0, 0
        while self.library.lathe_context_state(self.handle, SIZE(index), ctypes.byref(tensor)) == 0:
            total, index = total + tensor.bytes, index + 1
        return total

    def output(self, entry, index):
        tensor = Tensor()
        self.library.check(self.library.lathe_context_output(
            self.handle, SIZE(entry.index), SIZE(index), ctypes.byref(tensor)))
        data = ctypes.string_at(tensor.data, tensor.bytes)
        return np.frombuffer(data, DTYPES[tensor.dtype]).reshape(tensor.dims[:tensor.rank])


def load(build, path=None):
    """The library of a build directory, or that at `path`; `check` ends the test with its message."""
    path = path or pathlib.Path(build).resolve() / "lib" / "liblathe.so"
    library = ctypes.CDLL(str(path))
    library.lathe_message.restype = ctypes.c_char_p

    def check(status):
        if status != 0:
            raise SystemExit(f"FAILED status {status}: {library.lathe_message().decode()}")

    library.check = check
    return library
