//===- FuzzConfig.cpp - Any bytes as config.json and generation_config ----===//
//
// Up to the first 0 the bytes are config.json, what follows, if it is there, is
// generation_config.json. What is accepted must keep the promises of
// TransformerConfig, on which the builder relies unchecked.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"
#include "frontend/models/GenerationConfig.h"
#include "frontend/models/Rope.h"
#include "tests/fuzz/formats/FuzzFolder.h"
#include "tests/fuzz/formats/FuzzInput.h"

#include <algorithm>
#include <cmath>

using namespace lathe;
using namespace lathe::runtime;

/// Sizes positive, one value a layer, parts that divide their wholes.
static void requireWhole(const TransformerConfig &config) {
  for (int64_t size :
       {config.vocabulary, config.hidden, config.intermediate, config.layers,
        config.heads, config.kvHeads, config.headSize, config.context})
    require(size >= 1);
  require(config.heads % config.kvHeads == 0);
  require(config.attentionScales.size() == size_t(config.layers));
  require(config.windows.size() == size_t(config.layers));
  require(std::isfinite(config.normEpsilon) && config.normEpsilon > 0);
  require(!config.names.prefixes.empty());
}

/// The frequencies must come back finite and in time, also for huge factors.
static void requireRope(const TransformerConfig &config) {
  if (!config.rope || config.headSize > 1024)
    return;
  require(ropeContext(config) >= 1);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text = asText(data, size);
  size_t end = std::min(text.find('\0'), text.size());
  Result<Json> json = Json::parse(text.substr(0, end), "f");
  if (!json.isOk()) {
    requireClean(json.status());
    return 0;
  }
  std::vector<std::string> notes;
  Result<TransformerConfig> config = readConfig(*json, notes);
  if (!config.isOk()) {
    requireClean(config.status());
    return 0;
  }
  requireWhole(*config);
  requireRope(*config);
  static const FuzzFolder folder;
  folder.write("generation_config.json",
               text.substr(std::min(end + 1, text.size())));
  Result<std::string> generation = readGeneration(folder.path(), *config);
  if (!generation.isOk())
    require(generation.status().message().starts_with(folder.path()));
  require(Json::parse(defaultGeneration(*config), "f").isOk());
  return 0;
}
