//===- KernelCosts.cpp - What a launch of a kernel does -------------------===//
//
// FLOPs, for each element of the result unless said:
//
//     linear                     2 a term of the sum, also of integers, 1 for
//                                the bias
//     attention                  for each pair of a token and a key that it
//                                sees, and each head: 4 a term of the scores
//                                and values, 5 for the softmax, 3 for a softcap
//     rms_norm, layer_norm       4, 7; with a residual sum 1 more
//     l2_normalize, softcap      3
//     rope                       3, where it rotates
//     gated_activation           2
//     quantize                   3
//     gather                     1 with a scale, else 0
//     argmax, panel_argmax, pool mean and max
//                                1 an element of the input
//     append, other pools        0
//     any other op               1
//
// Bytes read of an operand: the rows that a gather, a rope table or a pool of
// one row takes; one place a row of an argmax; nothing of the pages that an
// append writes to; the pages of a cache by the keys that are seen, which only
// a launch knows (rt::PairsAttr); all others whole, through a view what the
// view shows.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/KernelCosts.h"

#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/PackedQuant.h"
#include "dialects/rt/Rt.h"
#include "passes/analysis/BufferSizes.h"
#include "passes/analysis/SizeSums.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/plan/KernelGroups.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <optional>
#include <vector>

using namespace mlir;

