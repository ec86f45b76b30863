//===- Numbers.cpp - What a numeric flag accepts --------------------------===//

#include "runtime/tools/Numbers.h"

#include <charconv>
#include <string>

using namespace lathe;

/// A validator of numbers of type T; \p kind names them in its message.
template <typename T>
static CLI::Validator inRange(T minimum, T maximum, const char *kind) {
  auto text = [](T value) {
    char digits[32];
    auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
    return std::string(digits, end);
  };
  std::string range = text(minimum) + " to " + text(maximum);
  auto check = [=](const std::string &input) {
    T value = 0;
    const char *end = input.data() + input.size();
    auto [next, error] = std::from_chars(input.data(), end, value);
    // A NaN is not in any range.
    bool isGood = error == std::errc() && next == end && value >= minimum &&
                  value <= maximum;
    return isGood ? std::string()
                  : "expected " + std::string(kind) + " from " + range +
                        ", got '" + input + "'";
  };
  return CLI::Validator(check, range);
}

CLI::Validator tools::wholeNumber(uint64_t minimum, uint64_t maximum) {
  return inRange(minimum, maximum, "a whole number");
}

CLI::Validator tools::number(double minimum, double maximum) {
  return inRange(minimum, maximum, "a number");
}
