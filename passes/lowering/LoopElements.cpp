//===- LoopElements.cpp - One element of a kernel's tensor ----------------===//
//
// Each formula of LatheOps.td once more, as scalar float64 code. It is written
// to be read beside the op's definition, not to be fast: an element is computed
// again wherever it is used.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "dialects/lathe/QuantPages.h"
#include "passes/lowering/MathExpansion.h"
#include "passes/lowering/UpstreamOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace lathe;

/// Ops that compute element i of their result from elements i of the operands.
static bool isElementwise(Operation *op) {
  return isUpstreamElementwise(op) || isa<ActivationOp, SoftcapOp, CastOp>(op);
}

/// Ops whose rows have something in common: see computeRow.
static bool hasRows(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return quantize.getQuant().getGroup() == quantize.getType().getDimSize(1);
  return isa<RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp,
             L2NormalizeOp, PoolOp, AttentionOp, CachedAttentionOp>(op);
}

static bool isView(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op);
}

/// Constants of one value, sizes, and the ops that only speak of sizes.
static bool isSplatOrSize(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return !isa<RankedTensorType>(constant.getType()) ||
           (isa<SplatElementsAttr>(constant.getValue()) &&
            isa<FloatType>(getElementTypeOrSelf(constant.getType())));
  return isa<tensor::DimOp>(op);
}

static RankedTensorType typeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

LogicalResult LoopElements::verify(Operation *op) {
  for (Type type :
       llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    for (int64_t dim = 0; tensor && dim < tensor.getRank(); ++dim)
      if (tensor.isDynamicDim(dim) && symbolOfDim(tensor, dim).empty())
        return op->emitOpError("expects a symbol for each dynamic size in a "
                               "kernel, got ")
               << tensor;
  }
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    bool isPages = type && isQuantPages(type);
    if (isPages && isa<AppendOp, CachedAttentionOp>(op))
      continue;
    if (type && rowQuantOf(type) && !isa<GatherOp>(op))
      return op->emitOpError("expects plain operands in loops, got ") << type;
  }
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    if (rowQuantOf(quantize.getType()) ||
        !quantize.getQuant().getQuantum().isSignedInteger())
      return op->emitOpError("expects numbers with a sign as result in loops");
    return success();
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    if (llvm::any_of(slice.getStaticOffsets(), ShapedType::isDynamic) ||
        llvm::any_of(slice.getStaticStrides(), ShapedType::isDynamic))
      return op->emitOpError("expects static offsets and strides in a kernel");
  if (isElementwise(op) || hasRows(op) || isView(op) || isSplatOrSize(op) ||
      isa<GatherOp, GatedActivationOp, ArgmaxOp, PanelArgmaxOp, LinearOp,
          RopeOp, AppendOp>(op))
    return success();
  return op->emitOpError("is not an op that loops can be made of");
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value LoopElements::number(double value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF64FloatAttr(value));
}

Value LoopElements::integer(int64_t value) {
  return buildIndex(builder, loc, value);
}

Value LoopElements::add(Value a, Value b) {
  if (a.getType().isF64())
    return arith::AddFOp::create(builder, loc, a, b);
  return arith::AddIOp::create(builder, loc, a, b);
}

Value LoopElements::sub(Value a, Value b) {
  if (a.getType().isF64())
    return arith::SubFOp::create(builder, loc, a, b);
  return arith::SubIOp::create(builder, loc, a, b);
}

Value LoopElements::mul(Value a, Value b) {
  if (a.getType().isF64())
    return arith::MulFOp::create(builder, loc, a, b);
  return arith::MulIOp::create(builder, loc, a, b);
}

Value LoopElements::div(Value a, Value b) {
  if (a.getType().isF64())
    return arith::DivFOp::create(builder, loc, a, b);
  return arith::DivSIOp::create(builder, loc, a, b);
}

Value LoopElements::rem(Value a, Value b) {
  return arith::RemSIOp::create(builder, loc, a, b);
}

Value LoopElements::sqrt(Value a) {
  return LLVM::SqrtOp::create(builder, loc, a);
}

Value LoopElements::isBelow(Value a, Value b) {
  if (a.getType().isF64())
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, a, b);
}

