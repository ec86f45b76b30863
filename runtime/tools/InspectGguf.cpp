//===- InspectGguf.cpp - lathe inspect of a GGUF file ---------------------===//

#include "runtime/tools/InspectGguf.h"

#include "runtime/formats/Gguf.h"
#include "runtime/formats/JsonWriter.h"

#include <algorithm>
#include <vector>

using namespace lathe;
using namespace lathe::tools;
using runtime::Gguf;
using runtime::GgufKind;
using runtime::GgufTensor;
using runtime::GgufValue;
using runtime::JsonWriter;

/// Elements of an array and bytes of a string that are shown.
static constexpr size_t kShownElements = 8;
static constexpr size_t kShownBytes = 72;

/// \p text as one JSON string, cut after a whole character.
static std::string quoted(std::string_view text) {
  size_t size = std::min(text.size(), kShownBytes);
  while (size < text.size() && size > 0 && (text[size] & 0xC0) == 0x80)
    --size;
  std::string out;
  runtime::appendJsonString(out, text.substr(0, size));
  return size < text.size() ? out + "..." : out;
}

static bool isFloat(GgufKind kind) {
  return kind == GgufKind::F32 || kind == GgufKind::F64;
}

static std::string numberText(GgufKind kind, double value) {
  JsonWriter json;
  if (kind == GgufKind::F32)
    return json.value(float(value)).take();
  return json.value(value).take();
}

/// The first elements of an array, each as text.
static std::vector<std::string> elementTexts(const GgufValue &value) {
  std::vector<std::string> texts;
  if (value.kind() == GgufKind::String) {
    if (auto list = value.asStrings(); list.isOk())
      for (std::string_view text : *list)
        texts.push_back(quoted(text));
  } else if (isFloat(value.kind())) {
    if (auto list = value.asFloats(); list.isOk())
      for (double number : *list)
        texts.push_back(numberText(value.kind(), number));
  } else if (auto list = value.asInts(); list.isOk()) {
    for (int64_t number : *list)
      texts.push_back(std::to_string(number));
  }
  texts.resize(std::min(texts.size(), kShownElements));
  return texts;
}

static std::string valueText(const GgufValue &value) {
  if (value.isArray()) {
    std::string text = std::to_string(value.size()) + " of " +
                       std::string(runtime::ggufKindName(value.kind()));
    const char *between = ": ";
    std::vector<std::string> elements = elementTexts(value);
    for (const std::string &element : elements) {
      text += between + element;
      between = ", ";
    }
    return elements.size() < value.size() ? text + ", ..." : text;
  }
  if (auto text = value.asString(); text.isOk())
    return quoted(*text);
  if (auto flag = value.asBool(); flag.isOk())
    return *flag ? "true" : "false";
  if (auto number = value.asFloat(); number.isOk())
    return numberText(value.kind(), *number);
  if (auto number = value.asInt(); number.isOk())
    return std::to_string(*number);
  return "an integer of 64 bits";
}

static std::string describe(const Gguf &file) {
  std::string out = "format: GGUF " + std::to_string(file.version()) + ", " +
                    std::to_string(file.values().size()) + " values, " +
                    std::to_string(file.tensors().size()) + " tensors\n";
  out += "metadata:\n";
  for (const GgufValue &value : file.values())
    out += "  " + escaped(runtime::ggufShownName(value.key())) + ": " +
           valueText(value) + "\n";
  out += "tensors, innermost size first:\n";
  for (const GgufTensor &tensor : file.tensors()) {
    out += "  " + escaped(tensor.name) + ": " +
           std::string(runtime::findGgmlType(tensor.type)->name) + " [";
    for (size_t i = 0; i < tensor.dims.size(); ++i)
      out += (i ? ", " : "") + std::to_string(tensor.dims[i]);
    out += "], " + std::to_string(tensor.bytes.size()) + " bytes\n";
  }
  return out;
}

static void writeValue(JsonWriter &json, const GgufValue &value) {
  if (value.isArray()) {
    json.beginObject()
        .field("kind", runtime::ggufKindName(value.kind()))
        .field("count", value.size())
        .endObject();
    return;
  }
  if (auto text = value.asString(); text.isOk())
    json.value(*text);
  else
    json.raw(valueText(value));
}

static std::string jsonOf(const Gguf &file) {
  JsonWriter json;
  json.beginObject().field("schema", "lathe.inspect.v1");
  json.field("version", file.version()).key("metadata").beginObject();
  for (const GgufValue &value : file.values()) {
    // The one value that JSON numbers of 63 bits cannot show is left out.
    if (value.kind() == GgufKind::U64 && !value.isArray() &&
        !value.asInt().isOk())
      continue;
    json.key(value.key());
    writeValue(json, value);
  }
  json.endObject().key("tensors").beginArray();
  for (const GgufTensor &tensor : file.tensors()) {
    json.beginObject()
        .field("name", tensor.name)
        .field("dtype", runtime::findGgmlType(tensor.type)->name);
    json.key("dims").beginArray();
    for (int64_t dim : tensor.dims)
      json.value(dim);
    json.endArray().field("bytes", tensor.bytes.size()).endObject();
  }
  return json.endArray().endObject().take() + "\n";
}

Exit tools::inspectGguf(const std::string &path, bool asJson) {
  runtime::Result<Gguf> file = Gguf::open(path);
  if (!file.isOk())
    return fail(file.takeStatus());
  return print(asJson ? jsonOf(*file) : describe(*file));
}
