//===- CApi.h - What the files of the C interface share ---------*- C++ -*-===//
//
// CApi*.cpp are a thin layer: they check pointers, turn Status into codes and
// the message of the thread, and C++ views into C structs.
//
// It is also the edge at which exceptions end. The library is built with them
// for one reason, std::bad_alloc: its strings and lists then clean up after
// themselves when memory runs out, and LATHE_CATCH makes it a code. Nothing
// else throws, no worker allocates, and what changes an object allocates first.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CAPI_H
#define LATHE_RUNTIME_CAPI_H

#include "runtime/Context.h"
#include "runtime/Generator.h"
#include "runtime/Model.h"
#include "runtime/include/lathe.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

struct lathe_model_t {
  std::shared_ptr<const lathe::runtime::Model> model;
};

struct lathe_context_t {
  std::unique_ptr<lathe::runtime::Context> context;
  lathe_observer_t observer = nullptr;
  void *observerUser = nullptr;
  std::vector<lathe_tensor_t> operands; ///< Room for the longest launch.
  std::vector<lathe_worker_t> workers;  ///< Of a launch; empty: not timed.
};

struct lathe_generator_t {
  std::unique_ptr<lathe::runtime::Generator> generator;
  std::vector<lathe_token_t> tokens; ///< Room for those of any step.
};

struct lathe_stream_t {
  /// Holds the tokenizer's tables.
  std::shared_ptr<const lathe::runtime::Model> model;
  lathe::runtime::StreamDecoder decoder;
  std::string text;
};

namespace lathe::runtime {

/// The code of \p status, whose message becomes the thread's.
lathe_status_t report(const Status &status);
lathe_status_t reportInvalid(const char *message);
/// Says that \p what number \p index of \p count does not exist.
lathe_status_t reportPast(const char *what, size_t index, size_t count);
lathe_status_t reportNoMemory() noexcept;

lathe_tensor_t tensorOf(const TensorView &view);

/// The caller's options, which may be older or newer than this library: what it
/// does not know is left out, what the caller does not know is zero. False if
/// struct_size is not set.
template <typename Struct>
bool readStruct(const Struct *source, Struct &target) {
  target = {};
  if (!source)
    return true;
  if (source->struct_size < sizeof(size_t))
    return false;
  std::memcpy(&target, source, std::min(source->struct_size, sizeof(Struct)));
  return true;
}

/// Writes as much of \p source as the caller's struct has room for.
template <typename Struct>
lathe_status_t writeStruct(const Struct &source, Struct *target) {
  size_t size = target->struct_size;
  if (size < sizeof(size_t))
    return reportInvalid("struct_size is not set (use LATHE_INIT)");
  std::memcpy(target, &source, std::min(size, sizeof(Struct)));
  target->struct_size = size;
  return LATHE_OK;
}

} // namespace lathe::runtime

/// Returns from a function of the C interface where \p pointer is null.
#define LATHE_REQUIRE(pointer)                                                 \
  do {                                                                         \
    if (!(pointer))                                                            \
      return ::lathe::runtime::reportInvalid(#pointer " is null");             \
  } while (false)

/// Ends the function-try-block that is the body of each function that may
/// allocate. A list or string that cannot be as long as asked is no memory too.
#define LATHE_CATCH                                                            \
  catch (const std::bad_alloc &) {                                             \
    return ::lathe::runtime::reportNoMemory();                                 \
  }                                                                            \
  catch (const std::length_error &) {                                          \
    return ::lathe::runtime::reportNoMemory();                                 \
  }

#endif // LATHE_RUNTIME_CAPI_H
