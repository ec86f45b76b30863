//===- KernelGroups.cpp - Which ops of an entry form a kernel -------------===//
//
// One walk in the order of the block. An op opens a group, or joins that of the
// op whose result it alone reads:
//
//     linear      <- activation, gated_activation, softcap, addf, mulf …,
//                    and the panel_argmax of them
//     elementwise <- elementwise
//     gather      <- gather's sums and the norm of them, which others may read
//     pool        <- l2_normalize
//     rope (key)  <- append, which also takes the rope of the query
//     norm, attention, linear, elementwise <- the rounding of its result,
//                                             to bytes but of the middle two
//
//===----------------------------------------------------------------------===//

#include "passes/plan/KernelGroups.h"

#include "dialects/lathe/Lathe.h"
#include "passes/analysis/KernelRoots.h"
#include "passes/lowering/ElementwiseCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace lathe;

bool lathe::isCondition(Operation *op) { return isa<arith::CmpFOp>(op); }

bool lathe::isView(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op);
}

namespace {

bool isElementwise(Operation *op) {
  return isa<ActivationOp, SoftcapOp>(op) ||
         (op->hasTrait<OpTrait::Elementwise>() &&
          isa<RankedTensorType>(op->getResult(0).getType()));
}

/// Ops that stay in the entry: what launches read and write, and what a kernel
/// takes in by itself.
bool staysInEntry(Operation *op) {
  return isa<GetOp, GetStateOp, SetStateOp, tensor::DimOp, func::CallOp,
             func::ReturnOp>(op) ||
         op->hasTrait<OpTrait::ConstantLike>() || isCondition(op);
}

/// Ops of one kernel at most: what is deep in ops takes long to compile, and
/// lowerings follow a value to its operands by recursion.
constexpr size_t kMaxGroupOps = 64;

/// Whether \p value is a view of another.
bool isViewed(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isView(op);
}

/// The value that \p value is a view of, or itself.
Value baseOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

class Grouping {
public:
  explicit Grouping(bool fuse) : fuse(fuse) {}

  LogicalResult add(Operation *op);
  SmallVector<KernelGroup> takeInOrder();

private:
  /// The group whose one result is \p value, read by one op and not through
  /// views; null if there is none.
  KernelGroup *groupReadOnceAs(Value value);
  /// The group that ends with \p value, if others than \p op read it after
  /// that.
  KernelGroup *groupReadLaterAs(Value value, Operation *op);
  bool canMoveTo(const KernelGroup &group, Operation *op) const;
  bool joinProducer(Operation *op);
  bool joinPanelArgmax(Operation *op);
  bool joinPool(Operation *op);
  bool joinEmbedding(Operation *op);
  bool joinRounding(Operation *op);
  void joinRotations(AppendOp append, KernelGroup &group);
  void joinReturnedView(Operation *view);
  /// Moves \p from into \p into and keeps the order of the block.
  void mergeInto(KernelGroup &into, KernelGroup &from);
  void append(KernelGroup &group, Operation *op);

  bool fuse;
  /// Stable addresses; emptied groups stay, as gaps.
  std::vector<std::unique_ptr<KernelGroup>> groups;
  llvm::DenseMap<Operation *, KernelGroup *> groupOf;
};

void Grouping::append(KernelGroup &group, Operation *op) {
  group.push_back(op);
  groupOf[op] = &group;
}

void Grouping::mergeInto(KernelGroup &into, KernelGroup &from) {
  for (Operation *op : from)
    append(into, op);
  from.clear();
  llvm::sort(into, [](Operation *first, Operation *second) {
    return first->isBeforeInBlock(second);
  });
}

KernelGroup *Grouping::groupReadOnceAs(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result || !result.hasOneUse() || result.getOwner()->getNumResults() != 1)
    return nullptr;
  KernelGroup *group = groupOf.lookup(result.getOwner());
  return group && group->back() == result.getOwner() ? group : nullptr;
}

/// Whether everything that reads \p op comes after \p last.
bool isReadAfter(Operation *op, Operation *last) {
  return llvm::all_of(op->getUsers(), [&](Operation *user) {
    Operation *inBlock = last->getBlock()->findAncestorOpInBlock(*user);
    return inBlock && (inBlock == last || last->isBeforeInBlock(inBlock));
  });
}

KernelGroup *Grouping::groupReadLaterAs(Value value, Operation *op) {
  Operation *source = value.getDefiningOp();
  KernelGroup *group = groupOf.lookup(source);
  bool isLast = group && group->back() == source;
  return isLast && isReadAfter(source, op) ? group : nullptr;
}

