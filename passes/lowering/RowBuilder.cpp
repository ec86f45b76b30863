//===- RowBuilder.cpp - Kernels that work row by row ----------------------===//

#include "passes/lowering/RowBuilder.h"

#include "dialects/lathe/QuantPages.h"
#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/QuantReader.h"
#include "passes/lowering/RowShapes.h"
#include "passes/lowering/UpstreamOps.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace lathe {

using Values = KernelCode::Values;

/// The results of the kernel of \p frame, each in its buffer.
static SmallVector<RowBuilder::Target> resultsOf(const KernelFrame &frame) {
  Operation *end = frame.source().getBody().front().getTerminator();
  SmallVector<RowBuilder::Target> targets;
  for (auto [index, value] : llvm::enumerate(end->getOperands()))
    targets.push_back({value, frame.resultBuffer(index)});
  return targets;
}

RowBuilder::RowBuilder(KernelFrame &frame)
    : RowBuilder(frame, resultsOf(frame), frame.scratch()) {}

RowBuilder::RowBuilder(KernelFrame &frame, ArrayRef<Target> targets,
                       Value scratch)
    : frame(frame), code{frame.builder(), frame.source().getLoc()},
      targets(targets), scratch(scratch) {
  for (const Target &target : targets) {
    if (Operation *op = target.value.getDefiningOp())
      needed.insert(op);
    needed.insert_range(opsBehind(target.value));
  }
  collectGroups();
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void RowBuilder::addStore(RankedTensorType shape, const Store &store) {
  bool isPart = llvm::any_of(needed, llvm::IsaPred<LinearOp>);
  int64_t first = isPart ? firstColumnOf(store.source) : 0;
  for (Group &group : groups)
    if (group.shape.getShape() == shape.getShape() &&
        group.firstColumn == first)
      return group.stores.push_back(store);
  groups.push_back({shape, first, {store}});
}

void RowBuilder::collectGroups() {
  for (const Target &target : targets) {
    Value value = target.value;
    countedType = countedTypeOf(value);
    Operation *op = value.getDefiningOp();
    if (auto append = dyn_cast_or_null<AppendOp>(op)) {
      bool isKey = value == append.getNewKeys();
      addStore(append.getKey().getType(),
               {isKey ? Store::Kind::Key : Store::Kind::Value,
                isKey ? append.getKey() : append.getValue(), value});
      continue;
    }
    // Maxima and quanta are stored by their row, a parked input by what reads
    // it first.
    if (isa_and_nonnull<ArgmaxOp, PanelArgmaxOp, QuantizeOp>(op) ||
        isStoredByNorm(value))
      continue;
    addStore(cast<RankedTensorType>(stripReshapes(value).getType()),
             {Store::Kind::Target, value, value});
  }
}

Value RowBuilder::baseOf(Value target) const {
  return llvm::find_if(
             targets,
             [&](const Target &other) { return other.value == target; })
      ->base;
}

void RowBuilder::emitToken(Value token) {
  emitTokenFacts(token);
  for (Operation &op : frame.source().getBody().front())
    if (isWholeRowOp(&op) && !isByHead(&op) && needed.contains(&op))
      emitWholeRow(&op, token, /*head=*/nullptr);
  for (const Group &group : groups)
    emitGroup(group, token, {});
}

void RowBuilder::emitColumns(Value token, const Columns &columns) {
  emitTokenFacts(token);
  parked[columns.value] = {columns.row, code.f32(), /*isRowOnly=*/true};
  for (const Group &group : groups) {
    // Columns are whole heads: those of the group among them.
    int64_t size = group.shape.getDimSize(2);
    Value count = code.index(group.shape.getDimSize(1));
    auto headAt = [&](Value column) {
      Value inGroup =
          code.max(code.add(column, -group.firstColumn), code.index(0));
      return code.min(code.div(inGroup, size), count);
    };
    emitGroup(group, token, {headAt(columns.begin), headAt(columns.end)});
  }
}

/// Base address of \p value, an argument of the kernel.
static Value bufferOf(const KernelFrame &frame, Value value) {
  return frame.buffer(cast<BlockArgument>(value));
}

/// Element at which \p row of a matrix of \p type, packed or not, begins.
static Value rowStart(const KernelCode &code, Value row,
                      RankedTensorType type) {
  int64_t size = type.getDimSize(1);
  if (QuantAttr quant = rowQuantOf(type))
    return code.mul(row, QuantRows(quant, size).rowBytes());
  auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding());
  if (!packed)
    return code.mul(row, size);
  // Its bytes are no array of elements: see loadQuantised.
  if (packed.getQuant())
    return row;
  // [N / columns][K / depth][columns][depth]: docs/design.md, 8.4.
  int64_t columns = packed.getColumns(), depth = packed.getDepth();
  int64_t panel = columns * llvm::alignTo(size, depth);
  return code.add(code.mul(code.div(row, columns), panel),
                  code.mul(code.rem(row, columns), depth));
}

