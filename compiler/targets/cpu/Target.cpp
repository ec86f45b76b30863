//===- Target.cpp - The instruction-set levels that CPU code is made for --===//
//
// x86-64 levels are those of the psABI, and of AVX-512 what came after it: dot
// products (Zen 4, Cooper Lake), and tiles (AMX: Sapphire Rapids). The aarch64
// level is Armv8.2 with dot products: Neoverse N1, Cortex-A76, Apple M1 and
// everything after them. It leaves out arithmetic in f16, since Lathe only
// stores in f16: the conversions are in every Armv8.
//
//===----------------------------------------------------------------------===//

#include "compiler/targets/cpu/Target.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace lathe {

static constexpr TargetLevel kLevels[] = {
    {"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", "", /*lanes=*/8,
     /*registers=*/16, /*vectorBits=*/256, /*pageBytes=*/4096,
     /*hasMasks=*/true, /*hasInt8Dot=*/false, /*hasBf16Dot=*/false},
    {"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "", /*lanes=*/16,
     /*registers=*/32, /*vectorBits=*/512, /*pageBytes=*/4096,
     /*hasMasks=*/true, /*hasInt8Dot=*/false, /*hasBf16Dot=*/false},
    {"x86-64-v4-vnni-bf16", "x86_64-unknown-linux-gnu", "x86-64-v4",
     "+avx512vnni,+avx512bf16", /*lanes=*/16, /*registers=*/32,
     /*vectorBits=*/512, /*pageBytes=*/4096, /*hasMasks=*/true,
     /*hasInt8Dot=*/true, /*hasBf16Dot=*/true},
    {"x86-64-v4-amx", "x86_64-unknown-linux-gnu", "x86-64-v4",
     "+avx512vnni,+avx512bf16,+amx-tile,+amx-int8,+amx-bf16", /*lanes=*/16,
     /*registers=*/32, /*vectorBits=*/512, /*pageBytes=*/4096,
     /*hasMasks=*/true, /*hasInt8Dot=*/true, /*hasBf16Dot=*/true},
    {"aarch64", "aarch64-unknown-linux-gnu", "generic", "+v8.2a,+dotprod",
     /*lanes=*/4, /*registers=*/32, /*vectorBits=*/128, /*pageBytes=*/65536,
     /*hasMasks=*/false, /*hasInt8Dot=*/true, /*hasBf16Dot=*/false},
};

llvm::ArrayRef<TargetLevel> targetLevels() { return kLevels; }

const TargetLevel *findTargetLevel(llvm::StringRef name) {
  for (const TargetLevel &level : kLevels)
    if (level.name == name)
      return &level;
  return nullptr;
}

/// What the machine must report for \p level, by LLVM's names.
static llvm::ArrayRef<llvm::StringLiteral>
hostFeatures(const TargetLevel &level) {
  static constexpr llvm::StringLiteral v3[] = {"avx2", "bmi",   "bmi2", "f16c",
                                               "fma",  "lzcnt", "movbe"};
  static constexpr llvm::StringLiteral v4[] = {
      "avx2",  "bmi",     "bmi2",     "f16c",     "fma",      "lzcnt",
      "movbe", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
  static constexpr llvm::StringLiteral v4Dot[] = {
      "avx2",     "bmi",      "bmi2",       "f16c",      "fma",
      "lzcnt",    "movbe",    "avx512f",    "avx512bw",  "avx512cd",
      "avx512dq", "avx512vl", "avx512vnni", "avx512bf16"};
  static constexpr llvm::StringLiteral v4Amx[] = {
      "avx2",     "bmi",      "bmi2",       "f16c",       "fma",
      "lzcnt",    "movbe",    "avx512f",    "avx512bw",   "avx512cd",
      "avx512dq", "avx512vl", "avx512vnni", "avx512bf16", "amx-tile",
      "amx-int8", "amx-bf16"};
  static constexpr llvm::StringLiteral arm[] = {"neon", "dotprod"};
  if (level.name == "x86-64-v3")
    return v3;
  if (level.name == "x86-64-v4")
    return v4;
  if (level.name == "x86-64-v4-vnni-bf16")
    return v4Dot;
  if (level.name == "x86-64-v4-amx")
    return v4Amx;
  return arm;
}

const TargetLevel *hostLevel() {
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  llvm::StringMap<bool> has = llvm::sys::getHostCPUFeatures();
  const TargetLevel *best = nullptr;
  for (const TargetLevel &level : kLevels) {
    if (llvm::Triple(level.triple).getArch() != host.getArch())
      continue;
    bool runs = true;
    for (llvm::StringRef feature : hostFeatures(level))
      runs &= has.lookup(feature);
    if (runs)
      best = &level;
  }
  return best;
}

} // namespace lathe
