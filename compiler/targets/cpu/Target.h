//===- Target.h - The instruction-set levels that CPU code is made for ----===//
#ifndef LATHE_COMPILER_TARGETS_CPU_TARGET_H
#define LATHE_COMPILER_TARGETS_CPU_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace lathe {

/// One level: what an image of machine code takes for granted. LLVM aborts on
/// an intrinsic that a level lacks, so lowerings take those that the schedule
/// of the level names (passes/lowering/AssignSchedules.cpp).
struct TargetLevel {
  /// As users and artifacts name it.
  llvm::StringLiteral name;
  llvm::StringLiteral triple;
  /// LLVM's processor and features beyond it.
  llvm::StringLiteral cpu;
  llvm::StringLiteral features;
  /// Lanes of the widest f32 vector, and how many such registers there are.
  int64_t lanes;
  int64_t registers;
  /// Value of LLVM's function attribute prefer-vector-width, in bits.
  int64_t vectorBits;
  /// Page size that segments are aligned to, in bytes: the largest in use.
  int64_t pageBytes;
  /// Masked vector loads and stores are instructions, not branches.
  bool hasMasks;
  /// 8-bit dot products (vpdpbusd, sdot), 16-bit ones (vdpbf16ps).
  bool hasInt8Dot;
  bool hasBf16Dot;
};

/// Every level, each x86-64 level after those that it contains.
llvm::ArrayRef<TargetLevel> targetLevels();

/// The level called \p name, or null.
const TargetLevel *findTargetLevel(llvm::StringRef name);

/// The best level that this machine runs, or null where it runs none.
const TargetLevel *hostLevel();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_TARGET_H
