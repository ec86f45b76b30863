//===- Json.cpp - JSON from outside, checked and kept ---------------------===//
//
// simdjson checks and splits the text; what it gives is kept as a flat list of
// nodes in the order of the text. A container's node has the index past its
// last child, a member is a node of its key and then its value. Nothing but the
// text, the nodes and the strings with escapes stays in memory.
//
// A scan before that bounds depth and memory, so the builder may recurse.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Json.h"

#include "runtime/formats/JsonScan.h"
#include "runtime/formats/MappedFile.h"

#include <algorithm>
#include <vector>

#include <simdjson.h>

using namespace lathe::runtime;
namespace ondemand = simdjson::ondemand;

namespace {

/// Where bytes of a string lie.
struct Slice {
  uint32_t offset;
  uint32_t size;
};

struct Node {
  JsonKind kind;
  bool isKey;
  /// Strings: lies among the unescaped ones, not in the text.
  bool isUnescaped;
  /// Index past this value and all it holds.
  uint32_t next;
  union {
    bool boolean;
    int64_t integer;
    uint64_t natural;
    double real;
    Slice string;
    uint64_t children;
  };
};
static_assert(sizeof(Node) == 16, "the memory bound counts 16 bytes a node");

/// Bytes that simdjson keeps for a token.
constexpr uint64_t kTokenBytes = 4;
/// Bytes of the list in which keys are compared.
constexpr uint64_t kKeyBytes = sizeof(std::string_view);
/// Largest sum of the above and the nodes, in bytes.
constexpr uint64_t kLargestTree = uint64_t(64) << 20;
/// Bytes of a key that a message shows.
constexpr size_t kShownKey = 200;

} // namespace

struct lathe::runtime::JsonData {
  std::string file;
  /// The text between brackets, then simdjson's padding.
  std::unique_ptr<char[]> text;
  size_t size = 0; ///< Of the text with its brackets.
  std::string unescaped;
  std::vector<Node> nodes;

  std::string_view string(const Node &node) const {
    const char *base = node.isUnescaped ? unescaped.data() : text.get();
    return {base + node.string.offset, node.string.size};
  }
};

namespace {

/// Turns a text into nodes.
class Builder {
public:
  explicit Builder(JsonData &data) : data(data) {}

  Status build();

private:
  Status append(ondemand::value value);
  Status appendArray(ondemand::array array);
  Status appendObject(ondemand::object object);
  Status appendNumber(ondemand::value value);
  Status appendString(ondemand::value value);
  Status appendKey(ondemand::field &field);
  Status appendUnescaped(std::string_view string, bool isKey);
  bool appendPlain(const char *begin, bool isKey);
  Status checkKeys(size_t objectIndex);
  Status fail(std::string_view fault);

  Node &push(JsonKind kind) {
    Node node = {};
    node.kind = kind;
    node.next = static_cast<uint32_t>(data.nodes.size() + 1);
    data.nodes.push_back(node);
    return data.nodes.back();
  }

  void close(size_t index, uint64_t children) {
    data.nodes[index].next = static_cast<uint32_t>(data.nodes.size());
    data.nodes[index].children = children;
  }

  JsonData &data;
  const char *last = nullptr;
};

} // namespace

/// Fails at the value that was read last.
Status Builder::fail(std::string_view fault) {
  const char *begin = data.text.get();
  std::string place;
  if (last >= begin && last <= begin + data.size)
    place = "line " + std::to_string(std::count(begin, last, '\n') + 1) + ": ";
  return Status::error(StatusCode::InvalidFile,
                       data.file + ": " + place + std::string(fault));
}

Status Builder::build() {
  ondemand::parser parser;
  ondemand::document document;
  last = data.text.get();
  simdjson::padded_string_view view(data.text.get(), data.size,
                                    data.size + simdjson::SIMDJSON_PADDING);
  simdjson::error_code error = parser.iterate(view).get(document);
  ondemand::array array;
  if (!error)
    error = document.get_array().get(array);
  if (error == simdjson::MEMALLOC)
    return Status::error(StatusCode::ResourceExhausted,
                         data.file + ": not enough memory to read it");
  if (error)
    return fail(std::string("is not valid JSON: ") +
                simdjson::error_message(error));

  size_t count = 0;
  for (simdjson::simdjson_result<ondemand::value> element : array) {
    ondemand::value value;
    if (element.get(value) || count++ > 0)
      return fail("expected one JSON value and nothing after it");
    LATHE_RETURN_IF_ERROR(append(value));
  }
  if (count == 0)
    return fail("expected a JSON value, got nothing");
  return Status::ok();
}

