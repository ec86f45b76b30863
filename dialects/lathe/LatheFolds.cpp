//===- LatheFolds.cpp - What the lathe ops fold to ------------------------===//
//
// Weight transforms that passes stack on each other collapse here, so that the
// streaming evaluator reads and writes each weight once.
//
//===----------------------------------------------------------------------===//

#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

// concat(x) -> x
// concat(a, concat(b, c)) -> concat(a, b, c), along one dimension
OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1)
    return getInputs().front();

  SmallVector<Value> flat;
  for (Value input : getInputs()) {
    auto inner = input.getDefiningOp<ConcatOp>();
    if (inner && inner.getDimension() == getDimension())
      llvm::append_range(flat, inner.getInputs());
    else
      flat.push_back(input);
  }
  if (flat.size() == getInputs().size())
    return {};
  getInputsMutable().assign(flat);
  return getResult();
}

// slice(x) of all of x -> x
// slice(slice(x)) -> slice(x), along one dimension
OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getType() == getInput().getType())
    return getInput();

  auto inner = getInput().getDefiningOp<SliceOp>();
  if (!inner || inner.getDimension() != getDimension())
    return {};
  setBegin(getBegin() + inner.getBegin());
  setEnd(getEnd() + inner.getBegin());
  getInputMutable().assign(inner.getInput());
  return getResult();
}

// permute(x) in the order that x has -> x
// permute(permute(x)) -> permute(x)
OpFoldResult PermuteOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> order = getOrder();
  if (llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
    return getInput();

  auto inner = getInput().getDefiningOp<PermuteOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> both;
  for (int64_t dim : order)
    both.push_back(inner.getOrder()[dim]);
  setOrder(both);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

// reshape(x) to the type of x -> x
// reshape(reshape(x)) -> reshape(x)
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getType() == getInput().getType())
    return getInput();

  auto inner = getInput().getDefiningOp<ReshapeOp>();
  if (!inner)
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
}

/// Whether every number of the float type \p from is one of \p to.
static bool isExact(Type from, Type to) {
  return APFloat::isRepresentableBy(cast<FloatType>(from).getFloatSemantics(),
                                    cast<FloatType>(to).getFloatSemantics());
}

// cast(x) to the type of x -> x
// cast(cast(x)) -> cast(x), if the inner one is exact
OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getType() == getInput().getType())
    return getInput();

  auto inner = getInput().getDefiningOp<CastOp>();
  if (!inner || !isExact(inner.getInput().getType().getElementType(),
                         inner.getType().getElementType()))
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
}

// relu(relu(x)) -> relu(x)
OpFoldResult ActivationOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<ActivationOp>();
  if (inner && getKind() == ActivationKind::Relu &&
      inner.getKind() == ActivationKind::Relu)
    return inner.getResult();
  return {};
}
