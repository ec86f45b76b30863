//===- Device.h - What runs launches ----------------------------*- C++ -*-===//
//
// The executor speaks to a machine through this interface alone. To add one,
// copy devices/Null.cpp and add its row to devices/Registry.cpp; the tests of
// tests/conformance then run on it.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_H
#define LATHE_RUNTIME_DEVICE_H

#include "runtime/Status.h"
#include "runtime/ThreadPool.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// Memory of a device, zero at first. Frees itself.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  /// Address on the device, 64-byte aligned and readable 64 bytes past the end.
  virtual std::byte *data() const = 0;
  virtual size_t size() const = 0;
  /// Makes all bytes zero again.
  virtual void clear() = 0;
};

/// The kernels of one artifact on one device. Immutable.
class DeviceCode {
public:
  virtual ~DeviceCode() = default;
};

/// One launch. The pointers hold until launch() returns.
struct LaunchArguments {
  size_t kernel; ///< Index into the names given to loadCode.
  void *const *buffers;
  const long long *scalars;
  int64_t tiles;
  /// Of all workers, `scratchStride` bytes each, with a header of
  /// LATHE_SCRATCH_HEADER bytes first.
  std::byte *scratch;
  size_t scratchStride; ///< A multiple of 64.
  uint64_t launch;      ///< 1 or more; of no other launch on this scratch.
};

/// When a worker worked on a launch, in nanoseconds after that began, from its
/// first tile to its last. Each has a cache line of its own.
struct alignas(64) WorkerTime {
  uint64_t begin = 0;
  uint64_t end = 0;
  int64_t tiles = 0; ///< 0: it had none.
};

/// Workers and the flag that ends a call, of the context that launches.
struct LaunchScope {
  ThreadPool *pool;
  const std::atomic<bool> *cancelled;
  /// One for each worker, to be filled in by each launch; null: nobody asks.
  WorkerTime *times = nullptr;
};

/// A machine. Methods may be called from several threads.
class Device {
public:
  virtual ~Device() = default;

  /// "cpu", "cuda", ...
  virtual std::string_view name() const = 0;
  /// False for a device that takes launches and computes nothing.
  virtual bool computes() const { return true; }

  /// Index of the best of \p targets (names of the artifact) that runs here.
  /// \p wanted names one; empty: the device's own choice. Fails with
  /// Unsupported, saying what is offered and what is here.
  virtual Result<size_t> chooseTarget(std::span<const std::string_view> targets,
                                      std::string_view wanted) const = 0;

  /// Loads the machine code \p image and finds \p kernels in it. Fails with
  /// InvalidFile and ResourceExhausted.
  virtual Result<std::unique_ptr<DeviceCode>>
  loadCode(std::span<const std::byte> image,
           std::span<const std::string_view> kernels) const = 0;

  /// Memory of \p bytes; \p purpose is for the message. Fails with
  /// ResourceExhausted.
  virtual Result<std::unique_ptr<DeviceMemory>>
  allocate(size_t bytes, const char *purpose) const = 0;

  /// The device's address of read-only bytes of the host, which outlive their
  /// use: the same address where the device reads host memory.
  virtual Result<const std::byte *>
  mapConstant(std::span<const std::byte> bytes) const = 0;

  /// Run in order on the calling thread's behalf. Allocate nothing. Fail with
  /// DeviceError and Cancelled.
  virtual Status launch(const DeviceCode &code,
                        const LaunchArguments &arguments,
                        const LaunchScope &scope) const = 0;
  virtual Status copy(std::byte *target, const std::byte *source, size_t bytes,
                      const LaunchScope &scope) const = 0;
  virtual Status fill(std::byte *target, uint8_t value, size_t bytes,
                      const LaunchScope &scope) const = 0;
  /// Waits for all that was launched.
  virtual Status synchronize() const = 0;
};

/// All devices of this build, the preferred one first; they live for ever.
std::span<const Device *const> registeredDevices();
/// The device of that name, or null.
const Device *findDevice(std::string_view name);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_DEVICE_H