namespace lathe {
namespace {

/// Most FLOPs of a launch, bytes of an operand, and most of anything that
/// counts for a pair: what the runtime's check of an artifact accepts.
constexpr int64_t kMostFlops = int64_t(1) << 60;
constexpr int64_t kMostBytes = int64_t(1) << 44;
constexpr int64_t kMostPerPair = int64_t(1) << 40;

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// How much of an operand an op reads.
enum class Extent {
  None,
  Whole,
  Rows,    ///< As many as the extent's value has elements.
  Entries, ///< One number for each element of the extent's value.
  Keys     ///< Those that are seen.
};

struct Reading {
  Extent extent = Extent::Whole;
  Value counted = {}; ///< Of Rows and Entries: its first size is their number.
};

/// What \p use reads of its value.
Reading readingOf(OpOperand &use) {
  Value value = use.get();
  return llvm::TypeSwitch<Operation *, Reading>(use.getOwner())
      .Case([&](GatherOp op) -> Reading {
        if (value == op.getTable())
          return {Extent::Rows, op.getIndices()};
        return {};
      })
      .Case([&](RopeOp op) -> Reading {
        if (value == op.getTable())
          return {Extent::Rows, op.getPositions()};
        return {};
      })
      .Case([&](PoolOp op) -> Reading {
        bool isOneRow =
            op.getKind() == PoolKind::First || op.getKind() == PoolKind::Last;
        if (isOneRow && value == op.getInput())
          return {Extent::Rows, op.getResult()};
        return {};
      })
      .Case([&](ArgmaxOp op) -> Reading {
        if (value == op.getPlaces())
          return {Extent::Entries, op.getResult()};
        return {};
      })
      .Case<AppendOp, CachedAttentionOp>([&](auto op) -> Reading {
        if (value == op.getKeys() || value == op.getValues())
          return {isa<AppendOp>(op) ? Extent::None : Extent::Keys};
        if (value == op.getPageTable())
          return {Extent::Entries, op.getPositions()};
        return {};
      })
      .Default(Reading());
}

/// FLOPs for each element of the first result of \p op.
int64_t flopsOfElement(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case(
          [](GatherOp gather) { return !gather.getScale().isExactlyValue(1); })
      .Case<AppendOp>([](auto) { return 0; })
      .Case<GatedActivationOp>([](auto) { return 2; })
      .Case<L2NormalizeOp, SoftcapOp, QuantizeOp>([](auto) { return 3; })
      .Case<RmsNormOp>([](auto) { return 4; })
      .Case<AddRmsNormOp>([](auto) { return 5; })
      .Case<LayerNormOp>([](auto) { return 7; })
      .Case<AddLayerNormOp>([](auto) { return 8; })
      .Default(int64_t(1));
}

/// Whether all of \p values are bf16.
bool areBf16(ValueRange values) {
  return llvm::all_of(values, [](Value value) {
    return getElementTypeOrSelf(value.getType()).isBF16();
  });
}

/// What the multiply-adds of \p op take; none where it has none.
std::optional<rt::Arithmetic> arithmeticOf(Operation *op) {
  if (!isa<LinearOp, AttentionOp, CachedAttentionOp>(op))
    return std::nullopt;
  auto linear = dyn_cast<LinearOp>(op);
  if (linear && rowQuantOf(linear.getInput().getType()))
    return rt::Arithmetic::Bytes;
  // Input and weight, or queries, keys and values.
  return areBf16(op->getOperands().take_front(linear ? 2 : 3))
             ? rt::Arithmetic::BF16
             : rt::Arithmetic::F32;
}

bool computesNothing(Operation *op) {
  return isView(op) || op->hasTrait<OpTrait::ConstantLike>() ||
         isa<tensor::DimOp, func::ReturnOp>(op);
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// What \p value is a view of, or an update of in place.
Value bufferValue(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto append = dyn_cast<AppendOp>(op))
      value =
          value == append.getNewKeys() ? append.getKeys() : append.getValues();
    else if (isView(op))
      value = op->getOperand(0);
    else
      break;
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

class KernelCounter {
public:
  KernelCounter(func::FuncOp kernel, ArrayRef<StringAttr> symbols)
      : kernel(kernel), context(kernel.getContext()), symbols(symbols),
        readParts(kernel.getNumArguments()) {}

  FailureOr<KernelCost> count();

private:
  SizeProduct &multiplyBySizes(SizeProduct &product, RankedTensorType type,
                               int64_t first, int64_t last);
  SizeProduct &multiplyBySizes(SizeProduct &product, Value value, int64_t first,
                               int64_t last) {
    return multiplyBySizes(product, typeOf(value), first, last);
  }
  SizeProduct elements(Value value);
  static SizeProduct elementBytes(RankedTensorType type);
  SizeProduct rowBytes(Value value);
  SizeProduct bytes(Value value);

  void countFlops(Operation *op);
  void countArithmetic(Operation *op);
  void countReads(Operation *op);
  void countAttention(AttentionOp op);
  void countAttention(CachedAttentionOp op);
  int64_t flopsOfPair(Value query, bool hasSoftcap);
  /// The operand that \p value lies in; null where the kernel computes it.
  BlockArgument argumentOf(Value value);
  /// The number of that; not known without one.
  int64_t operandOf(Value value);

  AffineMap toMap(ArrayRef<SizeSum> sums);
  void addOperands(KernelCost &cost);
  void addResults(KernelCost &cost);

  func::FuncOp kernel;
  MLIRContext *context;
  ArrayRef<StringAttr> symbols;
  SizeSum flops;
  /// Of each operand: what its readers read, together.
  SmallVector<SizeSum> readParts;
  /// What was counted, and by what: two readers of a value read it once.
  llvm::SmallDenseSet<std::pair<Value, Value>> seen;
  SmallVector<Attribute> pairs;
  std::optional<rt::Arithmetic> arithmetic;
  bool isKnown = true;
};

/// Multiplies \p product by the sizes [first, last) of \p type.
SizeProduct &KernelCounter::multiplyBySizes(SizeProduct &product,
                                            RankedTensorType type,
                                            int64_t first, int64_t last) {
  for (int64_t dim = first; dim < last; ++dim) {
    if (!type.isDynamicDim(dim)) {
      product *= type.getDimSize(dim);
      continue;
    }
    const auto *symbol = llvm::find_if(symbols, [&](StringAttr name) {
      return name.getValue() == symbolOfDim(type, dim);
    });
    if (symbol == symbols.end())
      product.isKnown = false;
    else
      product.symbols.push_back(symbol - symbols.begin());
  }
  llvm::sort(product.symbols);
  return product;
}

SizeProduct KernelCounter::elements(Value value) {
  SizeProduct product;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  product.isKnown = bool(type);
  return type ? multiplyBySizes(product, value, 0, type.getRank()) : product;
}

/// Bytes of an element of \p type.
SizeProduct KernelCounter::elementBytes(RankedTensorType type) {
  SizeProduct product;
  Type element = type.getElementType();
  product.isKnown =
      element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  return product.isKnown ? product *= element.getIntOrFloatBitWidth() / 8
                         : product;
}

/// Bytes of a row of \p value: of all sizes but the first.
SizeProduct KernelCounter::rowBytes(Value value) {
  RankedTensorType type = storedType(typeOf(value));
  auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding());
  SizeProduct product = elementBytes(type);
  if (!packed || !packed.getQuant())
    return multiplyBySizes(product, type, 1, type.getRank());
  product = SizeProduct();
  product *=
      PackedQuant(packed).panelBytes(type.getDimSize(1)) / packed.getColumns();
  return product;
}

SizeProduct KernelCounter::bytes(Value value) {
  RankedTensorType type = typeOf(value);
  if (isa_and_nonnull<PackedAttr>(type.getEncoding())) {
    SizeProduct product;
    FailureOr<AffineMap> size = sizeInBytes(type, symbols);
    product.isKnown = succeeded(size);
    if (succeeded(size))
      product *= cast<AffineConstantExpr>(size->getResult(0)).getValue();
    return product;
  }
  SizeProduct product = rowBytes(value);
  return multiplyBySizes(product, value, 0,
                         std::min<int64_t>(type.getRank(), 1));
}

BlockArgument KernelCounter::argumentOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(bufferValue(value));
  bool isOperand = argument && argument.getOwner() == &kernel.getBody().front();
  return isOperand ? argument : BlockArgument();
}

int64_t KernelCounter::operandOf(Value value) {
  BlockArgument argument = argumentOf(value);
  isKnown &= bool(argument);
  return argument ? argument.getArgNumber() : 0;
}

int64_t KernelCounter::flopsOfPair(Value query, bool hasSoftcap) {
  SizeProduct product;
  RankedTensorType type = typeOf(query);
  multiplyBySizes(product, query, 1, 2);
  isKnown &= product.isKnown && product.symbols.empty() &&
             !type.isDynamicDim(2) && type.getDimSize(2) < kMostPerPair;
  if (!isKnown)
    return 0;
  product *= 4 * type.getDimSize(2) + 5 + (hasSoftcap ? 3 : 0);
  isKnown &= product.isKnown && product.factor <= kMostPerPair;
  return product.factor;
}

/// \p window as the artifact may hold it: a wider one hides nothing either.
int64_t windowOf(int64_t window) { return std::min(window, kMostPerPair); }

void KernelCounter::countAttention(AttentionOp op) {
  rt::PairKind kind =
      op.getCausal() ? rt::PairKind::Causal : rt::PairKind::Bidirectional;
  pairs.push_back(
      rt::PairsAttr::get(context, kind, operandOf(op.getSequences()),
                         flopsOfPair(op.getQuery(), !op.getSoftcap().isZero()),
                         windowOf(op.getWindow()), /*positions=*/0, /*keys=*/0,
                         /*values=*/0, /*keyBytes=*/0,
                         /*valueBytes=*/0));
}

void KernelCounter::countAttention(CachedAttentionOp op) {
  // Pages are (pages, Hkv, D, 32) and (pages, Hkv, 32, D): a row of either is
  // 32 positions.
  SizeProduct key = rowBytes(op.getKeys()), value = rowBytes(op.getValues());
  for (const SizeProduct &page : {key, value})
    isKnown &= page.isKnown && page.symbols.empty() &&
               page.factor / kPagePositions <= kMostPerPair;
  pairs.push_back(rt::PairsAttr::get(
      context, rt::PairKind::Cached, operandOf(op.getSequences()),
      flopsOfPair(op.getQuery(), !op.getSoftcap().isZero()),
      windowOf(op.getWindow()), operandOf(op.getPositions()),
      operandOf(op.getKeys()), operandOf(op.getValues()),
      key.factor / kPagePositions, value.factor / kPagePositions));
}

void KernelCounter::countFlops(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return countAttention(attention);
  if (auto attention = dyn_cast<CachedAttentionOp>(op))
    return countAttention(attention);
  if (op->getNumResults() == 0)
    return;
  SizeProduct product = elements(op->getResult(0));
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (linear.getBias())
      flops += product;
    multiplyBySizes(product, linear.getInput(), 1, 2) *= 2;
  } else if (auto rope = dyn_cast<RopeOp>(op)) {
    product = SizeProduct();
    multiplyBySizes(product, rope.getInput(), 0, 2);
    multiplyBySizes(product, rope.getTable(), 1, 2) *= 3;
  } else if (isa<ArgmaxOp, PanelArgmaxOp>(op)) {
    product = elements(op->getOperand(0));
  } else if (auto pool = dyn_cast<PoolOp>(op)) {
    bool isOneRow =
        pool.getKind() == PoolKind::First || pool.getKind() == PoolKind::Last;
    product = elements(pool.getInput());
    product *= isOneRow ? 0 : 1;
  } else {
    product *= flopsOfElement(op);
  }
  flops += product;
}