void RowBuilder::emitTokenFacts(Value token) {
  auto read = [&](Value indices) {
    return code.loadIndex(bufferOf(frame, indices), token);
  };
  for (Operation &op : frame.source().getBody().front()) {
    if (!needed.contains(&op))
      continue;
    if (auto gather = dyn_cast<GatherOp>(op)) {
      RankedTensorType table = gather.getTable().getType();
      tokenFacts[&op] = {rowStart(code, read(gather.getIndices()), table)};
    } else if (auto rope = dyn_cast<RopeOp>(op)) {
      int64_t columns = rope.getTable().getType().getDimSize(1);
      tokenFacts[&op] = {code.mul(read(rope.getPositions()), columns)};
    } else if (auto pool = dyn_cast<PoolOp>(op)) {
      Value sequences = bufferOf(frame, pool.getSequences());
      Value count = frame.size(pool.getSequences().getType(), 0);
      Value next = code.add(token, 1);
      tokenFacts[&op] = {code.lowerBound(sequences, count, token),
                         code.lowerBound(sequences, count, next)};
    } else if (auto append = dyn_cast<AppendOp>(op)) {
      Value position = read(append.getPositions());
      Value slotPages = frame.size(append.getPageTable().getType(), 1);
      Value entry = code.add(code.mul(read(append.getSequences()), slotPages),
                             code.div(position, kPagePositions));
      Value pages = bufferOf(frame, append.getPageTable());
      tokenFacts[&op] = {code.loadIndex(pages, entry),
                         code.rem(position, kPagePositions)};
    }
  }
}

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// What the stores of \p group are computed by.
static llvm::SetVector<Operation *> opsOf(ArrayRef<Value> sources) {
  llvm::SetVector<Operation *> ops;
  for (Value source : sources)
    ops.insert_range(opsBehind(source));
  return ops;
}

/// Whether \p target is quantised pages: a head is rounded as a whole, and kept
/// until all of it is there.
static bool isQuantised(Value target) {
  return isQuantPages(cast<RankedTensorType>(target.getType()));
}

void RowBuilder::emitGroup(const Group &group, Value token,
                           const Heads &heads) {
  if (group.shape.getRank() != 3)
    return emitRow(group, token, /*head=*/nullptr);

  // What an earlier group parked in scratch was of another head.
  for (Value value : llvm::to_vector(llvm::make_first_range(parked)))
    if (parked[value].isRowOnly && rankOf(value) == 3)
      parked.erase(value);
  llvm::SetVector<Operation *> ops = opsOf(sourcesOf(group));
  Value begin = heads.begin ? heads.begin : code.index(0);
  Value end = heads.end ? heads.end : code.index(group.shape.getDimSize(1));
  code.loop(begin, end, 1, [&](Value head) {
    for (Operation &op : frame.source().getBody().front())
      if (isWholeRowOp(&op) && isByHead(&op) && ops.contains(&op))
        emitWholeRow(&op, token, head);
    emitRow(group, token, head);
    for (const Store &store : group.stores)
      if (isQuantised(store.target))
        storeQuantised(store, head);
  });
}

/// D' / 2 of the rotations in \p group, 0 if there is none.
int64_t RowBuilder::rotatedHalf(const Group &group) const {
  for (Operation *op : opsOf(sourcesOf(group)))
    if (auto rope = dyn_cast<RopeOp>(op))
      return rope.getTable().getType().getDimSize(1) / 2;
  return 0;
}

