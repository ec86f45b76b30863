//===- Roofline.h - What this machine can do at most ------------*- C++ -*-===//
//
// A kernel is bound by what the machine computes or by what it reads: the
// roofline (Williams, Waterman and Patterson, 2009). Both limits are measured,
// since a machine's data sheet knows neither its clock nor its neighbours.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_ROOFLINE_H
#define LATHE_RUNTIME_TOOLS_ROOFLINE_H

#include "runtime/include/lathe.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lathe::tools {

/// Values of lathe_arithmetic_t.
inline constexpr size_t kArithmetics = 3;

/// The name of an arithmetic: "f32", "bf16" or "bytes".
const char *arithmeticName(lathe_arithmetic_t arithmetic);

struct MachineLimits {
  /// The level of instructions, as an artifact's target, and threads.
  std::string target;
  uint32_t threads = 1;
  /// Operations a second of multiply-adds in registers, 2 each, of each
  /// arithmetic; 0: the level has no instruction for it, or it is not known.
  std::array<double, kArithmetics> flops = {};
  /// Bytes a second read from memory; 0: not known.
  double bytes = 0;

  /// The arithmetic whose limit holds for \p arithmetic: f32, which kernels
  /// widen to, where the level has no instruction for it.
  lathe_arithmetic_t measuredFor(lathe_arithmetic_t arithmetic) const;

  /// The seconds that so many operations and bytes take at least: the longer of
  /// what the two limits say.
  double leastSeconds(lathe_arithmetic_t arithmetic, double operations,
                      double moved) const;
};

/// Measures the limits of \p threads threads with the vectors of \p target, an
/// x86-64 or AArch64 level that this machine has. Takes a few tenths of a
/// second, most of it for 256 MiB of memory; where that is not to be had,
/// `bytes` is 0.
MachineLimits measureLimits(const std::string &target, uint32_t threads);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_ROOFLINE_H
