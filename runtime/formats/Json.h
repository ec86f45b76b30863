//===- Json.h - JSON from outside, checked and kept -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_JSON_H
#define LATHE_RUNTIME_FORMATS_JSON_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lathe::runtime {

struct JsonData;

enum class JsonKind : uint8_t {
  Null,
  Bool,
  /// An integer in the range of int64_t.
  Int,
  /// An integer above that, in the range of uint64_t.
  Uint,
  /// Any other number.
  Double,
  String,
  Array,
  Object,
};

/// "an object", "a string" …: for messages.
std::string_view describe(JsonKind kind);

/// A value in a Json, which must outlive it. As cheap to copy as two words.
/// Reading is const and may be done from several threads. Errors name the file
/// and the field: "config.json: rope_scaling.factor: expected a number, got a
/// string"; they are InvalidFile.
class JsonValue {
public:
  JsonKind kind() const;
  bool isNull() const { return kind() == JsonKind::Null; }
  bool isBool() const { return kind() == JsonKind::Bool; }
  bool isString() const { return kind() == JsonKind::String; }
  bool isArray() const { return kind() == JsonKind::Array; }
  bool isObject() const { return kind() == JsonKind::Object; }
  bool isInteger() const {
    return kind() == JsonKind::Int || kind() == JsonKind::Uint;
  }
  bool isNumber() const { return isInteger() || kind() == JsonKind::Double; }

  /// The value as a type, or an error if it is of another kind or does not fit.
  /// asDouble takes integers too and rounds them to nearest; a string is UTF-8,
  /// may hold NUL and lives as long as the Json.
  Result<bool> asBool() const;
  Result<int64_t> asInt() const;
  Result<uint64_t> asUint() const;
  Result<double> asDouble() const;
  Result<std::string_view> asString() const;
  /// Ok if the value is an array, or an object; else the error.
  Status expectArray() const;
  Status expectObject() const;

  /// Elements of an array or members of an object; 0 for other kinds.
  size_t size() const;

  /// The member \p key of an object; nothing if there is none or this is not an
  /// object. Looks at the members one by one.
  std::optional<JsonValue> find(std::string_view key) const;

  /// The member \p key as T (bool, int64_t, uint64_t, double, std::string_view
  /// or std::string). An error if it is absent, null or of another kind.
  template <typename T>
  Result<T> get(std::string_view key) const {
    std::optional<JsonValue> member = find(key);
    if (!member || member->isNull())
      return missing(key);
    return member->as<T>();
  }

  /// The same, but \p fallback where the member is absent or null.
  template <typename T>
  Result<T> get(std::string_view key, std::type_identity_t<T> fallback) const {
    std::optional<JsonValue> member = find(key);
    if (!member || member->isNull())
      return fallback;
    return member->as<T>();
  }

  /// as<int64_t>() is asInt(), and so on.
  template <typename T>
  Result<T> as() const {
    if constexpr (std::is_same_v<T, bool>) {
      return asBool();
    } else if constexpr (std::is_same_v<T, int64_t>) {
      return asInt();
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      return asUint();
    } else if constexpr (std::is_same_v<T, double>) {
      return asDouble();
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      return asString();
    } else {
      static_assert(std::is_same_v<T, std::string>);
      Result<std::string_view> text = asString();
      if (!text.isOk())
        return text.takeStatus();
      return std::string(*text);
    }
  }

  class Iterator;
  struct Range;
  /// Elements of an array in order: `for (JsonValue element : v.elements())`.
  /// Nothing for other kinds.
  Range elements() const;
  /// Members of an object in the file's order:
  /// `for (JsonValue member : v.members())`, with member.key(). Nothing for
  /// other kinds.
  Range members() const;
  /// The key of a value that members() or find() gave; else empty.
  std::string_view key() const;

  /// "rope_scaling.factor", "merges[3]"; empty for the root. Walks from the
  /// root: for messages only.
  std::string path() const;
  /// "FILE: PATH: \p message", InvalidFile unless another code is given. PATH
  /// and \p message are cut after 800 bytes.
  Status error(std::string_view message,
               StatusCode code = StatusCode::InvalidFile) const;

private:
  friend class Json;
  JsonValue(const JsonData *data, uint32_t index) : data(data), index(index) {}
  Status mismatch(std::string_view expected) const;
  Status missing(std::string_view key) const;

  const JsonData *data;
  uint32_t index;
};

/// Walks the children of an array or object.
class JsonValue::Iterator {
public:
  JsonValue operator*() const;
  Iterator &operator++();
  bool operator!=(const Iterator &other) const { return index != other.index; }

private:
  friend class JsonValue;
  Iterator(const JsonData *data, uint32_t index, bool hasKeys)
      : data(data), index(index), hasKeys(hasKeys) {}

  const JsonData *data;
  uint32_t index;
  bool hasKeys;
};

struct JsonValue::Range {
  Iterator first;
  Iterator last;
  Iterator begin() const { return first; }
  Iterator end() const { return last; }
};

/// A parsed and checked document. It owns its text; values point into it, also
/// after it was moved.
class Json {
public:
  /// Deepest nesting of arrays and objects that is read.
  static constexpr size_t kMaximumDepth = 64;
  /// Longest text that is read, in bytes.
  static constexpr size_t kMaximumSize = size_t(1) << 30;

  /// Parses \p text, one JSON value with nothing but white space around it.
  /// \p file begins the messages. Strict: UTF-8 without a byte order mark, no
  /// comments, no trailing commas, no NaN, no lone surrogates, no key twice in
  /// an object, numbers that double can hold (integers past 64 bits become
  /// doubles). InvalidFile if that is broken; Unsupported if the result
  /// would take more than 64 MiB beside the text. Copies the text.
  static Result<Json> parse(std::string_view text, std::string file);

  /// Reads and parses the file \p path. Fails as MappedFile::open and parse do.
  static Result<Json> read(const std::string &path);

  Json(Json &&other) noexcept;
  Json &operator=(Json &&other) noexcept;
  ~Json();

  JsonValue root() const;
  /// What begins the messages.
  const std::string &file() const;

private:
  explicit Json(std::unique_ptr<JsonData> data);
  std::unique_ptr<JsonData> data;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_JSON_H
