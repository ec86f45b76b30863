//===- CApiOperations.h - Each function of lathe.h, called ------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_RUNTIME_CAPIOPERATIONS_H
#define LATHE_TESTS_UNIT_RUNTIME_CAPIOPERATIONS_H

#include "runtime/include/lathe.h"

#include <functional>
#include <vector>

namespace lathe::testing {

inline constexpr size_t kScale = 0, kStep = 4; ///< Entries of the artifact.

/// Objects to call on: those of the test artifact with a tokenizer.
struct World {
  World();
  ~World();
  World(const World &) = delete;
  World &operator=(const World &) = delete;

  /// Sets the input of the entry `scale`.
  lathe_status_t setInput();
  /// Runs it, as it must.
  void run();
  /// Takes in a prompt with every kind of setting.
  lathe_status_t add(int64_t maxTokens, int64_t *sequence);

  lathe_model_t *model = nullptr;
  lathe_context_t *context = nullptr;
  lathe_stream_t *stream = nullptr;
  lathe_generator_t *generator = nullptr;
};

/// One function, called so that it does its work or so that it refuses.
struct Operation {
  const char *function;
  lathe_status_t expected;
  std::function<void(World &)> prepare;
  std::function<lathe_status_t(World &)> call;
  /// After the call that gave `expected`.
  std::function<void(World &)> check;
};

/// All of lathe.h that gives a code, but for streams and steps.
std::vector<Operation> allOperations();

} // namespace lathe::testing

#endif // LATHE_TESTS_UNIT_RUNTIME_CAPIOPERATIONS_H
