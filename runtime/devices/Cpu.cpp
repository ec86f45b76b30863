//===- Cpu.cpp - The machine that this runs on ----------------------------===//

#include "runtime/devices/Cpu.h"

#include "runtime/MappedMemory.h"
#include "runtime/abi/KernelAbi.h"
#include "runtime/devices/ElfImage.h"

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace lathe::runtime;
using Clock = std::chrono::steady_clock;

namespace {

class CpuMemory : public DeviceMemory {
public:
  explicit CpuMemory(MappedMemory memory) : memory(std::move(memory)) {}
  std::byte *data() const override { return memory.data(); }
  size_t size() const override { return memory.size(); }
  void clear() override { memory.clear(); }

private:
  MappedMemory memory;
};

class CpuCode : public DeviceCode {
public:
  explicit CpuCode(ElfImage image) : image(std::move(image)) {}

  ElfImage image;
  std::vector<LatheKernel> kernels; ///< In the order of loadCode's names.
};

class CpuDevice : public Device {
public:
  std::string_view name() const override { return "cpu"; }
  Result<size_t> chooseTarget(std::span<const std::string_view> targets,
                              std::string_view wanted) const override;
  Result<std::unique_ptr<DeviceCode>>
  loadCode(std::span<const std::byte> image,
           std::span<const std::string_view> kernels) const override;
  Result<std::unique_ptr<DeviceMemory>>
  allocate(size_t bytes, const char *purpose) const override;
  Result<const std::byte *>
  mapConstant(std::span<const std::byte> bytes) const override {
    return bytes.data();
  }
  Status launch(const DeviceCode &code, const LaunchArguments &arguments,
                const LaunchScope &scope) const override;
  Status copy(std::byte *target, const std::byte *source, size_t bytes,
              const LaunchScope &scope) const override;
  Status fill(std::byte *target, uint8_t value, size_t bytes,
              const LaunchScope &scope) const override;
  // Launches end before launch() returns.
  Status synchronize() const override { return Status::ok(); }
};

} // namespace

const Device &lathe::runtime::cpuDevice() {
  static const CpuDevice device;
  return device;
}

static std::string join(std::span<const std::string_view> names) {
  std::string text;
  for (std::string_view name : names)
    text += (text.empty() ? "" : ", ") + std::string(name);
  return text.empty() ? "nothing" : text;
}

Result<size_t>
CpuDevice::chooseTarget(std::span<const std::string_view> targets,
                        std::string_view wanted) const {
  std::span<const std::string_view> supported = supportedCpuTargets();
  if (!wanted.empty()) {
    bool isHere = std::find(supported.begin(), supported.end(), wanted) !=
                  supported.end();
    if (!isHere)
      return Status::error(StatusCode::Unsupported,
                           "target '" + std::string(wanted) +
                               "' was asked for, but this machine runs " +
                               join(supported));
    supported = {&wanted, 1};
  }
  for (std::string_view candidate : supported) {
    auto found = std::find(targets.begin(), targets.end(), candidate);
    if (found != targets.end())
      return static_cast<size_t>(found - targets.begin());
  }
  if (!wanted.empty())
    return Status::error(StatusCode::Unsupported,
                         "was built for " + join(targets) + ", but target '" +
                             std::string(wanted) + "' was asked for");
  return Status::error(StatusCode::Unsupported,
                       "was built for " + join(targets) +
                           ", this machine runs " + join(supported) +
                           " (compile it again with --target)");
}

Result<std::unique_ptr<DeviceCode>>
CpuDevice::loadCode(std::span<const std::byte> image,
                    std::span<const std::string_view> kernels) const {
  Result<ElfImage> loaded = ElfImage::load(image);
  if (!loaded.isOk())
    return loaded.takeStatus();
  std::unique_ptr<CpuCode> code = std::make_unique<CpuCode>(std::move(*loaded));
  for (std::string_view name : kernels) {
    const void *address = code->image.find(name);
    if (!address)
      return Status::error(StatusCode::InvalidFile,
                           "code: kernel '" + std::string(name) +
                               "' is not in the image");
    code->kernels.push_back(
        reinterpret_cast<LatheKernel>(reinterpret_cast<uintptr_t>(address)));
  }
  return std::unique_ptr<DeviceCode>(std::move(code));
}

Result<std::unique_ptr<DeviceMemory>>
CpuDevice::allocate(size_t bytes, const char *purpose) const {
  // Even an empty buffer has an address.
  Result<MappedMemory> memory =
      MappedMemory::allocate(std::max<size_t>(bytes, 1), purpose);
  if (!memory.isOk())
    return memory.takeStatus();
  return std::unique_ptr<DeviceMemory>(
      std::make_unique<CpuMemory>(std::move(*memory)));
}

