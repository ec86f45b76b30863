//===- ChatTemplates.cpp - How a model is spoken to -----------------------===//

#include "frontend/models/ChatTemplates.h"

#include "runtime/formats/Json.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

using namespace lathe;
using runtime::Gguf;
using runtime::GgufValue;
using runtime::Json;
using runtime::JsonValue;
using runtime::MappedFile;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

// What the runtime's check of an artifact accepts.
static constexpr size_t kMostTemplates = 64;
static constexpr size_t kLongestTemplate = 1 << 20;
static constexpr size_t kLongestName = 256;

namespace {

/// Templates as they are found; \p where of its functions is "FILE: FIELD".
class TemplateList {
public:
  Status add(const std::string &where, std::string_view name,
             std::string_view text);
  std::vector<ChatTemplate> take() { return std::move(templates); }

private:
  std::vector<ChatTemplate> templates;
};

} // namespace

static Status invalid(const std::string &where, const std::string &what) {
  return Status::error(StatusCode::InvalidFile, where + ": " + what);
}

static bool isPrintable(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

Status TemplateList::add(const std::string &where, std::string_view name,
                         std::string_view text) {
  if (name.empty() || name.size() > kLongestName || !isPrintable(name) ||
      !runtime::text::isUtf8(name))
    return invalid(where, "the name of a template is empty, longer than " +
                              std::to_string(kLongestName) +
                              " bytes, no UTF-8 or has control characters");
  if (text.size() > kLongestTemplate)
    return invalid(where, std::to_string(text.size()) +
                              " bytes are too long for a chat template (at "
                              "most " +
                              std::to_string(kLongestTemplate) + ")");
  if (!runtime::text::isUtf8(text) || text.find('\0') != text.npos)
    return invalid(where, "expected a chat template of UTF-8 without a 0");
  for (const ChatTemplate &other : templates)
    if (other.name == name)
      return invalid(where, "a template of this name is there already");
  if (templates.size() == kMostTemplates)
    return invalid(where, "there are more than " +
                              std::to_string(kMostTemplates) +
                              " chat templates");
  templates.push_back({std::string(name), std::string(text)});
  return Status::ok();
}

/// Adds the field `chat_template` \p field of the file \p file: a text, or a
/// list of objects with `name` and `template`. The default one is left out if
/// \p withoutDefault.
static Status addField(const std::string &file, JsonValue field,
                       bool withoutDefault, TemplateList &list) {
  const std::string where = file + ": chat_template";
  if (field.isNull())
    return Status::ok();
  if (!field.isArray()) {
    Result<std::string_view> text = field.asString();
    if (!text.isOk())
      return text.takeStatus();
    return withoutDefault ? Status::ok()
                          : list.add(where, kDefaultTemplate, *text);
  }
  size_t index = 0;
  for (JsonValue element : field.elements()) {
    Result<std::string_view> name = element.get<std::string_view>("name");
    if (!name.isOk())
      return name.takeStatus();
    Result<std::string_view> text = element.get<std::string_view>("template");
    if (!text.isOk())
      return text.takeStatus();
    std::string place = where + "[" + std::to_string(index++) + "]";
    if (withoutDefault && *name == kDefaultTemplate)
      continue;
    LATHE_RETURN_IF_ERROR(list.add(place, *name, *text));
  }
  return Status::ok();
}

/// Whether \p status says that there is no such file.
static bool isAbsent(const Status &status) {
  return status.code() == StatusCode::NotFound;
}

Result<std::vector<ChatTemplate>>
lathe::readChatTemplates(const std::string &directory) {
  TemplateList list;
  Result<MappedFile> file =
      MappedFile::open(directory + "/chat_template.jinja");
  if (!file.isOk() && !isAbsent(file.status()))
    return file.takeStatus();
  if (file.isOk())
    LATHE_RETURN_IF_ERROR(
        list.add(file->path(), kDefaultTemplate, file->text()));

  Result<Json> config = Json::read(directory + "/tokenizer_config.json");
  if (!config.isOk() && isAbsent(config.status()))
    return list.take();
  if (!config.isOk())
    return config.takeStatus();
  LATHE_RETURN_IF_ERROR(config->root().expectObject());
  if (std::optional<JsonValue> field = config->root().find("chat_template"))
    LATHE_RETURN_IF_ERROR(addField(directory + "/tokenizer_config.json", *field,
                                   /*withoutDefault=*/file.isOk(), list));
  return list.take();
}

Result<std::vector<ChatTemplate>> lathe::readChatTemplates(const Gguf &file) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  TemplateList list;
  for (const GgufValue &value : file.values()) {
    bool isNamed = value.key().starts_with(kKey) &&
                   value.key().substr(kKey.size()).starts_with(".");
    if (value.key() != kKey && !isNamed)
      continue;
    Result<std::string_view> text = value.asString();
    if (!text.isOk())
      return text.takeStatus();
    std::string_view name =
        isNamed ? value.key().substr(kKey.size() + 1) : kDefaultTemplate;
    LATHE_RETURN_IF_ERROR(list.add(
        file.path() + ": " + runtime::ggufShownName(value.key()), name, *text));
  }
  return list.take();
}