Value LoopElements::isEqual(Value a, Value b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value LoopElements::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

SmallVector<Value> LoopElements::loop(Value from, Value to,
                                      ArrayRef<Value> carried, Body body) {
  auto loop = scf::ForOp::create(builder, loc, from, to, integer(1), carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(builder, loc, next);
  return SmallVector<Value>(loop.getResults());
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value LoopElements::address(RankedTensorType type, Value buffer,
                            Indices indices) {
  Value offset = integer(0);
  if (auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding())) {
    // [N / columns][K / depth][columns][depth]: docs/design.md, 8.4.
    Value columns = integer(packed.getColumns());
    Value depth = integer(packed.getDepth());
    int64_t blocks = llvm::divideCeil(type.getDimSize(1), packed.getDepth());
    offset = div(indices[0], columns);
    offset = add(mul(offset, integer(blocks)), div(indices[1], depth));
    offset = add(mul(offset, columns), rem(indices[0], columns));
    offset = add(mul(offset, depth), rem(indices[1], depth));
  } else {
    for (auto [dim, index] : llvm::enumerate(indices))
      offset = add(mul(offset, frame.size(type, dim)), index);
  }
  return buildElementPtr(builder, loc, buffer, type.getElementType(), offset);
}

/// The bits of \p x rounded to f32 so that rounding them again, to a narrower
/// type, gives \p x rounded once: toward zero, the last bit set if inexact.
static Value roundToOdd(OpBuilder &builder, Location loc, Value x) {
  Type i32 = builder.getI32Type();
  Value nearest =
      arith::TruncFOp::create(builder, loc, builder.getF32Type(), x);
  Value back =
      arith::ExtFOp::create(builder, loc, builder.getF64Type(), nearest);
  Value bits = arith::BitcastOp::create(builder, loc, i32, nearest);
  auto magnitude = [&](Value value) -> Value {
    return LLVM::FAbsOp::create(builder, loc, value);
  };
  Value isAway = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT,
                                       magnitude(back), magnitude(x));
  Value isInexact =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ONE, back, x);
  Value down = arith::ExtUIOp::create(builder, loc, i32, isAway);
  Value odd = arith::ExtUIOp::create(builder, loc, i32, isInexact);
  bits = arith::SubIOp::create(builder, loc, bits, down);
  return arith::OrIOp::create(builder, loc, bits, odd);
}

/// \p x (f64) rounded to the float type \p element, ties to even. Written out
/// for 16 bits, where the machine may have no instruction.
static Value narrow(OpBuilder &builder, Location loc, Value x, Type element) {
  if (element.isF32())
    return arith::TruncFOp::create(builder, loc, element, x);
  Value odd = roundToOdd(builder, loc, x);
  if (element.isF16())
    return arith::TruncFOp::create(
        builder, loc, element,
        arith::BitcastOp::create(builder, loc, builder.getF32Type(), odd));

  auto bits = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI32IntegerAttr(value));
  };
  Value top = arith::ShRUIOp::create(builder, loc, odd, bits(16));
  Value tie = arith::AndIOp::create(builder, loc, top, bits(1));
  Value sum = arith::AddIOp::create(builder, loc, odd, bits(0x7fff));
  sum = arith::AddIOp::create(builder, loc, sum, tie);
  sum = arith::ShRUIOp::create(builder, loc, sum, bits(16));
  // A NaN keeps its upper bits, one of which must be set.
  Value isNan =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, x, x);
  Value nan = arith::OrIOp::create(builder, loc, top, bits(0x40));
  sum = arith::SelectOp::create(builder, loc, isNan, nan, sum);
  sum = arith::TruncIOp::create(builder, loc, builder.getI16Type(), sum);
  return arith::BitcastOp::create(builder, loc, element, sum);
}

Value LoopElements::round(Value x, Type element) {
  if (!isa<FloatType>(element) || element.isF64())
    return x;
  Value narrowed = narrow(builder, loc, x, element);
  return arith::ExtFOp::create(builder, loc, builder.getF64Type(),
                               buildWiden(builder, loc, narrowed));
}

void LoopElements::store(Value element, RankedTensorType type, Value buffer,
                         Indices indices) {
  Type stored = type.getElementType();
  if (isa<IntegerType>(stored))
    element = arith::TruncIOp::create(builder, loc, stored, element);
  else if (!stored.isF64())
    element = narrow(builder, loc, element, stored);
  buildStore(builder, loc, element, address(type, buffer, indices));
}

