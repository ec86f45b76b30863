//===- LoopElements.cpp - One element of a kernel's tensor ----------------===//
//
// Each formula of LatheOps.td once more, as scalar float64 code. It is written
// to be read beside the op's definition, not to be fast: an element is computed
// again wherever it is used.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "passes/lowering/MathExpansion.h"
#include "passes/lowering/UpstreamOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;

/// Ops that compute element i of their result from elements i of the operands.
static bool isElementwise(Operation *op) {
  return isUpstreamElementwise(op) || isa<ActivationOp, SoftcapOp, CastOp>(op);
}

/// Ops whose rows have something in common: see computeRow.
static bool hasRows(Operation *op) {
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
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    if (llvm::any_of(slice.getStaticOffsets(), ShapedType::isDynamic) ||
        llvm::any_of(slice.getStaticStrides(), ShapedType::isDynamic))
      return op->emitOpError("expects static offsets and strides in a kernel");
  if (isElementwise(op) || hasRows(op) || isView(op) || isSplatOrSize(op) ||
      isa<GatherOp, GatedActivationOp, ArgmaxOp, LinearOp, RopeOp, AppendOp>(
          op))
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

Value LoopElements::element(Value tensor, Indices indices) {
  RankedTensorType type = typeOf(tensor);
  Value buffer = buffers.lookup(tensor);
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    buffer = frame.buffer(argument);
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
  } else if (isa<GatedActivationOp, LinearOp, RopeOp>(op)) {
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

/// What a norm normalises: its input, or the sum of its first two operands.
Value LoopElements::normInput(Operation *op, Indices indices) {
  Value x = element(op->getOperand(0), indices);
  if (!isa<AddRmsNormOp, AddLayerNormOp>(op))
    return x;
  Value sum = add(x, element(op->getOperand(1), indices));
  return round(sum, typeOf(op->getResult(0)).getElementType());
}

/// {mean, factor}: the norm of a row is (x - mean) * factor, then the weights.
SmallVector<Value> LoopElements::computeRow(Operation *op, Indices row) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attend(attention, row);
  if (auto attention = dyn_cast<CachedAttentionOp>(op))
    return attend(attention, row);
  if (auto pool = dyn_cast<PoolOp>(op))
    return sequenceRange(pool.getSequences(),
                         frame.size(pool.getInput().getType(), 0), row[0]);

  RankedTensorType type = typeOf(op->getOperand(0));
  int64_t channels = type.getShape().back();
  Value size = number(channels);
  Value end = integer(channels);
  auto sumOf = [&](function_ref<Value(Value)> term) {
    return loop(integer(0), end, {number(0.0)},
                [&](Value c, ValueRange sum) -> Values {
                  Values indices(row);
                  indices.push_back(c);
                  return {add(sum[0], term(normInput(op, indices)))};
                })[0];
  };
  Value mean = number(0.0);
  if (isa<LayerNormOp, AddLayerNormOp>(op))
    mean = div(sumOf([](Value x) { return x; }), size);
  Value squares = sumOf([&](Value x) {
    Value centred = sub(x, mean);
    return mul(centred, centred);
  });
  Value epsilon = number(
      op->getAttrOfType<FloatAttr>("epsilon").getValue().convertToFloat());
  if (isa<L2NormalizeOp>(op)) {
    Value length = sqrt(squares);
    length = select(isBelow(length, epsilon), epsilon, length);
    return {mean, div(number(1.0), length)};
  }
  Value deviation = sqrt(add(div(squares, size), epsilon));
  return {mean, div(number(1.0), deviation)};
}

Value LoopElements::computeNorm(Operation *op, Indices indices) {
  Values shared = rowValues(op, indices.drop_back());
  Value normed = mul(sub(normInput(op, indices), shared[0]), shared[1]);
  Indices channel = indices.take_back();
  auto scaled = [&](Value weight, APFloat offset) {
    return mul(normed,
               add(element(weight, channel), number(offset.convertToFloat())));
  };
  auto affine = [&](auto norm) {
    return add(scaled(norm.getWeight(), APFloat(0.0f)),
               element(norm.getBias(), channel));
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case<RmsNormOp, AddRmsNormOp>(
          [&](auto norm) { return scaled(norm.getWeight(), norm.getOffset()); })
      .Case<LayerNormOp, AddLayerNormOp>(affine)
      .Default([&](Operation *) { return normed; });
}

/// {first, last + 1} of the tokens t < \p tokens with sequences[t] =
/// \p sequence; {tokens, tokens} where there is none.
SmallVector<Value> LoopElements::sequenceRange(Value sequences, Value tokens,
                                               Value sequence) {
  Values range =
      loop(integer(0), tokens, {tokens, tokens},
           [&](Value t, ValueRange range) -> Values {
             Value isHere = isEqual(element(sequences, {t}), sequence);
             Value isFirst = arith::AndIOp::create(builder, loc, isHere,
                                                   isEqual(range[0], tokens));
             return {select(isFirst, t, range[0]),
                     select(isHere, add(t, integer(1)), range[1])};
           });
  return range;
}

Value LoopElements::computePool(PoolOp op, Indices indices) {
  Values range = rowValues(op, indices.drop_back());
  auto at = [&](Value t) {
    return element(op.getInput(), {t, indices.back()});
  };
  PoolKind kind = op.getKind();
  bool isMax = kind == PoolKind::Max;
  bool isOne = kind == PoolKind::First || kind == PoolKind::Last;
  // First and Last are the sum of one row: an empty range gives no row to read.
  Value zero = number(0.0);
  Value one = integer(1);
  Value isEmpty = isEqual(range[0], range[1]);
  Value from = range[0];
  Value to = range[1];
  if (kind == PoolKind::First)
    to = select(isEmpty, to, add(from, one));
  if (kind == PoolKind::Last)
    from = select(isEmpty, from, sub(to, one));

  double start = isMax ? -std::numeric_limits<double>::infinity() : 0.0;
  Value pooled =
      loop(from, to, {number(start)}, [&](Value t, ValueRange so) -> Values {
        Value x = at(t);
        if (!isMax)
          return {add(so[0], x)};
        return {select(isBelow(x, so[0]), so[0], x)};
      })[0];
  if (isMax)
    return select(isEmpty, zero, pooled);
  if (isOne)
    return pooled;
  Value count = sub(select(isEmpty, add(to, one), to), from);
  return div(pooled, arith::SIToFPOp::create(builder, loc, builder.getF64Type(),
                                             count));
}

Value LoopElements::computeArgmax(ArgmaxOp op, Indices indices) {
  Value least = number(-std::numeric_limits<double>::infinity());
  Value columns = frame.size(op.getInput().getType(), 1);
  return loop(integer(0), columns, {least, integer(0)},
              [&](Value c, ValueRange best) -> Values {
                Value x = element(op.getInput(), {indices[0], c});
                Value isMore = isBelow(best[0], x);
                return {select(isMore, x, best[0]), select(isMore, c, best[1])};
              })[1];
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

Value LoopElements::computeLinear(LinearOp op, Indices indices) {
  Value depth = frame.size(op.getInput().getType(), 1);
  Value sum = loop(integer(0), depth, {number(0.0)},
                   [&](Value k, ValueRange so) -> Values {
                     Value x = element(op.getInput(), {indices[0], k});
                     Value w = element(op.getWeight(), {indices[1], k});
                     return {add(so[0], mul(x, w))};
                   })[0];
  if (!op.getBias())
    return sum;
  return add(sum, element(op.getBias(), {indices[1]}));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Value LoopElements::computeRope(RopeOp op, Indices indices) {
  int64_t width = op.getTable().getType().getDimSize(1);
  Value half = integer(width / 2);
  Value zero = integer(0);
  Value t = indices[0];
  Value head = indices[1];
  Value d = indices[2];
  // Element d < D'/2 has its partner above it, the next D'/2 below. Those past
  // D' read element 0 of the table and leave it.
  Value isTurned = isBelow(d, integer(width));
  Value isLower = isBelow(d, half);
  Value pair = select(isLower, d, sub(d, half));
  pair = select(isTurned, pair, zero);
  Value partner = select(isLower, add(d, half), sub(d, half));
  partner = select(isTurned, partner, d);

  Value position = element(op.getPositions(), {t});
  Value cosine = element(op.getTable(), {position, pair});
  Value sine = element(op.getTable(), {position, add(half, pair)});
  Value x = element(op.getInput(), {t, head, d});
  Value other = mul(element(op.getInput(), {t, head, partner}), sine);
  Value direct = mul(x, cosine);
  Value turned = select(isLower, sub(direct, other), add(direct, other));
  return select(isTurned, turned, x);
}

/// cap(scale * sum over d of query[t, h, d] * key[d]).
template <typename Op>
Value LoopElements::score(Op op, Indices row, const Keys &keys, Value key) {
  Value headSize = frame.size(op.getQuery().getType(), 2);
  Value dot = loop(integer(0), headSize, {number(0.0)},
                   [&](Value d, ValueRange sum) -> Values {
                     Value q = element(op.getQuery(), {row[0], row[1], d});
                     return {add(sum[0], mul(q, keys.key(key, d)))};
                   })[0];
  Value scaled = mul(dot, number(op.getScale().convertToFloat()));
  double softcap = op.getSoftcap().convertToFloat();
  if (softcap == 0)
    return scaled;
  Value cap = number(softcap);
  return mul(cap, buildTanh(builder, loc, div(scaled, cap)));
}

/// {sum}: the sum of the exponentials. The weighted sum of the values stands in
/// the op's scratch, float64, one number for each d.
template <typename Op>
SmallVector<Value> LoopElements::sumValues(Op op, Indices row,
                                           const Keys &keys) {
  RankedTensorType query = op.getQuery().getType();
  Value headSize = frame.size(query, 2);
  Value sums = scratchOf(op, query.getDimSize(2) * sizeof(double));
  auto sumAt = [&](Value d) {
    return buildElementPtr(builder, loc, sums, builder.getF64Type(), d);
  };
  Value least = number(-std::numeric_limits<double>::infinity());
  Value most =
      loop(keys.from, keys.to, {least}, [&](Value u, ValueRange so) -> Values {
        Value s = score(op, row, keys, u);
        return {select(isBelow(s, so[0]), so[0], s)};
      })[0];
  loop(integer(0), headSize, {}, [&](Value d, ValueRange) -> Values {
    buildStore(builder, loc, number(0.0), sumAt(d));
    return {};
  });
  return loop(
      keys.from, keys.to, {number(0.0)}, [&](Value u, ValueRange so) -> Values {
        Value s = score(op, row, keys, u);
        Value p = buildExp(builder, loc, sub(s, most));
        loop(integer(0), headSize, {}, [&](Value d, ValueRange) -> Values {
          Value sum = buildLoad(builder, loc, builder.getF64Type(), sumAt(d));
          sum = add(sum, mul(p, keys.value(u, d)));
          buildStore(builder, loc, sum, sumAt(d));
          return {};
        });
        return {add(so[0], p)};
      });
}

SmallVector<Value> LoopElements::attend(AttentionOp op, Indices row) {
  RankedTensorType query = op.getQuery().getType();
  int64_t group = query.getDimSize(1) / op.getKey().getType().getDimSize(1);
  Value t = row[0];
  Value head = div(row[1], integer(group));
  Values range = sequenceRange(op.getSequences(), frame.size(query, 0),
                               element(op.getSequences(), {t}));
  Value next = add(t, integer(1));
  if (op.getCausal())
    range[1] = next;
  if (op.getWindow() > 0) {
    Value first = sub(next, integer(op.getWindow()));
    range[0] = select(isBelow(range[0], first), first, range[0]);
  }
  auto key = [&](Value u, Value d) {
    return element(op.getKey(), {u, head, d});
  };
  auto value = [&](Value u, Value d) {
    return element(op.getValue(), {u, head, d});
  };
  return sumValues(op, row, {range[0], range[1], key, value});
}

SmallVector<Value> LoopElements::attend(CachedAttentionOp op, Indices row) {
  int64_t group = op.getQuery().getType().getDimSize(1) /
                  op.getKeys().getType().getDimSize(1);
  Value head = div(row[1], integer(group));
  Value slot = element(op.getSequences(), {row[0]});
  Value size = integer(kPagePositions);
  Value to = add(element(op.getPositions(), {row[0]}), integer(1));
  Value from = integer(0);
  if (op.getWindow() > 0) {
    Value first = sub(to, integer(op.getWindow()));
    from = select(isBelow(from, first), first, from);
  }
  auto pageOf = [&](Value u) {
    return element(op.getPageTable(), {slot, div(u, size)});
  };
  auto key = [&](Value u, Value d) {
    return element(op.getKeys(), {pageOf(u), head, d, rem(u, size)});
  };
  auto value = [&](Value u, Value d) {
    return element(op.getValues(), {pageOf(u), head, rem(u, size), d});
  };
  return sumValues(op, row, {from, to, key, value});
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
      .Case([&](ArgmaxOp argmax) { return computeArgmax(argmax, indices); })
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