Status Builder::append(ondemand::value value) {
  last = value.raw_json_token().data();
  ondemand::json_type type;
  if (value.type().get(type))
    return fail("expected a JSON value");

  switch (type) {
  case ondemand::json_type::array: {
    ondemand::array array;
    if (value.get_array().get(array))
      return fail("is not a valid array");
    return appendArray(array);
  }
  case ondemand::json_type::object: {
    ondemand::object object;
    if (value.get_object().get(object))
      return fail("is not a valid object");
    return appendObject(object);
  }
  case ondemand::json_type::number:
    return appendNumber(value);
  case ondemand::json_type::string:
    return appendString(value);
  case ondemand::json_type::boolean: {
    bool boolean;
    if (value.get_bool().get(boolean))
      return fail("expected true or false");
    push(JsonKind::Bool).boolean = boolean;
    return Status::ok();
  }
  case ondemand::json_type::null: {
    bool isNull;
    if (value.is_null().get(isNull) || !isNull)
      return fail("expected null");
    push(JsonKind::Null);
    return Status::ok();
  }
  }
  return fail("expected a JSON value");
}

Status Builder::appendArray(ondemand::array array) {
  size_t index = data.nodes.size();
  push(JsonKind::Array);
  uint64_t count = 0;
  for (simdjson::simdjson_result<ondemand::value> element : array) {
    ondemand::value value;
    if (element.get(value))
      return fail("an array goes wrong after this value");
    LATHE_RETURN_IF_ERROR(append(value));
    ++count;
  }
  close(index, count);
  return Status::ok();
}

Status Builder::appendObject(ondemand::object object) {
  size_t index = data.nodes.size();
  push(JsonKind::Object);
  uint64_t count = 0;
  for (simdjson::simdjson_result<ondemand::field> member : object) {
    ondemand::field field;
    if (std::move(member).get(field))
      return fail("an object goes wrong after this value");
    LATHE_RETURN_IF_ERROR(appendKey(field));
    LATHE_RETURN_IF_ERROR(append(field.value()));
    ++count;
  }
  close(index, count);
  return checkKeys(index);
}

Status Builder::appendNumber(ondemand::value value) {
  ondemand::number number;
  if (value.get_number().get(number)) {
    // Integers past 64 bits: tokenizer_config.json of many models has 1e30
    // written out as its longest length.
    double real;
    if (value.get_double().get(real))
      return fail("expected a number that a 64-bit float can hold");
    push(JsonKind::Double).real = real;
    return Status::ok();
  }
  switch (number.get_number_type()) {
  case ondemand::number_type::signed_integer:
    push(JsonKind::Int).integer = number.get_int64();
    break;
  case ondemand::number_type::unsigned_integer:
    push(JsonKind::Uint).natural = number.get_uint64();
    break;
  case ondemand::number_type::floating_point_number:
    push(JsonKind::Double).real = number.get_double();
    break;
  }
  return Status::ok();
}

/// Appends the string that begins at \p begin in the text, unless it has
/// escapes.
bool Builder::appendPlain(const char *begin, bool isKey) {
  const char *end = begin;
  // The scan has found that the string ends.
  while (*end != '"' && *end != '\\')
    ++end;
  if (*end == '\\')
    return false;
  Node &node = push(JsonKind::String);
  node.isKey = isKey;
  node.string = {static_cast<uint32_t>(begin - data.text.get()),
                 static_cast<uint32_t>(end - begin)};
  return true;
}

Status Builder::appendUnescaped(std::string_view string, bool isKey) {
  // A lone \udc00 would become bytes that are no UTF-8.
  if (!simdjson::validate_utf8(string.data(), string.size()))
    return fail("a string has half of a surrogate pair");
  Node &node = push(JsonKind::String);
  node.isKey = isKey;
  node.isUnescaped = true;
  node.string = {static_cast<uint32_t>(data.unescaped.size()),
                 static_cast<uint32_t>(string.size())};
  data.unescaped.append(string);
  return Status::ok();
}

Status Builder::appendString(ondemand::value value) {
  if (appendPlain(last + 1, /*isKey=*/false)) {
    ondemand::raw_json_string consumed;
    if (value.get_raw_json_string().get(consumed))
      return fail("is not a valid string");
    return Status::ok();
  }
  std::string_view string;
  if (value.get_string().get(string))
    return fail("a string has an invalid escape");
  return appendUnescaped(string, /*isKey=*/false);
}