void KernelCounter::countArithmetic(Operation *op) {
  std::optional<rt::Arithmetic> own = arithmeticOf(op);
  if (!own)
    return;
  if (arithmetic && *arithmetic != *own)
    own = rt::Arithmetic::F32;
  arithmetic = own;
}

void KernelCounter::countReads(Operation *op) {
  for (OpOperand &use : op->getOpOperands()) {
    Value value = use.get();
    BlockArgument argument = argumentOf(value);
    Reading reading = readingOf(use);
    if (!argument || reading.extent == Extent::None ||
        reading.extent == Extent::Keys ||
        !seen.insert({value, reading.counted}).second)
      continue;
    SizeProduct part;
    if (reading.extent == Extent::Whole) {
      part = bytes(value);
    } else {
      part = reading.extent == Extent::Rows ? rowBytes(value)
                                            : elementBytes(typeOf(value));
      multiplyBySizes(part, reading.counted, 0, 1);
    }
    readParts[argument.getArgNumber()] += part;
  }
}

AffineMap KernelCounter::toMap(ArrayRef<SizeSum> sums) {
  SmallVector<AffineExpr> results;
  for (const SizeSum &sum : sums) {
    isKnown &= sum.known();
    results.push_back(sum.toExpr(context));
  }
  return AffineMap::get(0, symbols.size(), results, context);
}