Value LoopElements::scratchOf(Operation *op, int64_t bytes) {
  auto [offset, isNew] = scratchOffsets.try_emplace(op, scratchSize);
  if (isNew)
    scratchSize += llvm::alignTo(bytes, 64);
  return buildElementPtr(builder, loc, frame.scratch(), builder.getI8Type(),
                         offset->second);
}

Value LoopElements::bufferOf(Value tensor) {
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return frame.buffer(argument);
  return buffers.lookup(tensor);
}

Value LoopElements::element(Value tensor, Indices indices) {
  RankedTensorType type = typeOf(tensor);
  Value buffer = bufferOf(tensor);
  if (buffer && rowQuantOf(type))
    return loadQuantised(type, buffer, indices);
  if (buffer) {
    Value loaded = buildLoad(builder, loc, type.getElementType(),
                             address(type, buffer, indices));
    if (isa<IntegerType>(type.getElementType()))
      return arith::ExtSIOp::create(builder, loc, builder.getI64Type(), loaded);
    if (type.getElementType().isF64())
      return loaded;
    return arith::ExtFOp::create(builder, loc, builder.getF64Type(),
                                 buildWiden(builder, loc, loaded));
  }

  Operation *op = tensor.getDefiningOp();
  if (isView(op))
    return element(op->getOperand(0), viewedIndices(op, indices));
  return round(compute(cast<OpResult>(tensor), indices), type.getElementType());
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

SmallVector<Value>
LoopElements::joinIndices(RankedTensorType type,
                          ArrayRef<ReassociationIndices> groups,
                          Indices indices) {
  Values joined;
  for (const ReassociationIndices &group : groups) {
    Value index = indices[group.front()];
    for (int64_t dim : ArrayRef(group).drop_front())
      index = add(mul(index, frame.size(type, dim)), indices[dim]);
    joined.push_back(index);
  }
  return joined;
}

SmallVector<Value>
LoopElements::splitIndices(RankedTensorType type,
                           ArrayRef<ReassociationIndices> groups,
                           Indices indices) {
  Values split(type.getRank());
  for (auto [group, index] : llvm::zip_equal(groups, indices)) {
    Value rest = index;
    for (int64_t dim : llvm::reverse(ArrayRef(group).drop_front())) {
      split[dim] = rem(rest, frame.size(type, dim));
      rest = div(rest, frame.size(type, dim));
    }
    split[group.front()] = rest;
  }
  return split;
}

SmallVector<Value> LoopElements::viewedIndices(Operation *view,
                                               Indices indices) {
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(view))
    return joinIndices(expand.getResultType(), expand.getReassociationIndices(),
                       indices);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(view))
    return splitIndices(collapse.getSrcType(),
                        collapse.getReassociationIndices(), indices);
  auto slice = cast<tensor::ExtractSliceOp>(view);
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  Values sliced;
  const Value *next = indices.begin();
  for (int64_t dim = 0; dim < slice.getSourceType().getRank(); ++dim) {
    Value index = dropped[dim] ? integer(0) : *next++;
    index = mul(index, integer(slice.getStaticStride(dim)));
    sliced.push_back(add(index, integer(slice.getStaticOffset(dim))));
  }
  return sliced;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

Value LoopElements::activate(ActivationKind kind, Value x) {
  Value one = number(1.0);
  // x / (1 + exp(-y)) is x times the logistic function of y.
  auto gate = [&](Value y) {
    return div(x, add(one, buildExp(builder, loc, sub(number(0.0), y))));
  };
  switch (kind) {
  case ActivationKind::Gelu: {
    // 1 + erf(y) = erfc(-y), which does not cancel.
    Value y = mul(x, number(-M_SQRT1_2));
    return mul(mul(x, number(0.5)), buildErfc(builder, loc, y));
  }
  case ActivationKind::GeluTanh: {
    // (1 + tanh(y)) / 2 is the logistic function of 2y.
    Value cube = mul(mul(x, x), x);
    Value y = add(x, mul(number(0.044715), cube));
    return gate(mul(number(2.0 * std::sqrt(2.0 / M_PI)), y));
  }
  case ActivationKind::Silu:
    return gate(x);
  case ActivationKind::QuickGelu:
    return gate(mul(number(1.702), x));
  case ActivationKind::Relu:
    return select(isBelow(x, number(0.0)), number(0.0), x);
  case ActivationKind::Tanh:
    return buildTanh(builder, loc, x);
  }
  llvm_unreachable("every kind is handled above");
}