Status Builder::appendKey(ondemand::field &field) {
  last = field.key().raw();
  if (appendPlain(last, /*isKey=*/true))
    return Status::ok();
  std::string_view key;
  if (field.unescaped_key().get(key))
    return fail("a key has an invalid escape");
  return appendUnescaped(key, /*isKey=*/true);
}

/// Refuses an object that has a key twice: readers differ in which one they
/// take.
Status Builder::checkKeys(size_t objectIndex) {
  std::vector<std::string_view> keys;
  keys.reserve(data.nodes[objectIndex].children);
  uint32_t end = data.nodes[objectIndex].next;
  for (uint32_t i = objectIndex + 1; i < end; i = data.nodes[i + 1].next)
    keys.push_back(data.string(data.nodes[i]));
  std::sort(keys.begin(), keys.end());
  auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end())
    return Status::ok();
  return fail("an object has the key '" +
              std::string(twice->substr(0, kShownKey)) + "' twice");
}

/// Checks the bounds of \p text and copies it.
static Result<std::unique_ptr<JsonData>> copyText(std::string_view text,
                                                  std::string file) {
  if (text.size() > Json::kMaximumSize)
    return Status::error(StatusCode::Unsupported,
                         file + ": has " + std::to_string(text.size()) +
                             " bytes, more than " +
                             std::to_string(Json::kMaximumSize));
  Result<JsonScan> scan = scanJson(text, Json::kMaximumDepth, file);
  if (!scan.isOk())
    return scan.takeStatus();
  // None of this can wrap: counts are at most twice the text's size.
  uint64_t memory = scan->tokens * kTokenBytes + scan->values * sizeof(Node) +
                    scan->keys * kKeyBytes;
  if (memory > kLargestTree)
    return Status::error(StatusCode::Unsupported,
                         file + ": has " + std::to_string(scan->values) +
                             " values, too many to read");

  auto data = std::make_unique<JsonData>();
  data->file = std::move(file);
  data->nodes.reserve(scan->values + 1);
  // In brackets, so that a scalar is as good a document as an object.
  data->size = text.size() + 2;
  data->text = std::make_unique_for_overwrite<char[]>(
      data->size + simdjson::SIMDJSON_PADDING);
  char *buffer = data->text.get();
  buffer[0] = '[';
  std::copy(text.begin(), text.end(), buffer + 1);
  buffer[data->size - 1] = ']';
  std::fill_n(buffer + data->size, simdjson::SIMDJSON_PADDING, ' ');
  return data;
}

Result<Json> Json::parse(std::string_view text, std::string file) {
  Result<std::unique_ptr<JsonData>> data = copyText(text, std::move(file));
  if (!data.isOk())
    return data.takeStatus();
  LATHE_RETURN_IF_ERROR(Builder(**data).build());
  return Json(std::move(*data));
}

Result<Json> Json::read(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  Result<std::unique_ptr<JsonData>> data = copyText(file->text(), path);
  // The copy is enough: what parsing needs takes the mapping's place.
  file = Status::error(StatusCode::NotFound, path);
  if (!data.isOk())
    return data.takeStatus();
  LATHE_RETURN_IF_ERROR(Builder(**data).build());
  return Json(std::move(*data));
}

Json::Json(std::unique_ptr<JsonData> data) : data(std::move(data)) {}
Json::Json(Json &&other) noexcept = default;
Json &Json::operator=(Json &&other) noexcept = default;
Json::~Json() = default;

JsonValue Json::root() const { return JsonValue(data.get(), 0); }
const std::string &Json::file() const { return data->file; }

std::string_view lathe::runtime::describe(JsonKind kind) {
  switch (kind) {
  case JsonKind::Null:
    return "null";
  case JsonKind::Bool:
    return "a boolean";
  case JsonKind::Int:
  case JsonKind::Uint:
    return "an integer";
  case JsonKind::Double:
    return "a number";
  case JsonKind::String:
    return "a string";
  case JsonKind::Array:
    return "an array";
  case JsonKind::Object:
    return "an object";
  }
  return "an unknown value";
}

JsonKind JsonValue::kind() const { return data->nodes[index].kind; }

Result<bool> JsonValue::asBool() const {
  if (kind() != JsonKind::Bool)
    return mismatch("true or false");
  return data->nodes[index].boolean;
}

