//===- fuzz-json.cpp - Any bytes as JSON, and written back ----------------===//

#include "runtime/formats/Json.h"

#include "runtime/formats/JsonWriter.h"
#include "tests/fuzz/formats/FuzzInput.h"

using namespace lathe::runtime;

/// Writes \p value; its depth is bounded by Json::kMaximumDepth.
static void write(JsonWriter &out, JsonValue value) {
  switch (value.kind()) {
  case JsonKind::Null:
    out.null();
    return;
  case JsonKind::Bool:
    out.value(*value.asBool());
    return;
  case JsonKind::Int:
    out.value(*value.asInt());
    return;
  case JsonKind::Uint:
    out.value(*value.asUint());
    return;
  case JsonKind::Double:
    out.value(*value.asDouble());
    return;
  case JsonKind::String:
    out.value(*value.asString());
    return;
  case JsonKind::Array:
    out.beginArray();
    for (JsonValue element : value.elements())
      write(out, element);
    out.endArray();
    return;
  case JsonKind::Object:
    out.beginObject();
    for (JsonValue member : value.members()) {
      require(value.find(member.key()).has_value());
      out.key(member.key());
      write(out, member);
    }
    out.endObject();
    return;
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Json> json = Json::parse(asText(data, size), "f");
  if (!json.isOk()) {
    requireClean(json.status());
    return 0;
  }
  JsonWriter first;
  write(first, json->root());
  std::string text = first.take();
  Result<Json> again = Json::parse(text, "f");
  require(again.isOk());
  JsonWriter second;
  write(second, again->root());
  require(second.take() == text);
  return 0;
}
