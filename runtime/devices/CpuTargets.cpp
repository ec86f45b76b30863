//===- CpuTargets.cpp - The targets that this machine runs ----------------===//
//
// A target runs where the processor has its instructions and the system saves
// their registers. The tiles of AMX are 8 KiB a thread, which Linux saves only
// for processes that have asked for leave.
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/Cpu.h"

#include <array>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

using namespace lathe::runtime;

bool lathe::runtime::canUseAmx(const AmxReport &report) {
  constexpr uint32_t kTile = 1u << 24, kBytes = 1u << 25, kBf16 = 1u << 22;
  constexpr uint32_t kAll = kTile | kBytes | kBf16;
  // The shapes of tiles, and what is in them.
  constexpr uint64_t kTileState = 3ull << 17;
  return (report.features & kAll) == kAll &&
         (report.savedState & kTileState) == kTileState && report.askForLeave();
}

#if defined(__x86_64__)

/// The components of state that the system saves (XCR0).
[[gnu::target("xsave")]] static uint64_t savedState() {
  return __builtin_ia32_xgetbv(0);
}

/// asm/prctl.h has these since Linux 5.16, before which there is no leave.
static bool askForLeave() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// Whether this process can use tiles. Only where AVX-512 is: so the processor
/// has XGETBV.
static bool hasAmx() {
  unsigned a, b, c, features;
  return __get_cpuid_count(7, 0, &a, &b, &c, &features) &&
         canUseAmx({features, savedState(), askForLeave});
}

#endif

namespace {
/// Asks the machine, once.
struct SupportedTargets {
  SupportedTargets();
  void add(std::string_view name) { names[count++] = name; }
  std::array<std::string_view, 4> names;
  size_t count = 0;
};
} // namespace

SupportedTargets::SupportedTargets() {
#if defined(__x86_64__)
  // The builtin also asks whether the system saves the registers.
  bool isV4 = __builtin_cpu_supports("x86-64-v4");
  bool hasDot = isV4 && __builtin_cpu_supports("avx512vnni") &&
                __builtin_cpu_supports("avx512bf16");
  if (hasDot && hasAmx())
    add("x86-64-v4-amx");
  if (hasDot)
    add("x86-64-v4-vnni-bf16");
  if (isV4)
    add("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3"))
    add("x86-64-v3");
#elif defined(__aarch64__)
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
    add("aarch64");
#endif
}

std::span<const std::string_view> lathe::runtime::supportedCpuTargets() {
  static const SupportedTargets targets;
  return std::span(targets.names).first(targets.count);
}
