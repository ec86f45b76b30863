//===- ConfigReader.h - Reads a config.json field by field ------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_CONFIGREADER_H
#define LATHE_FRONTEND_MODELS_CONFIGREADER_H

#include "runtime/formats/Json.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// Reads the members of one JSON object by type and range, remembers which
/// were asked for, and keeps the first error: after it every getter gives its
/// fallback, so that a family reads all its fields and asks once, with
/// status(). A null counts as left out. The Json must outlive it.
class ConfigReader {
public:
  /// Largest size or count that a config may give.
  static constexpr int64_t kMaximumSize = int64_t(1) << 31;

  /// \p root must be an object; status() says so if it is not.
  explicit ConfigReader(runtime::JsonValue root);

  /// An integer in [minimum, maximum].
  int64_t integer(std::string_view key, int64_t fallback, int64_t minimum = 1,
                  int64_t maximum = kMaximumSize);
  std::optional<int64_t> optionalInteger(std::string_view key,
                                         int64_t minimum = 1,
                                         int64_t maximum = kMaximumSize);
  /// A finite number in [minimum, maximum].
  double number(std::string_view key, double fallback, double minimum,
                double maximum);
  /// A finite number above 0 and at most 1e30.
  double positive(std::string_view key, double fallback);
  std::optional<double> optionalPositive(std::string_view key);
  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string fallback);
  /// A list of \p count numbers above 0.
  std::vector<double> positives(std::string_view key, size_t count);
  std::vector<std::string> texts(std::string_view key);
  /// A token id below \p bound, several, or none.
  std::vector<int64_t> ids(std::string_view key, std::vector<int64_t> fallback);
  /// A reader of the object \p key; nothing where it is left out. Its errors
  /// are its own: take them over with merge().
  std::optional<ConfigReader> object(std::string_view key);
  void merge(const ConfigReader &child);

  /// Whether the member is there, also as null.
  bool contains(std::string_view key) const;
  /// Whether the member is there and not null.
  bool has(std::string_view key) const;
  /// The first of \p keys that has(); the first of all if none has.
  std::string_view firstOf(std::initializer_list<std::string_view> keys) const;

  /// Counts \p keys as read: they do not change what a model computes.
  void ignore(std::span<const std::string_view> keys);
  void ignore(std::initializer_list<std::string_view> keys) {
    ignore(std::span(keys.begin(), keys.size()));
  }
  /// Fails with Unsupported if one of \p keys asks for something: anything but
  /// null, false, 0, an empty string, list or object.
  void refuse(std::span<const std::string_view> keys);
  void refuse(std::initializer_list<std::string_view> keys) {
    refuse(std::span(keys.begin(), keys.size()));
  }
  /// Members that ask for something and that nobody read, in the file's order.
  std::vector<std::string> unread() const;

  /// Keeps an error about \p key unless there is one already: InvalidFile, or
  /// Unsupported where the file is well-formed.
  void fail(std::string_view key, std::string_view message);
  void unsupported(std::string_view key, std::string_view message);

  bool isOk() const { return failure.empty(); }
  runtime::Status status() const;
  const runtime::JsonValue &value() const { return root; }

private:
  /// Marks \p key as read; its value unless left out or null.
  std::optional<runtime::JsonValue> take(std::string_view key);
  void keep(const runtime::Status &error);
  void fail(std::string_view key, std::string_view message,
            runtime::StatusCode code);

  runtime::JsonValue root;
  std::set<std::string, std::less<>> read;
  // Not a Status: those cannot be copied, and a reader of a part hands its
  // error on.
  std::string failure;
  runtime::StatusCode code = runtime::StatusCode::Ok;
};

/// "12", "0.5": a number as a message shows it.
std::string numberText(double value);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_CONFIGREADER_H
