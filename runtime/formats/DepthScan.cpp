//===- DepthScan.cpp - Bounds MLIR text before it is parsed ---------------===//
//
// A closing bracket closes only its own kind, and `<` and `>` are brackets only
// where they can be: counting too many open ones is safe, too few is not.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/DepthScan.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

using namespace lathe::runtime;

namespace {

class Scanner {
public:
  Scanner(std::string_view text, std::string_view file,
          const DepthLimits &limits)
      : text(text), file(file), limits(limits) {}

  Status scan();

private:
  /// An open bracket.
  struct Open {
    char bracket;
    /// Characters since its last comma.
    size_t characters;
  };

  Status scanCharacter(char c);
  void endDefinition();
  Status open(char bracket);
  void close(char bracket, char opener);
  Status skipString();
  Status scanAlias();
  Status countCharacters(size_t count);

  Status fail(const std::string &fault) const {
    auto line = std::count(text.begin(), text.begin() + position, '\n') + 1;
    return Status::error(StatusCode::InvalidFile,
                         std::string(file) + ": line " + std::to_string(line) +
                             ": " + fault);
  }

  std::string_view text;
  std::string_view file;
  const DepthLimits &limits;
  size_t position = 0;
  std::vector<Open> stack;
  /// How deep the text behind each alias nests.
  std::unordered_map<std::string_view, size_t> depths;
  /// How many uses of aliases the text behind each alias is, written out.
  std::unordered_map<std::string_view, size_t> sizes;
  size_t expanded = 0;
  bool isInDefinition = false;
  /// The last character that was no white space; '=' at the name of a
  /// definition.
  char last = 0;
  /// The alias that is being defined, as far as a scan can tell: up to the next
  /// definition.
  std::string_view defined;
};

} // namespace

Status Scanner::open(char bracket) {
  stack.push_back({bracket, 0});
  if (stack.size() > limits.depth)
    return fail("brackets nest deeper than " + std::to_string(limits.depth));
  if (!defined.empty())
    depths[defined] = std::max(depths[defined], stack.size());
  return Status::ok();
}

void Scanner::close(char bracket, char opener) {
  // A '<' that never closed was a comparison.
  size_t size = stack.size();
  if (bracket != '>')
    while (size > 0 && stack[size - 1].bracket == '<')
      --size;
  if (size == 0 || stack[size - 1].bracket != opener)
    return;
  stack.resize(size - 1);
}

Status Scanner::skipString() {
  for (size_t i = position + 1; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '"') {
      position = i;
      return Status::ok();
    }
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n')
      ++i;
  }
  return fail("a string does not end on its line");
}

/// Reads `#name` or `!name`: a definition if `=` follows outside brackets, else
/// maybe a use.
Status Scanner::scanAlias() {
  auto isName = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '.' ||
           c == '-';
  };
  size_t end = position + 1;
  while (end < text.size() && isName(text[end]))
    ++end;
  std::string_view name = text.substr(position, end - position);
  size_t next = text.find_first_not_of(" \t\r\n", end);
  bool isDefinition =
      stack.empty() && next != std::string_view::npos && text[next] == '=';

  Status status = countCharacters(name.size());
  if (isDefinition) {
    defined = name;
    depths.emplace(name, 0);
    sizes[name] = 1;
    isInDefinition = true;
    last = '=';
    if (depths.size() > limits.aliases)
      return fail("defines more than " + std::to_string(limits.aliases) +
                  " aliases");
  } else if (auto used = depths.find(name); used != depths.end()) {
    // One more, so that a chain of aliases without brackets counts too.
    size_t depth = stack.size() + used->second + 1;
    if (depth > limits.depth)
      return fail("'" + std::string(name.substr(0, 64)) +
                  "' nests deeper than " + std::to_string(limits.depth));
    // What follows the last definition counts as part of it, also its uses;
    // they must not make it deeper each time.
    if (!defined.empty() && name != defined)
      depths[defined] = std::max(depths[defined], depth);
    // Neither side can wrap: both stay below the limit, or this fails.
    expanded += sizes[name];
    if (expanded > limits.expansion + 16 * text.size())
      return fail("aliases that name aliases stand for more than " +
                  std::to_string(limits.expansion) + " uses");
    // The uses in operations behind the last definition are none of its own.
    if (isInDefinition && name != defined)
      sizes[defined] += sizes[name];
  }
  if (!isDefinition)
    last = 'a';
  position = end - 1;
  return status;
}

Status Scanner::countCharacters(size_t count) {
  if (stack.empty() || stack.back().bracket == '{')
    return Status::ok();
  stack.back().characters += count;
  if (stack.back().characters > limits.expression)
    return fail("an expression has more than " +
                std::to_string(limits.expression) + " characters");
  return Status::ok();
}

/// A definition ends with its line, unless a bracket is open, its value has not
/// begun, or the next line cannot begin an operation.
void Scanner::endDefinition() {
  if (!isInDefinition || !stack.empty() || last == '=' || last == ':' ||
      last == ',')
    return;
  size_t next = text.find_first_not_of(" \t\r\n", position);
  isInDefinition = next != std::string_view::npos &&
                   std::string_view("<>()[]{}:,=+-*").find(text[next]) !=
                       std::string_view::npos;
}

Status Scanner::scanCharacter(char c) {
  switch (c) {
  case '\0':
    return fail("has a NUL byte");
  case '\n':
    endDefinition();
    return Status::ok();
  case ' ':
  case '\t':
  case '\r':
    return Status::ok();
  case '"':
    return skipString();
  case '/':
    if (text.substr(position).starts_with("//"))
      position = std::min(text.find('\n', position), text.size()) - 1;
    return Status::ok();
  case '(':
  case '[':
  case '{':
  case '<':
    return open(c);
  case ')':
    close(c, '(');
    return Status::ok();
  case ']':
    close(c, '[');
    return Status::ok();
  case '}':
    close(c, '{');
    return Status::ok();
  case '>':
    // An arrow closes nothing.
    if (position > 0 && text[position - 1] == '-')
      return Status::ok();
    close(c, '<');
    return Status::ok();
  case ',':
    if (!stack.empty())
      stack.back().characters = 0;
    return Status::ok();
  case '#':
  case '!':
    return scanAlias();
  default:
    return countCharacters(1);
  }
}

Status Scanner::scan() {
  if (text.size() > limits.size)
    return Status::error(
        StatusCode::Unsupported,
        std::string(file) + ": has " + std::to_string(text.size()) +
            " bytes, more than " + std::to_string(limits.size));
  for (; position < text.size(); ++position) {
    char c = text[position];
    LATHE_RETURN_IF_ERROR(scanCharacter(c));
    // The name and the sign of a definition are not its value.
    bool isSign = isInDefinition && stack.empty() && c == '=';
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '#' &&
        c != '!' && c != '/' && !isSign)
      last = c;
  }
  return Status::ok();
}

Status lathe::runtime::scanMlirDepth(std::string_view text,
                                     std::string_view file,
                                     const DepthLimits &limits) {
  return Scanner(text, file, limits).scan();
}
