//===- Cpu.h - The machine that this runs on --------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICES_CPU_H
#define LATHE_RUNTIME_DEVICES_CPU_H

#include "runtime/Device.h"

namespace lathe::runtime {

/// Runs kernels on the threads of a pool; its memory is the host's.
const Device &cpuDevice();

/// The targets that this machine runs, by the names of an artifact, the best
/// one first: "x86-64-v4-amx", "x86-64-v4-vnni-bf16", "x86-64-v4", "x86-64-v3";
/// "aarch64". The first call asks the processor and the system, once a process:
/// where there are tiles of AMX, it asks for leave to use them, which all
/// threads of the process then have.
std::span<const std::string_view> supportedCpuTargets();

/// What processor and system say of AMX.
struct AmxReport {
  uint32_t features;     ///< EDX of CPUID's leaf 7.
  uint64_t savedState;   ///< XCR0.
  bool (*askForLeave)(); ///< Whether the system lets this process use tiles.
};

/// Whether tiles of bytes and of bf16 can be used. Asks for leave only where
/// they are there and saved.
bool canUseAmx(const AmxReport &report);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_DEVICES_CPU_H
