//===- MergeProjections.cpp - Merge linear layers of the same input -------===//
//
// The joined weight is a derived parameter, evaluated once at compile time; the
// pieces of the result are views, which cost nothing. So it must run before the
// weights are packed and the kernels outlined.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/analysis/QuantChains.h"
#include "passes/analysis/ValueNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_MERGEPROJECTIONS
#include "passes/Passes.h.inc"

namespace {

/// The parameters of one side, weights or biases, of a group of layers.
using Parameters = SmallVector<FlatSymbolRefAttr, 4>;

FlatSymbolRefAttr parameterOf(Value value) {
  auto get = value ? value.getDefiningOp<GetOp>() : GetOp();
  return get ? get.getSymbolAttr() : FlatSymbolRefAttr();
}

/// Whether \p layer could be part of any merge.
bool isCandidate(LinearOp layer) {
  return parameterOf(layer.getWeight()) &&
         !layer.getWeight().getType().getEncoding() &&
         (!layer.getBias() || parameterOf(layer.getBias()));
}

/// How the weight of \p layer is quantised, if it is.
QuantAttr quantOf(const SymbolTable &table, LinearOp layer) {
  return lathe::quantOf(table, parameterOf(layer.getWeight()).getValue());
}

/// Whether \p layer and \p first, of the same input, can be one contraction.
bool canMerge(const SymbolTable &table, LinearOp first, LinearOp layer) {
  auto elementOf = [](Value value) {
    return value ? getElementTypeOrSelf(value) : Type();
  };
  return first->getBlock() == layer->getBlock() &&
         elementOf(first.getWeight()) == elementOf(layer.getWeight()) &&
         elementOf(first.getBias()) == elementOf(layer.getBias()) &&
         elementOf(first.getResult()) == elementOf(layer.getResult()) &&
         first.getReduceAttr() == layer.getReduceAttr() &&
         quantOf(table, first) == quantOf(table, layer);
}

/// activation(gate) * up, where nothing else reads the three.
struct GatedProduct {
  ActivationOp activation;
  arith::MulFOp product;
};

/// Returns the product in which \p gate and \p up meet, if they do.
std::optional<GatedProduct> findGatedProduct(LinearOp gate, LinearOp up) {
  if (!gate->hasOneUse() || !up->hasOneUse() || gate.getType() != up.getType())
    return std::nullopt;
  auto activation = dyn_cast<ActivationOp>(*gate->user_begin());
  if (!activation || !activation->hasOneUse())
    return std::nullopt;
  auto product = dyn_cast<arith::MulFOp>(*activation->user_begin());
  if (!product || product != *up->user_begin())
    return std::nullopt;
  return GatedProduct{activation, product};
}

class Merger {
public:
  explicit Merger(ModuleOp module) : module(module), table(module) {}

  void merge(MutableArrayRef<LinearOp> layers);
  const SymbolTable &symbols() const { return table; }

private:
  /// Returns a symbol whose value is \p parts joined along dimension 0, of
  /// \p type; made once for all entries.
  FlatSymbolRefAttr join(const Parameters &parts, RankedTensorType type);
  Value getJoined(OpBuilder &builder, Location loc, const Parameters &parts,
                  RankedTensorType type);
  LinearOp buildMerged(OpBuilder &builder, ArrayRef<LinearOp> layers);
  static void replaceByColumns(OpBuilder &builder, LinearOp merged,
                               ArrayRef<LinearOp> layers);

