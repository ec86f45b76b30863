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

/// Calls \p each with what stands between the commas of \p text, until it
/// returns false.
template <typename Each>
static void forEachPart(std::string_view text, Each each) {
  while (true) {
    size_t comma = text.find(',');
    if (!each(text.substr(0, comma)) || comma == std::string_view::npos)
      return;
    text.remove_prefix(comma + 1);
  }
}

CLI::Validator tools::wholeNumbers(uint64_t minimum, uint64_t maximum) {
  CLI::Validator one = wholeNumber(minimum, maximum);
  auto check = [one](const std::string &input) {
    std::string message;
    forEachPart(input, [&](std::string_view part) {
      message = one(std::string(part));
      return message.empty();
    });
    return message;
  };
  return CLI::Validator(check, one.get_description() + ", ...");
}

std::vector<int64_t> tools::parseWholeNumbers(std::string_view text) {
  std::vector<int64_t> numbers;
  forEachPart(text, [&](std::string_view part) {
    std::from_chars(part.data(), part.data() + part.size(),
                    numbers.emplace_back());
    return true;
  });
  return numbers;
}

CLI::Validator tools::number(double minimum, double maximum) {
  return inRange(minimum, maximum, "a number");
}