namespace {
/// What the workers of a launch share.
struct Launch {
  LatheKernel kernel;
  LatheKernelArgs arguments;
  std::byte *scratch;
  size_t scratchStride;
  WorkerTime *times;
  Clock::time_point start; ///< With `times`.
};
} // namespace

static int runRange(void *data, uint32_t worker, int64_t begin, int64_t end) {
  Launch *launch = static_cast<Launch *>(data);
  std::byte *scratch = launch->scratch + worker * launch->scratchStride;
  return launch->kernel(&launch->arguments, scratch + LATHE_SCRATCH_HEADER,
                        begin, end);
}

/// runRange, and when.
static int runTimedRange(void *data, uint32_t worker, int64_t begin,
                         int64_t end) {
  Launch *launch = static_cast<Launch *>(data);
  auto now = [&] {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(Clock::now() - launch->start).count());
  };
  WorkerTime &time = launch->times[worker];
  if (time.tiles == 0)
    time.begin = now();
  int code = runRange(data, worker, begin, end);
  time.end = now();
  time.tiles += end - begin;
  return code;
}

/// Tiles that a worker takes at a time: a few ranges a worker even out what a
/// busy core loses, and more would only cost atomics. Those of all workers come
/// one after the other, some tens of nanoseconds each, so many workers take
/// fewer ranges: a launch of a step may be over in 20 microseconds.
static int64_t grainOf(int64_t tiles, uint32_t workers) {
  constexpr int64_t kRangesPerWorker = 8, kRanges = 256;
  int64_t ranges = std::min(workers * kRangesPerWorker,
                            std::max<int64_t>(kRanges, 2 * workers));
  return std::max<int64_t>(1, tiles / ranges);
}

static Status cancelledStatus() {
  return Status::error(StatusCode::Cancelled, "the call was cancelled");
}

static bool isCancelled(const LaunchScope &scope) {
  return scope.cancelled && scope.cancelled->load(std::memory_order_relaxed);
}

Status CpuDevice::launch(const DeviceCode &code,
                         const LaunchArguments &arguments,
                         const LaunchScope &scope) const {
  const CpuCode &image = static_cast<const CpuCode &>(code);
  Launch launch{image.kernels[arguments.kernel],
                {LATHE_KERNEL_ABI_VERSION, arguments.buffers, arguments.scalars,
                 static_cast<long long>(arguments.launch)},
                arguments.scratch,
                arguments.scratchStride,
                scope.times,
                {}};
  if (scope.times) {
    std::fill_n(scope.times, scope.pool->workers(), WorkerTime());
    launch.start = Clock::now();
  }
  int failure = scope.pool->run(
      arguments.tiles, grainOf(arguments.tiles, scope.pool->workers()),
      {scope.times ? runTimedRange : runRange, &launch}, scope.cancelled);
  if (failure != LATHE_KERNEL_OK)
    return Status::error(StatusCode::DeviceError,
                         "failed with code " + std::to_string(failure));
  return isCancelled(scope) ? cancelledStatus() : Status::ok();
}

namespace {
/// A copy or fill as tiles of kTransferTile bytes.
struct Transfer {
  std::byte *target;
  const std::byte *source; ///< Null: fill.
  uint8_t value;
  size_t bytes;
};
} // namespace

static constexpr size_t kTransferTile = 1u << 20;

static int runTransfer(void *data, uint32_t, int64_t begin, int64_t end) {
  const Transfer &transfer = *static_cast<Transfer *>(data);
  size_t first = static_cast<size_t>(begin) * kTransferTile;
  size_t last =
      std::min(static_cast<size_t>(end) * kTransferTile, transfer.bytes);
  if (transfer.source)
    std::memcpy(transfer.target + first, transfer.source + first, last - first);
  else
    std::memset(transfer.target + first, transfer.value, last - first);
  return 0;
}

static Status runTransfers(Transfer transfer, const LaunchScope &scope) {
  size_t tiles = (transfer.bytes + kTransferTile - 1) / kTransferTile;
  scope.pool->run(static_cast<int64_t>(tiles), 1, {runTransfer, &transfer},
                  scope.cancelled);
  return isCancelled(scope) ? cancelledStatus() : Status::ok();
}

Status CpuDevice::copy(std::byte *target, const std::byte *source, size_t bytes,
                       const LaunchScope &scope) const {
  // Buffers of a plan may overlap in the arena; tiles could then read what
  // another one wrote.
  uintptr_t to = reinterpret_cast<uintptr_t>(target);
  uintptr_t from = reinterpret_cast<uintptr_t>(source);
  if (to < from + bytes && from < to + bytes) {
    std::memmove(target, source, bytes);
    return Status::ok();
  }
  return runTransfers({target, source, 0, bytes}, scope);
}

Status CpuDevice::fill(std::byte *target, uint8_t value, size_t bytes,
                       const LaunchScope &scope) const {
  return runTransfers({target, nullptr, value, bytes}, scope);
}
