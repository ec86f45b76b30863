//===- ScheduleKeys.cpp - What names a kernel to its users ----------------===//

#include "passes/lowering/ScheduleKeys.h"

#include "dialects/lathe/QuantRows.h"
#include "passes/analysis/KernelRoots.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/ScheduleCosts.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace lathe {

static void printQuant(raw_ostream &out, QuantAttr quant) {
  out << quant.getQuantum() << ':' << quant.getGroup() << ':'
      << quant.getScale();
  if (quant.getBlock())
    out << ", blocks of " << quant.getBlock();
  if (quant.getMinimum())
    out << ", minima " << quant.getMinimum();
}

/// What the numbers of \p type are stored as: rows of an input, or pages of a
/// cache.
static void printStored(raw_ostream &out, RankedTensorType type) {
  if (QuantAttr quant = rowQuantOf(type))
    printQuant(out, quant);
  else
    out << type.getElementType();
}

static void printLinear(raw_ostream &out, func::FuncOp kernel,
                        LinearOp linear) {
  RankedTensorType weight = linear.getWeight().getType();
  RankedTensorType input = linear.getInput().getType();
  out << "linear " << weight.getDimSize(0) << 'x' << weight.getDimSize(1)
      << ", weight ";
  auto packing = cast<PackedAttr>(weight.getEncoding());
  if (packing.getQuant())
    printQuant(out, packing.getQuant());
  else
    out << weight.getElementType();
  out << ", input ";
  printStored(out, input);
  out << (isForFewRows(kernel, linear) ? ", few rows" : ", many rows");
  if (!isa<BlockArgument>(linear.getInput()) &&
      !matrixViewOf(linear.getInput()))
    out << ", computed first";
  if (contractionWorkOf(kernel, linear).isGated)
    out << ", gated";
  if (int64_t head = headSizeOf(kernel))
    out << ", heads of " << head;
}

static void printAttention(raw_ostream &out, Operation *op) {
  auto query = cast<RankedTensorType>(op->getOperand(0).getType());
  auto key = cast<RankedTensorType>(op->getOperand(1).getType());
  out << "attention " << query.getDimSize(1) << " heads of "
      << query.getDimSize(2) << ", " << key.getDimSize(1) << " key heads, "
      << query.getElementType();
  int64_t window = 0;
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    window = attention.getWindow();
    out << (attention.getCausal() ? ", causal" : "");
  } else {
    window = cast<CachedAttentionOp>(op).getWindow();
    out << ", cached ";
    printStored(out, key);
  }
  if (window > 0)
    out << ", window of " << window;
}

std::optional<std::string> scheduleKeyOf(func::FuncOp kernel) {
  std::string key;
  llvm::raw_string_ostream out(key);
  LinearOp linear = linearOf(kernel);
  if (linear &&
      isa_and_nonnull<PackedAttr>(linear.getWeight().getType().getEncoding()))
    printLinear(out, kernel, linear);
  else if (Operation *attention = attentionOf(kernel))
    printAttention(out, attention);
  if (key.empty())
    return std::nullopt;
  return key;
}

} // namespace lathe