SmallVector<Value> RowBuilder::sourcesOf(const Group &group) {
  SmallVector<Value> sources;
  for (const Store &store : group.stores)
    sources.push_back(store.source);
  return sources;
}

void RowBuilder::emitRow(const Group &group, Value token, Value head) {
  // Without heads all of a token is one row.
  int64_t size =
      head ? group.shape.getShape().back() : elementsPerToken(group.shape);
  int64_t half = rotatedHalf(group);
  // Both halves of a rotation are read before either is written: the result
  // may stand where the input stood.
  if (half > 0)
    overColumns(group.shape, token, head, 0, half, {},
                [&](const Place &low, ValueRange) -> Values {
                  Place high = low;
                  high.column = code.add(low.column, half);
                  high.inRow = code.add(low.inRow, half);
                  high.segment = half;
                  storeAt(group, {low, high});
                  return {};
                });
  overColumns(group.shape, token, head, 2 * half, size, {},
              [&](const Place &place, ValueRange) -> Values {
                storeAt(group, {place});
                return {};
              });
}

void RowBuilder::storeAt(const Group &group, ArrayRef<Place> places) {
  SmallVector<Value> numbers;
  for (const Place &place : places)
    for (const Store &store : group.stores)
      numbers.push_back(evaluate(store.source, place));
  const Value *next = numbers.begin();
  for (const Place &place : places)
    for (const Store &store : group.stores) {
      if (store.kind == Store::Kind::Target)
        storeTarget(store.target, *next++, place);
      else
        storeAppended(store, *next++, place);
    }
}

void RowBuilder::storeTarget(Value target, Value numbers, const Place &place) {
  auto type = cast<RankedTensorType>(target.getType());
  Value index =
      code.add(code.mul(place.token, elementsPerToken(type)), place.column);
  code.storeLanes(numbers, baseOf(target), type.getElementType(), index,
                  place.lanes);
}

void RowBuilder::storeAppended(const Store &store, Value numbers,
                               const Place &place) {
  auto append = store.target.getDefiningOp<AppendOp>();
  if (isQuantised(store.target)) {
    int64_t size = append.getKey().getType().getDimSize(2);
    return code.storeLanes(numbers, park(store.target, size), code.f32(),
                           place.inRow, place.lanes);
  }
  ArrayRef<int64_t> page = append.getValues().getType().getShape();
  int64_t heads = page[1], size = page[3];
  Value pageIndex = tokenFacts[append][0];
  Value position = tokenFacts[append][1];
  Value firstOfPage = code.mul(pageIndex, heads * size * kPagePositions);
  Value inHead = place.inRow;
  Value head = code.sub(place.column, inHead); // head * size
  Value start = code.add(firstOfPage, code.mul(head, kPagePositions));
  Value pages = baseOf(store.target);
  Type element =
      cast<RankedTensorType>(store.target.getType()).getElementType();

  // Values lie row by row, keys transposed: one column for each position.
  if (store.kind == Store::Kind::Value) {
    Value row = code.add(start, code.mul(position, size));
    return code.storeLanes(numbers, pages, element, code.add(row, inHead),
                           place.lanes);
  }
  Value rounded = code.narrow(numbers, element);
  Value column =
      code.add(start, code.add(code.mul(inHead, kPagePositions), position));
  for (int64_t lane = 0; lane < place.lanes; ++lane) {
    Value number =
        vector::ExtractOp::create(code.builder, code.loc, rounded, lane);
    buildStore(code.builder, code.loc, number,
               buildElementPtr(code.builder, code.loc, pages, element,
                               code.add(column, lane * kPagePositions)));
  }
}

