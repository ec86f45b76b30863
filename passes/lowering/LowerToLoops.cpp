//===- LowerToLoops.cpp - Kernels of the slow twin ------------------------===//
//
// The lowering of -O0: every kernel as scalar loops around float64 arithmetic,
// against which the fast kernels are held. It shares with them only the frame
// of the kernel function. What an element is worth, LoopElements says; here are
// the loops that store elements, and what is done in place.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/QuantPages.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/LoopElements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <functional>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERTOLOOPS
#include "passes/Passes.h.inc"

namespace {

/// One result of a kernel: the tensor whose elements are stored, and where.
struct Stored {
  Value tensor;
  unsigned index;
  bool isTied;
};

/// Results of one shape. They are stored by the same loops, element by element,
/// so that one may be written over what another is computed from.
using Group = SmallVector<Stored>;

/// The tensor that holds the same elements in the same order as \p tensor,
/// without the views that only rename its dimensions.
Value withoutReshapes(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (!isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
      break;
    tensor = op->getOperand(0);
  }
  return tensor;
}

RankedTensorType typeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

bool haveOneShape(Value a, Value b) {
  return typeOf(a).getShape() == typeOf(b).getShape() &&
         typeOf(a).getEncoding() == typeOf(b).getEncoding();
}

/// The results of \p kernel but those of an append, by shape. Groups in which
/// something is written in place come last: others may still read it.
SmallVector<Group> groupResults(func::FuncOp kernel) {
  SmallVector<Group> groups;
  Operation *end = kernel.getBody().front().getTerminator();
  for (auto [index, returned] : llvm::enumerate(end->getOperands())) {
    Value tensor = withoutReshapes(returned);
    if (tensor.getDefiningOp<AppendOp>())
      continue;
    auto group = llvm::find_if(groups, [&](const Group &other) {
      return haveOneShape(other.front().tensor, tensor);
    });
    if (group == groups.end())
      group = groups.insert(groups.end(), Group());
    group->push_back({tensor, unsigned(index),
                      bool(kernel.getResultAttr(index, kTiedAttr))});
  }
  auto isWrittenInPlace = [](const Group &group) {
    return llvm::any_of(group,
                        [](const Stored &stored) { return stored.isTied; });
  };
  SmallVector<Group> sorted;
  llvm::copy_if(groups, std::back_inserter(sorted),
                std::not_fn(isWrittenInPlace));
  llvm::copy_if(groups, std::back_inserter(sorted), isWrittenInPlace);
  return sorted;
}

/// Builds the body of one kernel.
class KernelLoops {
public:
  explicit KernelLoops(func::FuncOp kernel)
      : frame(KernelFrame::open(kernel)), elements(frame),
        loc(kernel.getLoc()) {}

  void build() {
    SmallVector<Group> groups = groupResults(frame.source());
    SmallVector<AppendOp> appends(frame.source().getOps<AppendOp>());
    AffineExpr one = getAffineConstantExpr(1, frame.builder().getContext());
    if (groups.size() == 1 && appends.empty()) {
      // A tile is a row of the first dimension.
      const Group &group = groups.front();
      storeGroup(group, {}, frame.begin(), frame.end());
      frame.close(frame.sizeExpr(typeOf(group.front().tensor), 0),
                  elements.scratchBytes());
      return;
    }
    // One tile. The loop runs once, or never where the range is empty.
    elements.loop(frame.begin(), frame.end(), {}, [&](Value, ValueRange) {
      for (AppendOp append : appends)
        storeAppended(append);
      for (const Group &group : groups)
        storeGroup(group, {}, zero(), sizeOf(group, 0));
      return SmallVector<Value>();
    });
    frame.close(one, elements.scratchBytes());
  }

private:
  Value zero() { return buildIndex(frame.builder(), loc, 0); }

  Value sizeOf(const Group &group, int64_t dim) {
    return frame.size(typeOf(group.front().tensor), dim);
  }

  /// Stores the elements of \p group whose first indices are \p indices and
  /// whose next index lies in [from, to).
  void storeGroup(const Group &group, ArrayRef<Value> indices, Value from,
                  Value to) {
    int64_t dim = indices.size();
    bool isRow = dim + 1 == typeOf(group.front().tensor).getRank();
    if (isRow) {
      elements.forgetRows();
      for (const Stored &stored : group)
        elements.prepareRow(stored.tensor, indices);
    }
    elements.loop(from, to, {}, [&](Value index, ValueRange) {
      SmallVector<Value> inner(indices);
      inner.push_back(index);
      if (isRow)
        storeElements(group, inner);
      else
        storeGroup(group, inner, zero(), sizeOf(group, dim + 1));
      return SmallVector<Value>();
    });
  }