  ModuleOp module;
  SymbolTable table;
  DenseMap<Attribute, FlatSymbolRefAttr> joined;
};

FlatSymbolRefAttr Merger::join(const Parameters &parts, RankedTensorType type) {
  SmallVector<Attribute> key(parts.begin(), parts.end());
  FlatSymbolRefAttr &symbol = joined[ArrayAttr::get(module.getContext(), key)];
  if (symbol)
    return symbol;

  // Declared in front of the entries, where the other parameters are.
  Operation *last = table.lookup(parts.back().getAttr());
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfter(last);
  auto derived =
      DerivedOp::create(builder, last->getLoc(),
                        (parts.front().getValue() + ".merged").str(), type);
  table.insert(derived);
  builder.createBlock(&derived.getBody());
  SmallVector<Value> values;
  for (FlatSymbolRefAttr part : parts) {
    auto partType =
        cast<TypeAttr>(table.lookup(part.getAttr())->getAttr("type"));
    values.push_back(
        GetOp::create(builder, last->getLoc(), partType.getValue(), part));
  }
  Value value = ConcatOp::create(builder, last->getLoc(), type, values,
                                 builder.getI64IntegerAttr(0));
  YieldOp::create(builder, last->getLoc(), value);
  symbol = FlatSymbolRefAttr::get(derived.getSymNameAttr());
  return symbol;
}

Value Merger::getJoined(OpBuilder &builder, Location loc,
                        const Parameters &parts, RankedTensorType type) {
  return GetOp::create(builder, loc, type, join(parts, type));
}

LinearOp Merger::buildMerged(OpBuilder &builder, ArrayRef<LinearOp> layers) {
  LinearOp first = layers.front();
  SmallVector<Location> locs;
  Parameters weights, biases;
  int64_t columns = 0;
  for (LinearOp layer : layers) {
    locs.push_back(layer.getLoc());
    columns += layer.getWeight().getType().getDimSize(0);
    weights.push_back(parameterOf(layer.getWeight()));
    if (layer.getBias())
      biases.push_back(parameterOf(layer.getBias()));
  }

  // The joined value is none of the graph's, so it has a name of its own.
  Location loc = builder.getFusedLoc(locs);
  if (std::string name = nameOfValue(first->getResult(0)); !name.empty())
    loc = NameLoc::get(builder.getStringAttr(name + ".merged"), loc);
  RankedTensorType weightType = first.getWeight().getType();
  Value weight =
      getJoined(builder, loc, weights,
                weightType.clone({columns, weightType.getDimSize(1)}));
  Value bias;
  if (first.getBias())
    bias = getJoined(
        builder, loc, biases,
        cast<RankedTensorType>(first.getBias().getType()).clone({columns}));
  RankedTensorType type = first.getType();
  return LinearOp::create(
      builder, loc, type.clone({type.getDimSize(0), columns}), first.getInput(),
      weight, bias, first.getReduceAttr());
}

void Merger::replaceByColumns(OpBuilder &builder, LinearOp merged,
                              ArrayRef<LinearOp> layers) {
  Location loc = merged.getLoc();
  OpFoldResult rows = tensor::getMixedSize(builder, loc, merged, 0);
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
  int64_t begin = 0;
  for (LinearOp layer : layers) {
    int64_t columns = layer.getType().getDimSize(1);
    Value slice = tensor::ExtractSliceOp::create(
        builder, layer.getLoc(), layer.getType(), merged.getResult(),
        ArrayRef<OpFoldResult>{zero, builder.getIndexAttr(begin)},
        ArrayRef<OpFoldResult>{rows, builder.getIndexAttr(columns)},
        ArrayRef<OpFoldResult>{one, one});
    layer.getResult().replaceAllUsesWith(slice);
    begin += columns;
  }
}

void Merger::merge(MutableArrayRef<LinearOp> layers) {
  // What reads the result stays where it is: the merged layer takes the place
  // of the first one, where the common input is already there.
  OpBuilder builder(layers.front());
  std::optional<GatedProduct> gated;
  if (layers.size() == 2) {
    gated = findGatedProduct(layers[0], layers[1]);
    if (!gated && (gated = findGatedProduct(layers[1], layers[0])))
      std::swap(layers[0], layers[1]);
  }

  LinearOp merged = buildMerged(builder, layers);
  if (gated) {
    builder.setInsertionPoint(gated->product);
    auto result = GatedActivationOp::create(
        builder, gated->product.getLoc(), gated->product.getType(),
        gated->activation.getKindAttr(), merged.getResult());
    gated->product.getResult().replaceAllUsesWith(result.getResult());
    gated->product.erase();
    gated->activation.erase();
  } else {
    replaceByColumns(builder, merged, layers);
  }
  for (LinearOp layer : layers)
    layer.erase();
}

struct MergeProjections : impl::MergeProjectionsBase<MergeProjections> {
  void runOnOperation() override {
    Merger merger(getOperation());
    for (auto entry : getOperation().getOps<func::FuncOp>()) {
      // By input, in the order of the program.
      llvm::MapVector<Value, SmallVector<SmallVector<LinearOp, 4>, 1>> byInput;
      entry.walk([&](LinearOp layer) {
        if (!isCandidate(layer))
          return;
        auto &groups = byInput[layer.getInput()];
        for (auto &group : groups)
          if (canMerge(merger.symbols(), group.front(), layer))
            return group.push_back(layer);
        groups.push_back({layer});
      });
      for (auto &[input, groups] : byInput)
        for (auto &group : groups)
          if (group.size() > 1)
            merger.merge(group);
    }
  }
};

} // namespace
} // namespace lathe
