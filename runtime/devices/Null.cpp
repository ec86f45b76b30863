//===- Null.cpp - A device that computes nothing --------------------------===//

#include "runtime/devices/Null.h"

#include "runtime/MappedMemory.h"

#include <algorithm>
#include <cstring>

using namespace lathe::runtime;

namespace {

class NullMemory : public DeviceMemory {
public:
  explicit NullMemory(MappedMemory memory) : memory(std::move(memory)) {}
  std::byte *data() const override { return memory.data(); }
  size_t size() const override { return memory.size(); }
  void clear() override { memory.clear(); }

private:
  MappedMemory memory;
};

class NullCode : public DeviceCode {
public:
  explicit NullCode(size_t kernels) : kernels(kernels) {}
  size_t kernels;
};

class NullDevice : public Device {
public:
  std::string_view name() const override { return "null"; }
  bool computes() const override { return false; }

  Result<size_t> chooseTarget(std::span<const std::string_view> targets,
                              std::string_view wanted) const override {
    for (size_t i = 0; i < targets.size(); ++i)
      if (wanted.empty() || targets[i] == wanted)
        return i;
    return Status::error(StatusCode::Unsupported, "has no code for target '" +
                                                      std::string(wanted) +
                                                      "'");
  }

  Result<std::unique_ptr<DeviceCode>>
  loadCode(std::span<const std::byte>,
           std::span<const std::string_view> kernels) const override {
    return std::unique_ptr<DeviceCode>(
        std::make_unique<NullCode>(kernels.size()));
  }

  Result<std::unique_ptr<DeviceMemory>>
  allocate(size_t bytes, const char *purpose) const override {
    Result<MappedMemory> memory =
        MappedMemory::allocate(std::max<size_t>(bytes, 1), purpose);
    if (!memory.isOk())
      return memory.takeStatus();
    return std::unique_ptr<DeviceMemory>(
        std::make_unique<NullMemory>(std::move(*memory)));
  }

  Result<const std::byte *>
  mapConstant(std::span<const std::byte> bytes) const override {
    return bytes.data();
  }

  Status launch(const DeviceCode &code, const LaunchArguments &arguments,
                const LaunchScope &scope) const override {
    if (arguments.kernel >= static_cast<const NullCode &>(code).kernels)
      return Status::error(StatusCode::DeviceError, "is not in the code");
    return checkCancelled(scope);
  }

  Status copy(std::byte *target, const std::byte *source, size_t bytes,
              const LaunchScope &scope) const override {
    std::memmove(target, source, bytes);
    return checkCancelled(scope);
  }

  Status fill(std::byte *target, uint8_t value, size_t bytes,
              const LaunchScope &scope) const override {
    std::memset(target, value, bytes);
    return checkCancelled(scope);
  }

  Status synchronize() const override { return Status::ok(); }

private:
  static Status checkCancelled(const LaunchScope &scope) {
    if (scope.cancelled && scope.cancelled->load(std::memory_order_relaxed))
      return Status::error(StatusCode::Cancelled, "the call was cancelled");
    return Status::ok();
  }
};

} // namespace

const Device &lathe::runtime::nullDevice() {
  static const NullDevice device;
  return device;
}
