//===- GgufEncoding.cpp - GGUF's element types as MLIR's ------------------===//

#include "frontend/weights/GgufEncoding.h"

#include "dialects/lathe/Lathe.h"
#include "runtime/formats/GgufBlocks.h"

#include "llvm/ADT/SmallVector.h"

using namespace mlir;
using namespace lathe;
using runtime::BlockLayout;
using runtime::GgmlType;

/// What the blocks of \p layout hold.
static QuantAttr encodingOf(MLIRContext *context, const BlockLayout &layout) {
  auto integer = [&](int32_t bits, bool isSigned) -> Type {
    return IntegerType::get(context, unsigned(bits),
                            isSigned ? IntegerType::Signed
                                     : IntegerType::Unsigned);
  };
  bool twoLevels = layout.scaleBits != 0;
  // Eight bits are a number in two's complement, in quanta as in scales.
  Type scale = twoLevels ? integer(layout.scaleBits, layout.scaleBits == 8)
                         : Type(Float16Type::get(context));
  Type minimum = layout.hasMinimum ? scale : Type();
  int64_t block =
      twoLevels ? runtime::findGgmlType(layout.type)->blockElements : 0;
  return QuantAttr::get(context, integer(layout.bits, layout.bits == 8),
                        layout.group, scale, minimum, layout.zero, block);
}

RankedTensorType lathe::parameterType(MLIRContext *context, GgmlType type,
                                      std::span<const int64_t> dims) {
  llvm::SmallVector<int64_t> shape(dims.rbegin(), dims.rend());
  switch (type) {
  case GgmlType::F32:
    return RankedTensorType::get(shape, Float32Type::get(context));
  case GgmlType::F16:
    return RankedTensorType::get(shape, Float16Type::get(context));
  case GgmlType::BF16:
    return RankedTensorType::get(shape, BFloat16Type::get(context));
  default:
    break;
  }
  const BlockLayout *layout = runtime::findBlockLayout(type);
  if (!layout)
    return {};
  return RankedTensorType::get(shape, Float32Type::get(context),
                               encodingOf(context, *layout));
}
