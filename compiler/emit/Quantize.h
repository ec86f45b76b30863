//===- Quantize.h - The numbers of lathe.quantize ---------------*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_QUANTIZE_H
#define LATHE_COMPILER_EMIT_QUANTIZE_H

#include "compiler/emit/HostTensor.h"
#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The matrix \p input, of F32, quantised as `lathe.quantize` says by \p quant:
/// signed bytes with f32 scales, as rows of dialects/lathe/QuantRows.h, or four
/// bits without a sign and f16 scales a group of 32, as blocks of Q4_0. The
/// same bits on every machine.
HostTensor quantize(const HostTensor &input, QuantAttr quant);

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_QUANTIZE_H