Result<int64_t> JsonValue::asInt() const {
  if (kind() == JsonKind::Uint)
    return error("expected an integer below 2^63, got " +
                 std::to_string(data->nodes[index].natural));
  if (kind() != JsonKind::Int)
    return mismatch("an integer");
  return data->nodes[index].integer;
}

Result<uint64_t> JsonValue::asUint() const {
  const Node &node = data->nodes[index];
  if (node.kind == JsonKind::Uint)
    return node.natural;
  if (node.kind != JsonKind::Int)
    return mismatch("an integer");
  if (node.integer < 0)
    return error("expected an integer of 0 or more, got " +
                 std::to_string(node.integer));
  return static_cast<uint64_t>(node.integer);
}

Result<double> JsonValue::asDouble() const {
  const Node &node = data->nodes[index];
  if (node.kind == JsonKind::Int)
    return static_cast<double>(node.integer);
  if (node.kind == JsonKind::Uint)
    return static_cast<double>(node.natural);
  if (node.kind != JsonKind::Double)
    return mismatch("a number");
  return node.real;
}

Result<std::string_view> JsonValue::asString() const {
  if (kind() != JsonKind::String)
    return mismatch("a string");
  return data->string(data->nodes[index]);
}

Status JsonValue::expectArray() const {
  return isArray() ? Status::ok() : mismatch("an array");
}

Status JsonValue::expectObject() const {
  return isObject() ? Status::ok() : mismatch("an object");
}

size_t JsonValue::size() const {
  return isArray() || isObject() ? data->nodes[index].children : 0;
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  for (JsonValue member : members())
    if (member.key() == key)
      return member;
  return std::nullopt;
}

JsonValue::Range JsonValue::elements() const {
  uint32_t end = isArray() ? data->nodes[index].next : index + 1;
  return {Iterator(data, index + 1, /*hasKeys=*/false),
          Iterator(data, end, /*hasKeys=*/false)};
}

JsonValue::Range JsonValue::members() const {
  uint32_t end = isObject() ? data->nodes[index].next : index + 1;
  return {Iterator(data, index + 1, /*hasKeys=*/true),
          Iterator(data, end, /*hasKeys=*/true)};
}

std::string_view JsonValue::key() const {
  if (index == 0 || !data->nodes[index - 1].isKey)
    return {};
  return data->string(data->nodes[index - 1]);
}

std::string JsonValue::path() const {
  std::string path;
  uint32_t container = 0;
  // One level a turn: the child that holds this value is the next container.
  while (container != index) {
    bool hasKeys = data->nodes[container].kind == JsonKind::Object;
    size_t position = 0;
    uint32_t child = container + 1 + hasKeys;
    for (; data->nodes[child].next <= index; ++position)
      child = data->nodes[child].next + hasKeys;
    if (!hasKeys) {
      path += "[" + std::to_string(position) + "]";
    } else {
      std::string_view key = JsonValue(data, child).key();
      path += (path.empty() ? "" : ".") + std::string(key.substr(0, kShownKey));
    }
    container = child;
  }
  return path;
}

/// Keys and what a message quotes are the file's, and may be of any length.
static std::string shortened(std::string_view text) {
  constexpr size_t kLongest = 800;
  if (text.size() <= kLongest)
    return std::string(text);
  size_t end = kLongest;
  // Not inside a character.
  while (end > 0 && (uint8_t(text[end]) & 0xC0) == 0x80)
    --end;
  return std::string(text.substr(0, end)) + "…";
}

Status JsonValue::error(std::string_view message, StatusCode code) const {
  std::string place = shortened(path());
  if (!place.empty())
    place += ": ";
  return Status::error(code, data->file + ": " + place + shortened(message));
}

Status JsonValue::mismatch(std::string_view expected) const {
  return error("expected " + std::string(expected) + ", got " +
               std::string(describe(kind())));
}

Status JsonValue::missing(std::string_view key) const {
  if (!isObject())
    return mismatch("an object");
  std::string place = path();
  if (!place.empty())
    place += ".";
  return Status::error(StatusCode::InvalidFile,
                       data->file + ": " + shortened(place + std::string(key)) +
                           ": is missing");
}

JsonValue JsonValue::Iterator::operator*() const {
  return JsonValue(data, index + hasKeys);
}

JsonValue::Iterator &JsonValue::Iterator::operator++() {
  index = data->nodes[index + hasKeys].next;
  return *this;
}
