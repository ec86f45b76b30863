//===- FuzzTokenizerPattern.cpp - Any split pattern, on any text ----------===//
//
// The input is a pattern, as tokenizer.json has it, a byte 0 and a text. What
// the automaton matches at each place of the text must be what a backtracking
// matcher, which tries the choices one after the other, matches.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Matcher.h"
#include "runtime/text/PatternCompiler.h"
#include "runtime/text/PatternParser.h"
#include "tests/fuzz/text/FuzzTokenizer.h"

#include <functional>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

/// Matches a pattern as its nodes say. Gives up after kMaximumSteps.
class Backtracker {
public:
  explicit Backtracker(std::string_view text)
      : end(text.data() + text.size()) {}

  /// Where the match of \p node at \p at ends, or null if there is none.
  const char *match(const PatternNode &node, const char *at) {
    steps = 0;
    const char *stop = nullptr;
    matchNode(node, at, [&](const char *reached) {
      stop = reached;
      return true;
    });
    return stop;
  }

  bool gaveUp() const { return steps > kMaximumSteps; }

private:
  static constexpr size_t kMaximumSteps = 2000;
  using Then = std::function<bool(const char *)>;

  bool matchNode(const PatternNode &node, const char *at, const Then &then) {
    if (++steps > kMaximumSteps)
      return false;
    switch (node.kind) {
    case PatternNode::Kind::Empty:
      return then(at);
    case PatternNode::Kind::Set: {
      if (at == end)
        return false;
      CodePoint next = readCodePoint(at, end);
      return node.set.contains(tableIndex(next.value)) && then(at + next.size);
    }
    case PatternNode::Kind::LookAhead: {
      bool holds =
          at == end
              ? node.atEnd
              : node.set.contains(tableIndex(readCodePoint(at, end).value));
      return holds && then(at);
    }
    case PatternNode::Kind::Sequence:
      return matchParts(node, 0, at, then);
    case PatternNode::Kind::Choice:
      for (const PatternNode &part : node.parts)
        if (matchNode(part, at, then))
          return true;
      return false;
    case PatternNode::Kind::Repeat:
      return matchRepeat(node, 0, at, then);
    }
    return false;
  }

  bool matchParts(const PatternNode &node, size_t part, const char *at,
                  const Then &then) {
    if (part == node.parts.size())
      return then(at);
    return matchNode(node.parts[part], at, [&](const char *reached) {
      return matchParts(node, part + 1, reached, then);
    });
  }

  bool matchRepeat(const PatternNode &node, uint32_t count, const char *at,
                   const Then &then) {
    bool more = count < node.most &&
                matchNode(
                    node.parts[0], at,
                    [&](const char *reached) {
                      // A repetition of nothing would go on for ever.
                      return (reached > at || count < node.least) &&
                             matchRepeat(node, count + 1, reached, then);
                    });
    return more || (count >= node.least && then(at));
  }

  const char *const end;
  size_t steps = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view rest = asText(data, size);
  std::string_view pattern = takeField(rest);
  std::string_view text = rest.substr(0, 64);
  static const CodePointSet word = regexWord();
  Result<CompiledPattern> compiled = compilePattern(pattern, word);
  if (!compiled.isOk()) {
    require(compiled.status().code() == StatusCode::Unsupported);
    return 0;
  }
  Result<PatternNode> parsed = parsePattern(pattern, word);
  require(parsed.isOk());
  std::vector<uint16_t> pages(kCodePointPages);
  for (size_t i = 0; i < pages.size(); ++i)
    pages[i] = uint16_t(i);
  Matcher matcher{compiled->classes,
                  {pages.data(), compiled->classOf.data()},
                  compiled->moves.data()};
  const char *end = text.data() + text.size();
  Backtracker slow(text);
  for (const char *at = text.data(); at < end;
       at += readCodePoint(at, end).size) {
    const char *expected = slow.match(*parsed, at);
    if (slow.gaveUp())
      return 0;
    require(matchAt(matcher, at, end) == (expected ? expected : at));
  }
  return 0;
}
