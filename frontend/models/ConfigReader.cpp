//===- ConfigReader.cpp - Reads a config.json field by field --------------===//

#include "frontend/models/ConfigReader.h"

#include <cmath>
#include <cstdio>

using namespace lathe;
using runtime::JsonKind;
using runtime::JsonValue;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Tokens of one id, layers of one list: more is not a model.
static constexpr size_t kLongestList = 1 << 16;

std::string lathe::numberText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

/// Whether \p value asks for nothing.
static bool isFalsy(const JsonValue &value) {
  switch (value.kind()) {
  case JsonKind::Null:
    return true;
  case JsonKind::Bool:
    return !*value.asBool();
  case JsonKind::Int:
  case JsonKind::Uint:
  case JsonKind::Double:
    return *value.asDouble() == 0.0;
  case JsonKind::String:
    return value.asString()->empty();
  case JsonKind::Array:
  case JsonKind::Object:
    return value.size() == 0;
  }
  return false;
}

ConfigReader::ConfigReader(JsonValue root) : root(root) {
  keep(root.expectObject());
}

std::optional<JsonValue> ConfigReader::take(std::string_view key) {
  read.emplace(key);
  std::optional<JsonValue> member = root.find(key);
  if (!member || member->isNull())
    return std::nullopt;
  return member;
}

void ConfigReader::keep(const Status &error) {
  if (error.isOk() || !isOk())
    return;
  failure = error.message();
  code = error.code();
}

void ConfigReader::fail(std::string_view key, std::string_view message,
                        StatusCode errorCode) {
  std::optional<JsonValue> member = root.find(key);
  keep(member ? member->error(message, errorCode)
              : root.error(std::string(key) + ": " + std::string(message),
                           errorCode));
}

void ConfigReader::fail(std::string_view key, std::string_view message) {
  fail(key, message, StatusCode::InvalidFile);
}

void ConfigReader::unsupported(std::string_view key, std::string_view message) {
  fail(key, message, StatusCode::Unsupported);
}

Status ConfigReader::status() const {
  return isOk() ? Status::ok() : Status::error(code, failure);
}

void ConfigReader::merge(const ConfigReader &child) {
  if (child.isOk() || !isOk())
    return;
  failure = child.failure;
  code = child.code;
}

std::optional<int64_t> ConfigReader::optionalInteger(std::string_view key,
                                                     int64_t minimum,
                                                     int64_t maximum) {
  std::optional<JsonValue> member = take(key);
  if (!member)
    return std::nullopt;
  Result<int64_t> value = member->asInt();
  if (!value.isOk()) {
    keep(value.status());
    return std::nullopt;
  }
  if (*value < minimum || *value > maximum) {
    fail(key, "expected an integer from " + std::to_string(minimum) + " to " +
                  std::to_string(maximum) + ", got " + std::to_string(*value));
    return std::nullopt;
  }
  return *value;
}

int64_t ConfigReader::integer(std::string_view key, int64_t fallback,
                              int64_t minimum, int64_t maximum) {
  return optionalInteger(key, minimum, maximum).value_or(fallback);
}

double ConfigReader::number(std::string_view key, double fallback,
                            double minimum, double maximum) {
  std::optional<JsonValue> member = take(key);
  if (!member)
    return fallback;
  Result<double> value = member->asDouble();
  if (!value.isOk()) {
    keep(value.status());
    return fallback;
  }
  if (!(*value >= minimum && *value <= maximum)) {
    fail(key, "expected a number from " + numberText(minimum) + " to " +
                  numberText(maximum) + ", got " + numberText(*value));
    return fallback;
  }
  return *value;
}

std::optional<double> ConfigReader::optionalPositive(std::string_view key) {
  if (!has(key)) {
    ignore({key});
    return std::nullopt;
  }
  return number(key, 1.0, 1e-30, 1e30);
}

double ConfigReader::positive(std::string_view key, double fallback) {
  return optionalPositive(key).value_or(fallback);
}

bool ConfigReader::boolean(std::string_view key, bool fallback) {
  std::optional<JsonValue> member = take(key);
  if (!member)
    return fallback;
  Result<bool> value = member->asBool();
  keep(value.status());
  return value.isOk() ? *value : fallback;
}

