//===- FuzzGgufConfig.cpp - The config of any GGUF file -------------------===//
//
// What is accepted must keep the promises of TransformerConfig, on which the
// builder relies unchecked.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/ChatTemplates.h"
#include "frontend/models/GgufConfig.h"
#include "frontend/models/Rope.h"
#include "tests/fuzz/formats/FuzzInput.h"

#include <cmath>

using namespace lathe;
using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Gguf> file = Gguf::parse(asBytes(data, size), "f");
  if (!file.isOk())
    return 0;
  if (auto templates = readChatTemplates(*file); !templates.isOk())
    requireClean(templates.status());
  std::vector<std::string> notes;
  Result<TransformerConfig> config = readGgufConfig(*file, notes);
  if (!config.isOk()) {
    requireClean(config.status());
    return 0;
  }
  for (int64_t number : {config->vocabulary, config->hidden,
                         config->intermediate, config->layers, config->heads,
                         config->kvHeads, config->headSize, config->context})
    require(number >= 1);
  require(config->heads % config->kvHeads == 0);
  require(config->headSize % 2 == 0);
  require(config->attentionScales.size() == size_t(config->layers));
  require(config->windows.size() == size_t(config->layers));
  require(std::isfinite(config->normEpsilon) && config->normEpsilon > 0);
  for (const std::vector<int64_t> &ids : {config->bosIds, config->eosIds})
    for (int64_t id : ids)
      require(id >= 0 && id < config->vocabulary);
  if (config->headSize > 1024)
    return 0;
  Result<RopeFrequencies> rope = ropeFrequencies(*config, config->context);
  if (!rope.isOk()) {
    requireClean(rope.status());
    return 0;
  }
  for (double frequency : rope->frequencies)
    require(std::isfinite(frequency));
  return 0;
}
