//===- FuzzChatTemplates.cpp - Any bytes as a checkpoint's templates ------===//
//
// Up to the first 0 the bytes are tokenizer_config.json, what follows, if it is
// there, is chat_template.jinja.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/ChatTemplates.h"
#include "runtime/text/Utf8.h"
#include "tests/fuzz/formats/FuzzFolder.h"
#include "tests/fuzz/formats/FuzzInput.h"

#include <algorithm>
#include <set>

using namespace lathe;
using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const FuzzFolder folder;
  std::string_view bytes = asText(data, size);
  size_t end = std::min(bytes.find('\0'), bytes.size());
  folder.write("tokenizer_config.json", bytes.substr(0, end));
  std::string jinja = folder.path() + "/chat_template.jinja";
  if (end < bytes.size())
    folder.write("chat_template.jinja", bytes.substr(end + 1));
  else
    std::filesystem::remove(jinja);

  Result<std::vector<ChatTemplate>> templates =
      readChatTemplates(folder.path());
  if (!templates.isOk()) {
    require(templates.status().message().starts_with(folder.path() + "/"));
    require(templates.status().message().size() < 2000);
    return 0;
  }
  std::set<std::string> names;
  for (const ChatTemplate &found : *templates) {
    require(!found.name.empty() && names.insert(found.name).second);
    require(text::isUtf8(found.name) && text::isUtf8(found.text));
    require(found.text.find('\0') == found.text.npos);
  }
  return 0;
}
