//===- PackQuantised.h - Panels of quantised weights ------------*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_PACKQUANTISED_H
#define LATHE_COMPILER_EMIT_PACKQUANTISED_H

#include "compiler/emit/HostTensor.h"
#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The bytes of a quantised matrix as \p packing, which has its quant, says;
/// rows past the last one are zero, and decode as 0. U8.
HostTensor packQuantised(const HostTensor &input, PackedAttr packing);

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_PACKQUANTISED_H
