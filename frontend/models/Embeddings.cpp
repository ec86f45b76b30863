//===- Embeddings.cpp - From token ids to the first block's rows ----------===//

#include "frontend/models/Builder.h"

using namespace mlir;
using namespace lathe;

Value EntryBuilder::embeddings() {
  locate("embeddings.tokens");
  Value rows =
      gather(get(weights.tokens), inputs.tokens, config.embeddingScale);
  // The order of these sums is the reference's: types, then positions.
  if (weights.tokenTypes) {
    locate("embeddings.token_types");
    Value types = gather(get(weights.tokenTypes), inputs.tokenTypes);
    rows = sum(rows, types, "embeddings.token_types_sum");
  }
  if (weights.positions) {
    locate("embeddings.positions");
    Value positions = gather(get(weights.positions), inputs.positions);
    rows = sum(rows, positions, "embeddings.positions_sum");
  }
  if (!config.embeddingNorm)
    return rows;
  return norm(rows, weights.embeddingNorm, "embeddings.norm");
}