  void storeElements(const Group &group, ArrayRef<Value> indices) {
    SmallVector<Value> values;
    for (const Stored &stored : group)
      values.push_back(elements.element(stored.tensor, indices));
    for (auto [stored, value] : llvm::zip_equal(group, values))
      elements.store(value, typeOf(stored.tensor),
                     frame.resultBuffer(stored.index), indices);
  }

  /// The buffer of \p appended, a result of an append that is a result of the
  /// kernel, filled with \p before unless it holds that already.
  Value startAppended(Value appended, Value before) {
    Operation *end = frame.source().getBody().front().getTerminator();
    auto place = llvm::find(end->getOperands(), appended);
    unsigned index = std::distance(end->operand_begin(), place);
    Value buffer = frame.resultBuffer(index);
    if (!frame.source().getResultAttr(index, kTiedAttr)) {
      Group copy = {{before, index, /*isTied=*/false}};
      storeGroup(copy, {}, zero(), sizeOf(copy, 0));
    }
    elements.readFrom(appended, buffer);
    return buffer;
  }

  void storeAppended(AppendOp append) {
    OpBuilder &builder = frame.builder();
    Value keys = startAppended(append.getNewKeys(), append.getKeys());
    Value values = startAppended(append.getNewValues(), append.getValues());
    RankedTensorType type = append.getKey().getType();
    Value size = buildIndex(builder, loc, kPagePositions);
    auto each = [&](int64_t dim, function_ref<void(Value)> body) {
      elements.loop(zero(), frame.size(type, dim), {},
                    [&](Value index, ValueRange) {
                      body(index);
                      return SmallVector<Value>();
                    });
    };
    each(0, [&](Value t) {
      Value position = elements.element(append.getPositions(), {t});
      Value slot = elements.element(append.getSequences(), {t});
      Value inPage = arith::RemSIOp::create(builder, loc, position, size);
      Value pageOfSlot = arith::DivSIOp::create(builder, loc, position, size);
      Value page = elements.element(append.getPageTable(), {slot, pageOfSlot});
      each(1, [&](Value head) {
        elements.storeHead(append.getKeys().getType(), keys,
                           {page, head, inPage, /*isKey=*/true}, [&](Value d) {
                             return elements.element(append.getKey(),
                                                     {t, head, d});
                           });
        elements.storeHead(append.getValues().getType(), values,
                           {page, head, inPage, /*isKey=*/false}, [&](Value d) {
                             return elements.element(append.getValue(),
                                                     {t, head, d});
                           });
      });
    });
  }

  KernelFrame frame;
  LoopElements elements;
  Location loc;
};

LogicalResult verifyAppended(func::FuncOp kernel, AppendOp append) {
  Operation *end = kernel.getBody().front().getTerminator();
  for (Value appended : append.getResults()) {
    auto place = llvm::find(end->getOperands(), appended);
    if (place == end->operand_end())
      return append.emitOpError("expects to be a result of its kernel");
    unsigned index = std::distance(end->operand_begin(), place);
    if (isQuantPages(typeOf(appended)) &&
        !kernel.getResultAttr(index, kTiedAttr))
      return append.emitOpError("expects quantised pages to be updated in "
                                "place");
  }
  return success();
}

/// Whatever could fail later is found here.
LogicalResult verifyKernel(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock())
    return kernel.emitOpError("expects a kernel of one block");
  Operation *end = kernel.getBody().front().getTerminator();
  for (Operation &op : kernel.getBody().front()) {
    if (&op != end && failed(LoopElements::verify(&op)))
      return failure();
    if (auto append = dyn_cast<AppendOp>(op))
      if (failed(verifyAppended(kernel, append)))
        return failure();
  }
  for (Value returned : end->getOperands())
    if (!isa<RankedTensorType>(returned.getType()) ||
        typeOf(returned).getRank() == 0)
      return kernel.emitOpError("expects results of rank 1 or more");
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                            end->getOperandTypes()))
    if (getElementTypeOrSelf(type).isInteger(1))
      return kernel.emitOpError("expects no tensor of i1 in memory, got ")
             << type;
  return success();
}

struct LowerToLoops : impl::LowerToLoopsBase<LowerToLoops> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](func::FuncOp kernel) {
      if (!isUnloweredKernel(kernel))
        return WalkResult::advance();
      if (failed(verifyKernel(kernel)))
        return WalkResult::interrupt();
      KernelLoops(kernel).build();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