void KernelCounter::addOperands(KernelCost &cost) {
  for (auto [argument, parts] : llvm::zip(kernel.getArguments(), readParts)) {
    SizeSum whole;
    whole += bytes(argument);
    // Parts that overlap are not more than the whole.
    if (parts.isAtMost(whole))
      cost.reads.push_back(toMap(parts));
    else if (whole.isAtMost(parts))
      cost.reads.push_back(toMap(whole));
    else
      cost.reads.push_back(toMap({parts, whole}));
    cost.writes.push_back(toMap(SizeSum()));
  }
}

void KernelCounter::addResults(KernelCost &cost) {
  Operation *end = kernel.getBody().front().getTerminator();
  for (auto [number, value] : llvm::enumerate(end->getOperands())) {
    SizeSum written;
    auto append = value.getDefiningOp<AppendOp>();
    if (append) {
      // A row of pages is 32 positions.
      SizeProduct added = rowBytes(value);
      added.factor /= kPagePositions;
      written += multiplyBySizes(added, append.getKey(), 0, 1);
    } else {
      written += bytes(value);
    }
    auto tied = kernel.getResultAttrOfType<IntegerAttr>(number, kTiedAttr);
    if (tied) {
      cost.writes[tied.getInt()] = toMap(written);
      continue;
    }
    cost.reads.push_back(toMap(SizeSum()));
    cost.writes.push_back(toMap(written));
  }
}

/// Whether \p kernel is a body on tensors.
bool isCountable(func::FuncOp kernel) {
  return !kernel.isExternal() && kernel.getBody().hasOneBlock() &&
         llvm::all_of(llvm::concat<const Type>(kernel.getArgumentTypes(),
                                               kernel.getResultTypes()),
                      llvm::IsaPred<RankedTensorType>);
}

FailureOr<KernelCost> KernelCounter::count() {
  kernel.getBody().walk([&](Operation *op) {
    if (computesNothing(op))
      return;
    countReads(op);
    countFlops(op);
    countArithmetic(op);
  });
  KernelCost cost;
  addOperands(cost);
  addResults(cost);
  cost.flops = toMap(flops);
  cost.pairs = std::move(pairs);
  cost.arithmetic = arithmetic.value_or(rt::Arithmetic::F32);
  if (!isKnown)
    return failure();
  return cost;
}

/// Whether each result of \p map is at most \p limit at the symbols' \p maxima.
bool isBounded(AffineMap map, ArrayRef<int64_t> maxima, int64_t limit) {
  return llvm::all_of(map.getResults(), [&](AffineExpr result) {
    FailureOr<int64_t> largest =
        evaluateSize(AffineMap::get(0, map.getNumSymbols(), result), maxima);
    return succeeded(largest) && *largest <= limit;
  });
}

} // namespace

FailureOr<KernelCost> countKernelCost(func::FuncOp kernel,
                                      ArrayRef<StringAttr> symbols,
                                      ArrayRef<int64_t> maxima) {
  if (!isCountable(kernel))
    return failure();
  FailureOr<KernelCost> cost = KernelCounter(kernel, symbols).count();
  if (failed(cost) || !isBounded(cost->flops, maxima, kMostFlops))
    return failure();
  for (AffineMap map : llvm::concat<AffineMap>(cost->reads, cost->writes))
    if (!isBounded(map, maxima, kMostBytes))
      return failure();
  return cost;
}

} // namespace lathe
