//===- Cpu.h - The machine that this runs on --------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICES_CPU_H
#define LATHE_RUNTIME_DEVICES_CPU_H

#include "runtime/Device.h"

namespace lathe::runtime {

/// Runs kernels on the threads of a pool; its memory is the host's.
const Device &cpuDevice();

/// The targets that this machine runs, by the names of an artifact, the best
/// one first: "x86-64-v4-vnni-bf16", "x86-64-v4", "x86-64-v3"; "aarch64".
std::span<const std::string_view> supportedCpuTargets();

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_DEVICES_CPU_H
