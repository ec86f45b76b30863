//===- Mlp.cpp - The MLP of one block -------------------------------------===//

#include "frontend/models/Builder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace lathe;

Value EntryBuilder::mlp(Value input, int64_t layer) {
  const LayerWeights &row = weights.layers[layer];
  std::string name = "layers." + std::to_string(layer) + ".";
  if (!config.gated) {
    Value up = linear(input, row.up, name + "up");
    locate(name + "activation");
    return linear(activation(up, config.activation), row.down, name + "down");
  }
  Value gate = linear(input, row.gate, name + "gate");
  Value up = linear(input, row.up, name + "up");
  locate(name + "activation");
  gate = activation(gate, config.activation);
  locate(name + "gated");
  Value product = arith::MulFOp::create(builder, gate, up);
  return linear(product, row.down, name + "down");
}