Values
RowBuilder::overColumns(RankedTensorType shape, Value token, Value head,
                        int64_t first, int64_t last, ValueRange carried,
                        function_ref<Values(const Place &, ValueRange)> body) {
  Value start = head ? code.mul(head, shape.getShape().back()) : code.index(0);
  int64_t whole = first + (last - first) / kLanes * kLanes;
  Values values = llvm::to_vector(carried);
  if (first < whole)
    values = code.loop(code.index(first), code.index(whole), kLanes, values,
                       [&](Value column, ValueRange inner) {
                         Place place{token, code.add(start, column), column,
                                     first, kLanes};
                         return body(place, inner);
                       });
  if (whole < last) {
    Value column = code.index(whole);
    Place place{token, code.add(start, column), column, first, last - whole};
    values = body(place, values);
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Ops that are evaluated where they are used
//===----------------------------------------------------------------------===//

Value RowBuilder::evaluate(Value value, const Place &place) {
  auto type = cast<RankedTensorType>(value.getType());
  if (auto it = parked.find(value); it != parked.end()) {
    const Parked &memory = it->second;
    if (memory.isRowOnly)
      return code.loadLanes(memory.base, memory.element,
                            type.getRank() == 2 ? place.column : place.inRow);
    return loadTensor(memory.base, type, place);
  }
  if (auto argument = dyn_cast<BlockArgument>(value))
    return loadTensor(frame.buffer(argument), type, place);

  Operation *op = value.getDefiningOp();
  if (isRowView(op))
    return evaluateOp(cast<OpResult>(value), place);
  // A matrix has no heads: its rows are the tokens.
  Place inside = place;
  if (type.getRank() == 2)
    inside.inRow = place.column;
  Value numbers = evaluateOp(cast<OpResult>(value), inside);
  // Fused or not, an op rounds its result.
  Type element = type.getElementType();
  return element.isF32() || element.isInteger(1)
             ? numbers
             : buildWiden(code.builder, code.loc,
                          code.narrow(numbers, element));
}

Value RowBuilder::loadTensor(Value base, RankedTensorType type,
                             const Place &place) {
  Value index =
      code.add(code.mul(place.token, elementsPerToken(type)), place.column);
  return code.loadLanes(base, type.getElementType(), index);
}

Value RowBuilder::loadRow(Value row, Value inRow) {
  auto type = cast<RankedTensorType>(row.getType());
  StoredRow stored = *storedRowOf(row);
  return code.loadLanes(frame.buffer(stored.argument), type.getElementType(),
                        code.add(inRow, stored.offset));
}

Value RowBuilder::evaluateOp(OpResult value, const Place &place) {
  Operation *op = value.getOwner();
  OpBuilder &builder = code.builder;
  return TypeSwitch<Operation *, Value>(op)
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](auto view) { return evaluate(view.getSrc(), place); })
      .Case([&](tensor::ExtractSliceOp view) {
        Place shifted = place;
        shifted.column = code.add(place.column, sliceOffset(view));
        return evaluate(view.getSource(), shifted);
      })
      .Case([&](ActivationOp activation) {
        return buildActivation(builder, code.loc, activation.getKind(),
                               evaluate(activation.getInput(), place),
                               activation.getRounded());
      })
      .Case([&](GatedActivationOp gated) {
        Place up = place;
        int64_t columns = gated.getResult().getType().getDimSize(1);
        up.column = code.add(place.column, columns);
        up.inRow = up.column;
        Value gate = buildActivation(builder, code.loc, gated.getKind(),
                                     evaluate(gated.getInput(), place));
        return code.mulf(gate, evaluate(gated.getInput(), up));
      })
      .Case([&](SoftcapOp softcap) {
        return buildSoftcap(builder, code.loc,
                            evaluate(softcap.getInput(), place),
                            softcap.getCap().convertToFloat());
      })
      .Case([&](GatherOp gather) { return evaluateGather(gather, place); })
      .Case([&](RopeOp rope) { return evaluateRope(rope, place); })
      .Case([&](PoolOp pool) { return evaluatePool(pool, place); })
      .Case<AddRmsNormOp, AddLayerNormOp>([&](auto norm) {
        if (value == norm.getResult())
          return evaluateNorm(op, place);
        return code.addf(evaluate(norm.getLhs(), place),
                         evaluate(norm.getRhs(), place));
      })
      .Case<RmsNormOp, LayerNormOp, L2NormalizeOp>(
          [&](auto) { return evaluateNorm(op, place); })
      .Default([&](Operation *other) { return evaluateArith(other, place); });
}

