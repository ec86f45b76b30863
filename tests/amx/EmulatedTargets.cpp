//===- EmulatedTargets.cpp - The targets where AMX is emulated ------------===//
//
// Linked in place of runtime/devices/CpuTargets.cpp.
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/Cpu.h"

#include <array>

std::span<const std::string_view> lathe::runtime::supportedCpuTargets() {
  static constexpr std::array<std::string_view, 2> kTargets = {
      "x86-64-v4-amx", "x86-64-v4-vnni-bf16"};
  return kTargets;
}
