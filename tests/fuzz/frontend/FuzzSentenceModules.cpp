//===- FuzzSentenceModules.cpp - Any bytes as a sentence encoder's files --===//
//
// Three parts, between zeros: modules.json, 1_Pooling/config.json and
// sentence_bert_config.json. A pooling config beside the folder is a trap: it
// alone asks for the last row.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/SentenceModules.h"
#include "tests/fuzz/formats/FuzzFolder.h"
#include "tests/fuzz/formats/FuzzInput.h"

#include <algorithm>

using namespace lathe;
using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const FuzzFolder folder;
  static const std::string model = [] {
    folder.makeFolder("out");
    folder.write("out/config.json", R"({"pooling_mode_lasttoken": true})");
    folder.makeFolder("m");
    folder.makeFolder("m/1_Pooling");
    return folder.path() + "/m";
  }();
  std::string_view rest = asText(data, size);
  bool asksForLast =
      rest.find("last") != rest.npos || rest.find('\\') != rest.npos;
  for (const char *name : {"m/modules.json", "m/1_Pooling/config.json",
                           "m/sentence_bert_config.json"}) {
    size_t end = std::min(rest.find('\0'), rest.size());
    folder.write(name, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  TransformerConfig config;
  Status status = readSentenceModules(model, config);
  if (!status.isOk()) {
    require(status.message().starts_with(model + "/"));
    require(status.message().size() < 2000);
    require(status.code() == StatusCode::InvalidFile ||
            status.code() == StatusCode::Unsupported ||
            status.code() == StatusCode::NotFound ||
            status.code() == StatusCode::IoError);
    return 0;
  }
  require(config.embedTokens >= 0);
  require(asksForLast || config.pool != SentencePool::Last);
  return 0;
}