Value LoopElements::computeElementwise(Operation *op, Indices indices) {
  Values operands;
  for (Value operand : op->getOperands())
    operands.push_back(element(operand, indices));
  Value x = operands[0];
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](ActivationOp act) { return activate(act.getKind(), x); })
      .Case([&](SoftcapOp softcap) {
        Value cap = number(softcap.getCap().convertToFloat());
        return mul(cap, buildTanh(builder, loc, div(x, cap)));
      })
      // element() rounds what it is given.
      .Case([&](CastOp) { return x; })
      .Default([&](Operation *) {
        return buildUpstreamF64(builder, loc, op, operands);
      });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void LoopElements::prepareRow(Value tensor, Indices row) {
  Operation *op = tensor.getDefiningOp();
  if (!op || buffers.contains(tensor) ||
      static_cast<int64_t>(row.size()) + 1 != typeOf(tensor).getRank())
    return;
  // Ops whose rows are computed from the same rows of these operands.
  if (isElementwise(op) ||
      isa<RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp, L2NormalizeOp>(
          op)) {
    for (Value operand : op->getOperands())
      prepareRow(operand, row);
  } else if (isa<GatedActivationOp, LinearOp, RopeOp, QuantizeOp>(op)) {
    prepareRow(op->getOperand(0), row);
  }
  if (hasRows(op))
    rows.push_back({op, Values(row), computeRow(op, row)});
}

SmallVector<Value> LoopElements::rowValues(Operation *op, Indices row) {
  for (const Row &prepared : rows)
    if (prepared.op == op && ArrayRef(prepared.indices) == row)
      return prepared.values;
  return computeRow(op, row);
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

Value LoopElements::compute(OpResult result, Indices indices) {
  Operation *op = result.getOwner();
  if (isElementwise(op))
    return computeElementwise(op, indices);
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ConstantOp constant) {
        auto splat = cast<SplatElementsAttr>(constant.getValue());
        bool losesInfo;
        APFloat value = splat.getSplatValue<APFloat>();
        value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                      &losesInfo);
        return number(value.convertToDouble());
      })
      .Case([&](GatherOp gather) {
        Value row = element(gather.getIndices(), {indices[0]});
        return mul(element(gather.getTable(), {row, indices[1]}),
                   number(gather.getScale().convertToFloat()));
      })
      .Case<AddRmsNormOp, AddLayerNormOp>([&](auto norm) {
        if (result == norm.getSum())
          return normInput(op, indices);
        return computeNorm(op, indices);
      })
      .Case<RmsNormOp, LayerNormOp, L2NormalizeOp>(
          [&](auto) { return computeNorm(op, indices); })
      .Case([&](GatedActivationOp gated) {
        Value width = frame.size(gated.getType(), 1);
        Value up =
            element(gated.getInput(), {indices[0], add(indices[1], width)});
        return mul(
            activate(gated.getKind(), element(gated.getInput(), indices)), up);
      })
      .Case([&](PoolOp pool) { return computePool(pool, indices); })
      .Case([&](QuantizeOp quantize) {
        return computeQuantize(quantize, indices);
      })
      .Case([&](ArgmaxOp argmax) { return computeArgmax(argmax, indices); })
      .Case([&](PanelArgmaxOp) { return computePanelArgmax(result, indices); })
      .Case([&](LinearOp linear) { return computeLinear(linear, indices); })
      .Case([&](RopeOp rope) { return computeRope(rope, indices); })
      .Case<AttentionOp, CachedAttentionOp>([&](auto attention) {
        Value sum = rowValues(op, indices.drop_back())[0];
        RankedTensorType query = attention.getQuery().getType();
        Value sums = scratchOf(op, query.getDimSize(2) * sizeof(double));
        Value pointer = buildElementPtr(builder, loc, sums,
                                        builder.getF64Type(), indices[2]);
        return div(buildLoad(builder, loc, builder.getF64Type(), pointer), sum);
      });
}