/// Whether a kernel that begins with \p root can go on with \p op, an
/// elementwise one or a gate. Contractions compute in f32 only and read what
/// lies as a row does in memory.
bool takesElementwise(Operation *root, Operation *op) {
  if (!isa<LinearOp>(root))
    return isElementwise(root);
  return isVectorElementwise(op) &&
         llvm::none_of(op->getOperands(), [](Value operand) {
           auto condition = operand.getDefiningOp<arith::CmpFOp>();
           // What is rounded is only stored.
           return isViewed(operand) ||
                  operand.getDefiningOp<arith::TruncFOp>() ||
                  (condition &&
                   llvm::any_of(condition->getOperands(), isViewed));
         });
}

/// Whether a kernel of \p group can stand at \p op: nobody else reads one of
/// its values before.
bool Grouping::canMoveTo(const KernelGroup &group, Operation *op) const {
  return llvm::all_of(group, [&](Operation *member) {
    return llvm::all_of(member->getUsers(), [&](Operation *user) {
      return user == op || groupOf.lookup(user) == &group ||
             op->isBeforeInBlock(user);
    });
  });
}

/// Sums and scales of elementwise ops, straight from what computes them.
bool Grouping::joinProducer(Operation *op) {
  bool isGate = isa<GatedActivationOp>(op);
  if (!isGate && !isElementwise(op))
    return false;
  for (Value operand : op->getOperands()) {
    KernelGroup *group = groupReadOnceAs(operand);
    if (!group || group->size() >= kMaxGroupOps ||
        !takesElementwise(group->front(), op) || !canMoveTo(*group, op))
      continue;
    // A gate reads two columns for each that it writes: only a contraction
    // whose columns nothing has changed can arrange them.
    if (isGate && !(group->size() == 1 && isa<LinearOp>(group->front())))
      continue;
    append(*group, op);
    return true;
  }
  return false;
}

/// The largest numbers of what a linear layer computes, and nothing else reads.
bool Grouping::joinPanelArgmax(Operation *op) {
  auto argmax = dyn_cast<PanelArgmaxOp>(op);
  if (!argmax)
    return false;
  KernelGroup *group = groupReadOnceAs(argmax.getInput());
  if (!group || !isa<LinearOp>(group->front()) || !canMoveTo(*group, op) ||
      !argmax.getInput().getType().getElementType().isF32())
    return false;
  append(*group, op);
  return true;
}

/// The length of a pooled row, which one worker has at hand.
bool Grouping::joinPool(Operation *op) {
  if (!isa<L2NormalizeOp>(op))
    return false;
  KernelGroup *group = groupReadOnceAs(op->getOperand(0));
  if (!group || !isa<PoolOp>(group->front()) || group->size() > 1)
    return false;
  append(*group, op);
  return true;
}

bool isEmbedding(const KernelGroup &group) {
  return llvm::all_of(group, llvm::IsaPred<GatherOp, arith::AddFOp>) &&
         llvm::any_of(group, llvm::IsaPred<GatherOp>);
}

/// Gathers, their sum and the norm of it: rows that one worker has at hand.
bool Grouping::joinEmbedding(Operation *op) {
  if (!isa<arith::AddFOp, RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp>(
          op))
    return false;
  KernelGroup *joined = nullptr;
  bool isNorm = isa<RmsNormOp, LayerNormOp>(op);
  for (Value operand : op->getOperands().take_front(isNorm ? 1 : 2)) {
    KernelGroup *group = groupReadOnceAs(operand);
    // A norm stores what it reads where others do too: the first value of the
    // residual stream.
    if (!group && isNorm)
      group = groupReadLaterAs(operand, op);
    if (!group || !isEmbedding(*group))
      continue;
    if (!joined)
      joined = group;
    else if (joined != group)
      mergeInto(*joined, *group);
  }
  if (!joined)
    return false;
  append(*joined, op);
  return true;
}

/// Whether a kernel that begins with \p root can store its result rounded as
/// \p round does. Bytes have scales, for which a whole row must be at hand.
bool takesRounding(Operation *root, Operation *round) {
  bool isRowKernel =
      isElementwise(root) ||
      isa<GatherOp, RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp>(root);
  if (isa<QuantizeOp>(round))
    return isRowKernel;
  if (isa<LinearOp>(root))
    return getElementTypeOrSelf(round->getResult(0).getType()).isBF16();
  return isRowKernel || lathe::isAttention(root);
}

