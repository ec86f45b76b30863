//===- SystemError.h - An errno as a Status ---------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_SYSTEMERROR_H
#define LATHE_RUNTIME_FORMATS_SYSTEMERROR_H

#include "runtime/Status.h"

#include <string_view>

namespace lathe::runtime {

/// "PATH: cannot ACTION: no such file or directory". NotFound for a missing
/// file, ResourceExhausted where space, quota, memory or descriptors ran out,
/// else IoError. \p action is a verb such as "open"; \p error an errno.
Status systemError(std::string_view path, std::string_view action, int error);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_SYSTEMERROR_H
