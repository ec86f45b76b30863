//===- KernelNames.h - What a person needs of a kernel's name ---*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_KERNELNAMES_H
#define LATHE_RUNTIME_TOOLS_KERNELNAMES_H

#include <string>

namespace lathe::tools {

/// \p kernel without the hash of its text at the end, "linear_add" of
/// "linear_add_0123456789abcdef"; all of a name that has none.
std::string shortKernelName(const std::string &kernel);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_KERNELNAMES_H
