//===- Null.h - A device that computes nothing ------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICES_NULL_H
#define LATHE_RUNTIME_DEVICES_NULL_H

#include "runtime/Device.h"

namespace lathe::runtime {

/// Takes every target, image and launch and computes nothing; copies and fills
/// are real. It shows what a program costs without its kernels, and is the
/// file to copy for a new device.
const Device &nullDevice();

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_DEVICES_NULL_H
