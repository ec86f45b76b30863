//===- CApi.cpp - Codes, messages and element types of the C interface ----===//

#include "runtime/CApi.h"

#include "runtime/ThreadMessage.h"

using namespace lathe::runtime;

lathe_status_t lathe::runtime::report(const Status &status) {
  if (!status.isOk())
    setThreadMessage(status.message());
  return static_cast<lathe_status_t>(status.code());
}

lathe_status_t lathe::runtime::reportInvalid(const char *message) {
  setThreadMessage(message);
  return LATHE_INVALID_ARGUMENT;
}

lathe_status_t lathe::runtime::reportPast(const char *what, size_t index,
                                          size_t count) {
  return report(Status::error(StatusCode::InvalidArgument,
                              std::string(what) + " " + std::to_string(index) +
                                  " of " + std::to_string(count) +
                                  " does not exist"));
}

lathe_status_t lathe::runtime::reportNoMemory() noexcept {
  setThreadMessage(kNoMemoryMessage);
  return LATHE_RESOURCE_EXHAUSTED;
}

const char *lathe_version(void) { return LATHE_VERSION; }

const char *lathe_status_name(lathe_status_t status) {
  static const char *const names[] = {
      "ok",          "invalid_file",     "not_found",          "device_error",
      "unsupported", "invalid_argument", "resource_exhausted", "cancelled",
      "io_error"};
  size_t index = static_cast<size_t>(status);
  return index < std::size(names) ? names[index] : "unknown";
}

const char *lathe_message(void) { return threadMessage(); }

static const struct {
  const char *name;
  size_t size;
} kTypes[] = {{"f32", 4}, {"f16", 2}, {"bf16", 2}, {"f64", 8},
              {"i8", 1},  {"u8", 1},  {"i32", 4},  {"i64", 8}};

size_t lathe_dtype_size(lathe_dtype_t dtype) {
  size_t index = static_cast<size_t>(dtype);
  return index < std::size(kTypes) ? kTypes[index].size : 0;
}

const char *lathe_dtype_name(lathe_dtype_t dtype) {
  size_t index = static_cast<size_t>(dtype);
  return index < std::size(kTypes) ? kTypes[index].name : "?";
}

lathe_tensor_t lathe::runtime::tensorOf(const TensorView &view) {
  lathe_tensor_t tensor = {};
  tensor.name = view.name;
  tensor.dtype = static_cast<lathe_dtype_t>(view.element);
  tensor.rank = view.rank;
  std::copy(view.dims, view.dims + view.rank, tensor.dims);
  tensor.data = view.data;
  tensor.bytes = view.bytes;
  return tensor;
}
