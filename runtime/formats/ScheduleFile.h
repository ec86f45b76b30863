//===- ScheduleFile.h - Schedules of kernels as JSON ------------*- C++ -*-===//
//
//     {
//       "schema": "lathe.schedules.v1",
//       "machine": "AMD EPYC, 2 workers",
//       "levels": {
//         "x86-64-v4": {
//           "linear 768x768, weight f32, input f32, few rows":
//             {"rows": 8, "columns": 32, "row_block": 16, "panels": 2,
//             "vector": 16}
//         }
//       }
//     }
//
// `machine` is there where a machine was measured. docs/cli.md says what the
// numbers are. Nothing in a file can change the order of a sum: the instruction
// that adds belongs to the level and is not in it.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_SCHEDULEFILE_H
#define LATHE_RUNTIME_FORMATS_SCHEDULEFILE_H

#include "runtime/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// How one kernel is tiled: the numbers of `#lathe.schedule`.
struct KernelTiling {
  int64_t rows = 0;     ///< Of a register tile.
  int64_t columns = 0;  ///< Of a register tile.
  int64_t rowBlock = 0; ///< Rows of a tile of the launch.
  int64_t panels = 0;   ///< Packed panels of a tile of the launch.
  int64_t vector = 0;   ///< f32 lanes of a vector.

  bool operator==(const KernelTiling &) const = default;
};

/// Schedules by level, then by what names a kernel.
struct ScheduleFile {
  using Level = std::map<std::string, KernelTiling>;

  std::string machine; ///< That was measured; empty for none.
  std::map<std::string, Level> levels;

  /// Largest of the numbers of a KernelTiling.
  static constexpr int64_t kLargestNumber = 4096;
  /// Longest name of a machine, a level or a kernel, in bytes.
  static constexpr size_t kLongestName = 512;

  /// Parses \p text; \p file begins the messages. Checks what can be said
  /// without a kernel: no field but those above, each number from 1 to
  /// kLargestNumber, `row_block` a multiple of `rows`, `columns` of `vector`.
  /// InvalidFile, with the field; else as Json::parse fails.
  static Result<ScheduleFile> parse(std::string_view text, std::string file);

  /// Reads and parses the file \p path. Fails as MappedFile::open and parse do.
  static Result<ScheduleFile> read(const std::string &path);

  /// The text that parse() reads back: sorted, one kernel a line, the same for
  /// equal contents.
  std::string toText() const;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_SCHEDULEFILE_H