/// A rounded copy is stored by what computes the value, even where others read
/// the value itself.
bool Grouping::joinRounding(Operation *op) {
  if (!isa<arith::TruncFOp, QuantizeOp>(op))
    return false;
  auto value = dyn_cast<OpResult>(op->getOperand(0));
  if (!value || !isa<RankedTensorType>(value.getType()))
    return false;
  Operation *source = value.getOwner();
  KernelGroup *group = groupOf.lookup(source);
  if (!group || group->back() != source || !takesRounding(group->front(), op))
    return false;
  // Attention writes its result once.
  bool isAttention = lathe::isAttention(group->front());
  if ((isAttention && !value.hasOneUse()) || !isReadAfter(source, op))
    return false;
  append(*group, op);
  return true;
}

/// rope(key) of the append, and rope(query) of the same projection.
void Grouping::joinRotations(AppendOp append, KernelGroup &group) {
  auto key = append.getKey().getDefiningOp<RopeOp>();
  if (!key || !key->hasOneUse())
    return;
  Value projection = baseOf(key.getInput());
  SmallVector<KernelGroup *> rotations = {groupOf.lookup(key)};
  for (Operation &op : *append->getBlock()) {
    if (&op == append.getOperation())
      break;
    auto query = dyn_cast<RopeOp>(op);
    if (query && query != key && baseOf(query.getInput()) == projection &&
        query.getPositions() == key.getPositions() &&
        query.getTable() == key.getTable() && isReadAfter(query, append))
      rotations.push_back(groupOf.lookup(query));
  }
  for (KernelGroup *rotation : rotations)
    if (rotation->size() == 1)
      mergeInto(group, *rotation);
}

/// Whether a kernel that begins with \p root can store \p view of its result:
/// contractions and attention write whole rows.
bool takesView(Operation *root, Operation *view) {
  if (isa<LinearOp>(root))
    return isRowReshape(view);
  return !lathe::isAttention(root) || !isa<tensor::ExtractSliceOp>(view);
}

/// A view that the entry itself returns or keeps is computed by the kernel
/// whose result it is of, or by one of its own.
void Grouping::joinReturnedView(Operation *view) {
  bool isReadByEntry = llvm::any_of(view->getUsers(), [](Operation *user) {
    return isa<func::ReturnOp, SetStateOp>(user);
  });
  if (!isReadByEntry)
    return;
  KernelGroup *group = groupReadOnceAs(view->getOperand(0));
  if (group && takesView(group->front(), view) && canMoveTo(*group, view))
    return append(*group, view);
  append(*groups.emplace_back(std::make_unique<KernelGroup>()), view);
}

/// Conditions have no place in memory: each kernel that reads one compares for
/// itself.
LogicalResult checkCondition(Operation *op) {
  for (Operation *user : op->getUsers())
    if (!isa<arith::SelectOp>(user))
      return op->emitOpError("is read by '")
             << user->getName() << "' where only an arith.select can";
  return success();
}

LogicalResult Grouping::add(Operation *op) {
  if (isCondition(op))
    return checkCondition(op);
  if (staysInEntry(op))
    return success();
  if (isView(op)) {
    joinReturnedView(op);
    return success();
  }
  if (!isElementwise(op) && !isa<LatheDialect>(op->getDialect()))
    return op->emitError("expects an op that a kernel can hold, got '")
           << op->getName() << "'";
  if (fuse && (joinPanelArgmax(op) || joinPool(op) || joinEmbedding(op) ||
               joinRounding(op) || joinProducer(op)))
    return success();
  KernelGroup &group = *groups.emplace_back(std::make_unique<KernelGroup>());
  append(group, op);
  if (auto appendOp = dyn_cast<AppendOp>(op); fuse && appendOp)
    joinRotations(appendOp, group);
  return success();
}

SmallVector<KernelGroup> Grouping::takeInOrder() {
  SmallVector<KernelGroup> ordered;
  for (std::unique_ptr<KernelGroup> &group : groups)
    if (!group->empty())
      ordered.push_back(std::move(*group));
  llvm::sort(ordered, [](const KernelGroup &first, const KernelGroup &second) {
    return first.back()->isBeforeInBlock(second.back());
  });
  return ordered;
}

} // namespace

FailureOr<SmallVector<KernelGroup>> lathe::groupOps(Block &block, bool fuse) {
  Grouping grouping(fuse);
  for (Operation &op : block)
    if (failed(grouping.add(&op)))
      return failure();
  return grouping.takeInOrder();
}