Value RowBuilder::evaluateArith(Operation *op, const Place &place) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto number = cast<DenseElementsAttr>(constant.getValue());
    return code.splat(number.getSplatValue<APFloat>().convertToFloat());
  }
  Values operands;
  for (Value operand : op->getOperands())
    operands.push_back(evaluate(operand, place));
  return buildUpstreamF32(code.builder, code.loc, op, operands);
}

Value RowBuilder::evaluateNorm(Operation *op, const Place &place) {
  const RowFacts facts = rowFacts[op];
  Value x = evaluate(normInput(op), place);
  if (isa<L2NormalizeOp>(op))
    return code.divf(x, facts.scale);

  Value weight = loadRow(normWeight(op), place.inRow);
  if (Value bias = normBias(op)) {
    Value scaled = code.mulf(code.subf(x, facts.mean), facts.scale);
    return code.fma(scaled, weight, loadRow(bias, place.inRow));
  }
  if (float offset = normOffset(op); offset != 0.0f)
    weight = code.addf(weight, code.splat(offset));
  return code.mulf(code.mulf(x, facts.scale), weight);
}

Value RowBuilder::loadPacked(Value base, RankedTensorType type, Value start,
                             const Place &place) {
  auto packed = cast<PackedAttr>(type.getEncoding());
  int64_t columns = packed.getColumns(), depth = packed.getDepth();
  VectorType lanes = code.lanes(type.getElementType());
  Value row = arith::ConstantOp::create(code.builder, code.loc, lanes,
                                        code.builder.getZeroAttr(lanes));
  for (int64_t lane = 0; lane < place.lanes; ++lane) {
    Value column = code.add(place.column, lane);
    Value block = code.mul(code.div(column, depth), columns * depth);
    Value index = code.add(start, code.add(block, code.rem(column, depth)));
    Value pointer = buildElementPtr(code.builder, code.loc, base,
                                    type.getElementType(), index);
    Value number =
        buildLoad(code.builder, code.loc, type.getElementType(), pointer);
    row = vector::InsertOp::create(code.builder, code.loc, number, row, lane);
  }
  return buildWiden(code.builder, code.loc, row);
}

Value RowBuilder::loadQuantised(Value base, RankedTensorType type, Value row,
                                const Place &place) {
  constexpr int64_t octet = 8;
  auto packed = cast<PackedAttr>(type.getEncoding());
  QuantReader reader(code, packed, /*lanes=*/1);
  QuantAttr quant = packed.getQuant();
  int64_t columns = packed.getColumns();
  Value panel = code.mul(code.div(row, columns),
                         reader.sizes().panelBytes(type.getDimSize(1)));
  VectorType lanes = code.lanes(code.f32());
  Value numbers = arith::ConstantOp::create(code.builder, code.loc, lanes,
                                            code.builder.getZeroAttr(lanes));
  // Rows are whole groups, and a vector begins with an octet of one.
  for (int64_t first = 0; first < kLanes; first += octet) {
    Value term = code.add(place.column, first);
    Value unit =
        code.mul(code.div(term, quant.unit()), reader.sizes().unitBytes());
    QuantReader::Place at{buildElementPtr(code.builder, code.loc, base,
                                          code.builder.getI8Type(),
                                          code.add(panel, unit)),
                          code.rem(row, columns)};
    Value inUnit = code.rem(term, quant.unit());
    Value group = code.div(inUnit, quant.getGroup());
    Value inGroup = code.div(code.rem(inUnit, quant.getGroup()), octet);
    auto terms =
        reader.loadTerms(at, group, inGroup, reader.loadFactors(at, group));
    for (auto [i, number] : llvm::enumerate(terms)) {
      Value scalar = vector::ExtractOp::create(code.builder, code.loc, number,
                                               ArrayRef<int64_t>{0});
      numbers = vector::InsertOp::create(code.builder, code.loc, scalar,
                                         numbers, first + int64_t(i));
    }
  }
  return numbers;
}

