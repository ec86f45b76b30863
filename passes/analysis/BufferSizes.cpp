//===- BufferSizes.cpp - Bytes of a tensor as a function of sizes ---------===//

#include "passes/analysis/BufferSizes.h"

#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantPages.h"
#include "dialects/lathe/QuantRows.h"

#include "mlir/IR/AffineExprVisitor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

RankedTensorType lathe::storedType(RankedTensorType type) {
  QuantAttr quant = rowQuantOf(type);
  if (!quant)
    return type;
  SmallVector<int64_t> shape(type.getShape());
  if (isQuantPages(type)) {
    shape.pop_back();
    shape.back() = QuantPages(quant.getGroup()).headBytes();
  } else {
    shape.back() = QuantRows(quant, shape.back()).rowBytes();
  }
  auto bytes = IntegerType::get(type.getContext(), 8, IntegerType::Unsigned);
  return withRowQuant(type, {}).clone(shape, bytes);
}

FailureOr<AffineMap> lathe::sizeInBytes(RankedTensorType type,
                                        ArrayRef<StringAttr> symbols) {
  type = storedType(type);
  Type element = type.getElementType();
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0)
    return failure();
  SmallVector<int64_t> shape(type.getShape());
  if (auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding())) {
    if (shape.size() != 2 || !type.hasStaticShape())
      return failure();
    if (packed.getQuant()) {
      PackedQuant layout(packed);
      int64_t panels = llvm::divideCeil(shape[0], packed.getColumns());
      int64_t total = 0;
      if (llvm::MulOverflow(panels, layout.panelBytes(shape[1]), total))
        return failure();
      return AffineMap::get(0, symbols.size(),
                            getAffineConstantExpr(total, type.getContext()));
    }
    shape[0] = llvm::alignTo(shape[0], packed.getColumns());
    shape[1] = llvm::alignTo(shape[1], packed.getDepth());
  }

  MLIRContext *context = type.getContext();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  AffineExpr product = getAffineConstantExpr(1, context);
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(size)) {
      if (llvm::MulOverflow(bytes, size, bytes))
        return failure();
      continue;
    }
    const auto *symbol =
        llvm::find_if(symbols, [&, dim = dim](StringAttr name) {
          return name.getValue() == symbolOfDim(type, dim);
        });
    if (symbol == symbols.end())
      return failure();
    product = product * getAffineSymbolExpr(symbol - symbols.begin(), context);
  }
  return AffineMap::get(0, symbols.size(), product * bytes);
}

namespace {

/// Evaluates with a check of each step: AffineExpr's own folding wraps.
class Evaluator : public AffineExprVisitor<Evaluator, FailureOr<int64_t>> {
public:
  explicit Evaluator(ArrayRef<int64_t> symbols) : symbols(symbols) {}

  FailureOr<int64_t> visitConstantExpr(AffineConstantExpr expr) {
    return expr.getValue();
  }
  FailureOr<int64_t> visitSymbolExpr(AffineSymbolExpr expr) {
    if (expr.getPosition() >= symbols.size())
      return failure();
    return symbols[expr.getPosition()];
  }
  FailureOr<int64_t> visitDimExpr(AffineDimExpr) { return failure(); }
  FailureOr<int64_t> visitAddExpr(AffineBinaryOpExpr expr) {
    return combine(expr, [](int64_t lhs, int64_t rhs, int64_t &result) {
      return !llvm::AddOverflow(lhs, rhs, result);
    });
  }
  FailureOr<int64_t> visitMulExpr(AffineBinaryOpExpr expr) {
    return combine(expr, [](int64_t lhs, int64_t rhs, int64_t &result) {
      return !llvm::MulOverflow(lhs, rhs, result);
    });
  }
  FailureOr<int64_t> visitCeilDivExpr(AffineBinaryOpExpr expr) {
    return combine(expr, [](int64_t lhs, int64_t rhs, int64_t &result) {
      if (rhs > 0)
        result = llvm::divideCeilSigned(lhs, rhs);
      return rhs > 0;
    });
  }
  FailureOr<int64_t> visitFloorDivExpr(AffineBinaryOpExpr expr) {
    return combine(expr, [](int64_t lhs, int64_t rhs, int64_t &result) {
      if (rhs > 0)
        result = llvm::divideFloorSigned(lhs, rhs);
      return rhs > 0;
    });
  }
  FailureOr<int64_t> visitModExpr(AffineBinaryOpExpr expr) {
    return combine(expr, [](int64_t lhs, int64_t rhs, int64_t &result) {
      if (rhs > 0)
        result = llvm::mod(lhs, rhs);
      return rhs > 0;
    });
  }

private:
  template <typename Function>
  FailureOr<int64_t> combine(AffineBinaryOpExpr expr, Function function) {
    FailureOr<int64_t> lhs = visit(expr.getLHS());
    FailureOr<int64_t> rhs = visit(expr.getRHS());
    int64_t result = 0;
    if (failed(lhs) || failed(rhs) || !function(*lhs, *rhs, result))
      return failure();
    return result;
  }

  ArrayRef<int64_t> symbols;
};

} // namespace

FailureOr<int64_t> lathe::evaluateSize(AffineMap map,
                                       ArrayRef<int64_t> symbols) {
  if (map.getNumDims() != 0 || map.getNumResults() != 1)
    return failure();
  return Evaluator(symbols).visit(map.getResult(0));
}
