//===- Lathe.cpp - The lathe dialect: registration and types --------------===//

#include "dialects/lathe/Lathe.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;

#include "dialects/lathe/LatheDialect.cpp.inc"
#include "dialects/lathe/LatheEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lathe/LatheAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/lathe/LatheOps.cpp.inc"

void LatheDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lathe/LatheAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/lathe/LatheOps.cpp.inc"
      >();
}

RankedTensorType lathe::tensorType(ArrayRef<int64_t> shape, Type element,
                                   ArrayRef<StringRef> symbols) {
  if (symbols.empty())
    return RankedTensorType::get(shape, element);
  SmallVector<StringAttr> names;
  for (StringRef symbol : symbols)
    names.push_back(StringAttr::get(element.getContext(), symbol));
  return RankedTensorType::get(shape, element,
                               DimsAttr::get(element.getContext(), names));
}

QuantAttr lathe::rowQuantOf(RankedTensorType type) {
  if (auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return dims.getQuant();
  return dyn_cast_or_null<QuantAttr>(type.getEncoding());
}

RankedTensorType lathe::withRowQuant(RankedTensorType type, QuantAttr quant) {
  Attribute encoding = quant;
  if (auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    encoding = DimsAttr::get(type.getContext(), dims.getNames(), quant);
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               encoding);
}

StringRef lathe::symbolOfDim(RankedTensorType type, int64_t dim) {
  auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding());
  if (!dims || !type.isDynamicDim(dim))
    return {};
  size_t index = 0;
  for (int64_t before = 0; before < dim; ++before)
    index += type.isDynamicDim(before);
  return index < dims.getNames().size() ? dims.getNames()[index].getValue()
                                        : StringRef();
}
