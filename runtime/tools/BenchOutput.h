//===- BenchOutput.h - What lathe bench prints ----------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_BENCHOUTPUT_H
#define LATHE_RUNTIME_TOOLS_BENCHOUTPUT_H

#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::tools {

/// What the tests run on.
struct BenchSubject {
  std::string path; ///< As the user gave it.
  lathe_model_info_t info = {};
  int64_t repetitions = 0;
};

/// One test with its times, the warm-up not among them.
struct BenchResult {
  bool isPrompt = false;
  int64_t tokens = 0; ///< Of each sequence.
  int64_t sequences = 1;
  uint32_t threads = 0;
  std::string began;                 ///< UTC, as 2026-01-31T08:15:00Z.
  std::vector<uint64_t> nanoseconds; ///< At least one, none of them 0.

  /// As "pp512" or "tg128".
  std::string name() const {
    return (isPrompt ? "pp" : "tg") + std::to_string(tokens);
  }
};

/// Prints results one after the other; each call returns what print does.
class BenchPrinter {
public:
  virtual ~BenchPrinter() = default;
  virtual Exit begin() { return Exit::Done; }
  virtual Exit add(const BenchResult &result) = 0;
  virtual Exit end() { return Exit::Done; }
};

/// A printer of \p format: md, csv, json or jsonl as llama-bench has them, or
/// object, which is `--json`. \p subject must outlive it.
std::unique_ptr<BenchPrinter> makeBenchPrinter(std::string_view format,
                                               const BenchSubject &subject);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_BENCHOUTPUT_H
