//===- JsonWriter.h - Writes JSON text --------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_JSONWRITER_H
#define LATHE_RUNTIME_FORMATS_JSONWRITER_H

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// Appends \p text to \p out as a JSON string with its quotes. Bytes that are
/// no UTF-8 are replaced by U+FFFD, one for each.
void appendJsonString(std::string &out, std::string_view text);

/// Builds one JSON value, without white space, members in the order of the
/// calls:
///
///     JsonWriter json;
///     json.beginObject().field("loss", 1.5).key("ids").beginArray();
///     json.value(int64_t(3)).endArray().endObject();
///     std::string text = json.take();
///
/// The caller closes what he opened and gives a key before each member; that is
/// asserted, not checked.
class JsonWriter {
public:
  JsonWriter &beginObject();
  JsonWriter &endObject();
  JsonWriter &beginArray();
  JsonWriter &endArray();
  JsonWriter &key(std::string_view name);

  JsonWriter &value(std::string_view text);
  JsonWriter &value(const char *text) { return value(std::string_view(text)); }
  JsonWriter &value(std::same_as<bool> auto boolean) {
    return raw(boolean ? "true" : "false");
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter &value(T integer) {
    return raw(std::to_string(integer));
  }
  /// The shortest text that reads back as the same bits; null for infinities
  /// and NaN, which JSON lacks.
  JsonWriter &value(double real);
  JsonWriter &value(float real);
  JsonWriter &null() { return raw("null"); }
  /// A value that is JSON already.
  JsonWriter &raw(std::string_view json);

  /// key(name) and value(of).
  template <typename T>
  JsonWriter &field(std::string_view name, const T &of) {
    return key(name).value(of);
  }

  /// The text; the writer is then as new.
  std::string take();

private:
  void separate();
  JsonWriter &open(char bracket);
  JsonWriter &close(char bracket);

  std::string out;
  /// For each open bracket, if it has a child already.
  std::vector<bool> hasChild;
  bool afterKey = false;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_JSONWRITER_H