std::string ConfigReader::text(std::string_view key, std::string fallback) {
  std::optional<JsonValue> member = take(key);
  if (!member)
    return fallback;
  Result<std::string_view> value = member->asString();
  keep(value.status());
  return value.isOk() ? std::string(*value) : fallback;
}

std::vector<double> ConfigReader::positives(std::string_view key,
                                            size_t count) {
  std::optional<JsonValue> member = take(key);
  if (!member) {
    fail(key, "expected a list of " + std::to_string(count) +
                  " numbers, there is none");
    return {};
  }
  keep(member->expectArray());
  if (isOk() && member->size() != count)
    fail(key, "expected a list of " + std::to_string(count) +
                  " numbers, got one of " + std::to_string(member->size()));
  std::vector<double> values;
  if (!isOk())
    return values;
  for (JsonValue element : member->elements()) {
    Result<double> value = element.asDouble();
    keep(value.status());
    if (value.isOk() && !(*value > 0.0 && *value <= 1e30))
      keep(element.error("expected a number above 0, got " +
                         numberText(*value)));
    if (!isOk())
      return {};
    values.push_back(*value);
  }
  return values;
}

std::vector<std::string> ConfigReader::texts(std::string_view key) {
  std::optional<JsonValue> member = take(key);
  std::vector<std::string> values;
  if (!member)
    return values;
  keep(member->expectArray());
  if (member->size() > kLongestList)
    fail(key, "a list of " + std::to_string(member->size()) +
                  " elements is too long");
  if (!isOk())
    return values;
  for (JsonValue element : member->elements()) {
    Result<std::string_view> value = element.asString();
    keep(value.status());
    if (!isOk())
      return {};
    values.emplace_back(*value);
  }
  return values;
}

std::vector<int64_t> ConfigReader::ids(std::string_view key,
                                       std::vector<int64_t> fallback) {
  // A null says that there is none; only what is left out has the default.
  if (contains(key) && !has(key)) {
    ignore({key});
    return {};
  }
  std::optional<JsonValue> member = take(key);
  if (!member)
    return fallback;
  if (!member->isArray()) {
    std::optional<int64_t> id = optionalInteger(key, -1);
    // Some configs write -1 for none.
    return id && *id >= 0 ? std::vector{*id} : std::vector<int64_t>();
  }
  if (member->size() > kLongestList)
    fail(key,
         "a list of " + std::to_string(member->size()) + " ids is too long");
  std::vector<int64_t> values;
  if (!isOk())
    return values;
  for (JsonValue element : member->elements()) {
    Result<int64_t> value = element.asInt();
    keep(value.status());
    if (value.isOk() && (*value < 0 || *value > kMaximumSize))
      keep(element.error("expected a token id, got " + std::to_string(*value)));
    if (!isOk())
      return {};
    values.push_back(*value);
  }
  return values;
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) {
  std::optional<JsonValue> member = take(key);
  if (!member)
    return std::nullopt;
  return ConfigReader(*member);
}

bool ConfigReader::contains(std::string_view key) const {
  return root.find(key).has_value();
}

bool ConfigReader::has(std::string_view key) const {
  std::optional<JsonValue> member = root.find(key);
  return member && !member->isNull();
}

std::string_view
ConfigReader::firstOf(std::initializer_list<std::string_view> keys) const {
  for (std::string_view key : keys)
    if (has(key))
      return key;
  return *keys.begin();
}

void ConfigReader::ignore(std::span<const std::string_view> keys) {
  for (std::string_view key : keys)
    read.emplace(key);
}

void ConfigReader::refuse(std::span<const std::string_view> keys) {
  for (std::string_view key : keys) {
    std::optional<JsonValue> member = take(key);
    if (member && !isFalsy(*member))
      unsupported(key, "is not supported");
  }
}

std::vector<std::string> ConfigReader::unread() const {
  std::vector<std::string> keys;
  for (JsonValue member : root.members())
    if (!read.contains(member.key()) && !isFalsy(member))
      keys.emplace_back(member.key());
  return keys;
}
