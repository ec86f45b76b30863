//===- Registry.cpp - The devices of this build ---------------------------===//

#include "runtime/devices/Cpu.h"
#include "runtime/devices/Null.h"

using namespace lathe::runtime;

std::span<const Device *const> lathe::runtime::registeredDevices() {
  static const Device *const devices[] = {&cpuDevice(), &nullDevice()};
  return devices;
}

const Device *lathe::runtime::findDevice(std::string_view name) {
  for (const Device *device : registeredDevices())
    if (device->name() == name)
      return device;
  return nullptr;
}