/// 16 numbers of the row of bytes at \p start bytes from \p base.
Value RowBuilder::loadBytes(Value base, const QuantRows &layout, Value start,
                            const Place &place) {
  OpBuilder &builder = code.builder;
  Type i8 = builder.getI8Type();
  Value row = buildElementPtr(builder, code.loc, base, i8, start);
  Value quanta =
      buildLoad(builder, code.loc, code.lanes(i8),
                buildElementPtr(builder, code.loc, row, i8, place.column));
  Value integers = arith::ExtSIOp::create(
      builder, code.loc, code.lanes(builder.getI32Type()), quanta);
  Value numbers = arith::SIToFPOp::create(builder, code.loc,
                                          code.lanes(code.f32()), integers);
  Value scales =
      buildElementPtr(builder, code.loc, row, i8, layout.scalesOffset());
  // 16 columns from a multiple of 16 on lie in one group.
  Value scale = code.loadNumber(scales, code.f32(),
                                code.div(place.column, layout.group()));
  return code.mulf(code.broadcast(scale), numbers);
}

Value RowBuilder::evaluateGather(GatherOp op, const Place &place) {
  RankedTensorType type = op.getTable().getType();
  Value table = bufferOf(frame, op.getTable());
  Value start = tokenFacts[op][0];
  auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding());
  Value row;
  if (QuantAttr quant = rowQuantOf(type))
    row = loadBytes(table, {quant, type.getDimSize(1)}, start, place);
  else if (packed && packed.getQuant())
    row = loadQuantised(table, type, start, place);
  else if (packed)
    row = loadPacked(table, type, start, place);
  else
    row = code.loadLanes(table, type.getElementType(),
                         code.add(start, place.column));
  float scale = op.getScale().convertToFloat();
  return scale == 1.0f ? row : code.mulf(row, code.splat(scale));
}

Value RowBuilder::evaluateRope(RopeOp op, const Place &place) {
  RankedTensorType tableType = op.getTable().getType();
  int64_t half = tableType.getDimSize(1) / 2;
  if (place.segment >= 2 * half)
    return evaluate(op.getInput(), place);

  bool isLow = place.segment < half;
  Place other = place;
  other.column = code.add(place.column, isLow ? half : -half);
  other.inRow = code.add(place.inRow, isLow ? half : -half);
  Value pair = isLow ? place.inRow : other.inRow;
  Value table = bufferOf(frame, op.getTable());
  Value cosIndex = code.add(tokenFacts[op][0], pair);
  Type element = tableType.getElementType();
  Value cosine = code.loadLanes(table, element, cosIndex);
  Value sine = code.loadLanes(table, element, code.add(cosIndex, half));

  Value here = evaluate(op.getInput(), place);
  Value there = code.mulf(evaluate(op.getInput(), other), sine);
  Value turned = code.mulf(here, cosine);
  return isLow ? code.subf(turned, there) : code.addf(turned, there);
}

Value RowBuilder::evaluatePool(PoolOp op, const Place &place) {
  Value first = tokenFacts[op][0], last = tokenFacts[op][1];
  Value zero = code.splat(0.0f);
  Value hasTokens = code.less(first, last);
  auto at = [&](Value token) {
    Place there = place;
    there.token = token;
    return evaluate(op.getInput(), there);
  };
  PoolKind kind = op.getKind();
  if (kind == PoolKind::First || kind == PoolKind::Last) {
    // Of an empty sequence a row that exists is read, and not used.
    Value token = kind == PoolKind::First ? first : code.add(last, -1);
    Value row = at(code.select(hasTokens, token, code.index(0)));
    return code.select(hasTokens, row, zero);
  }
  bool isMean = kind == PoolKind::Mean;
  Value start =
      isMean ? zero : code.splat(-std::numeric_limits<float>::infinity());
  Values sum = code.loop(first, last, 1, start,
                         [&](Value token, ValueRange carried) -> Values {
                           Value row = at(token);
                           return {isMean ? code.addf(carried[0], row)
                                          : code.maxf(carried[0], row)};
                         });
  Value result = sum[0];
  if (isMean) {
    Value count = arith::SIToFPOp::create(code.builder, code.loc, code.f32(),
                                          code.sub(last, first));
    result = code.divf(result, code.broadcast(count));
  }
  return code.select(hasTokens, result, zero);
}

} // namespace lathe
