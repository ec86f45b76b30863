//===- PatternCompiler.cpp - Split patterns to tables ---------------------===//
//
// Thompson's automaton, then subsets of its states in order of preference: a
// state that has matched cuts off what a backtracking matcher would only have
// tried later (as RE2's leftmost-first DFA). A match is noticed one character
// late, when the character after it is known, so that look-ahead costs nothing.
//
// A scan may run past the last match, fail, and begin again after that match.
// Matching is linear unless that happens again and again in one stretch of
// text: while one scan runs without a match, another that began within its
// stretch does so too. A pattern for which two such scans can go on together is
// refused.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/PatternCompiler.h"

#include "runtime/text/PatternParser.h"
#include "runtime/text/Tables.h"

#include <algorithm>
#include <map>
#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

using Kind = PatternNode::Kind;

constexpr size_t kMostNodes = 4096;
constexpr size_t kMostStates = 4096;
constexpr size_t kMostPairs = 1 << 16;
constexpr uint32_t kMostClasses = 250;
constexpr uint32_t kCodePoints = 0x110000;

Status tooLarge(std::string_view what, size_t limit) {
  return Status::error(StatusCode::Unsupported, "the pattern needs more than " +
                                                    std::to_string(limit) +
                                                    " " + std::string(what));
}

class Compiler {
public:
  Result<CompiledPattern> compile(const PatternNode &root);

private:
  /// Of Thompson's automaton.
  struct Node {
    enum { Set, LookAhead, Split, Match } kind;
    uint32_t set = 0;
    bool atEnd = false;
    uint32_t next = 0;
    uint32_t other = 0; ///< Split: taken if `next` leads to no match.
  };
  /// The nodes of a state, by preference; none is a Split.
  using State = std::vector<uint32_t>;

  uint32_t add(Node node) {
    nodes.push_back(node);
    return uint32_t(nodes.size() - 1);
  }
  uint32_t build(const PatternNode &node, uint32_t next);
  uint32_t buildRepeat(const PatternNode &node, uint32_t next);
  Status makeClasses();
  void close(uint32_t node, State &out, std::vector<bool> &seen) const;
  bool stepFrom(const State &from, uint32_t klass, State &out,
                std::vector<bool> &seenOut, std::vector<bool> &seenHere) const;
  Status makeStates(uint32_t start);
  uint32_t stateNumber(State state);
  Status checkLinear() const;

  std::vector<Node> nodes;
  std::vector<const CodePointSet *> sets;
  std::vector<std::vector<bool>> setHasClass;
  std::vector<State> states;
  std::map<State, uint32_t> numbers;
  CompiledPattern result;
};

} // namespace

/// The automaton for \p node, then \p next. Returns its first node.
uint32_t Compiler::build(const PatternNode &node, uint32_t next) {
  if (nodes.size() > kMostNodes)
    return next;
  switch (node.kind) {
  case Kind::Empty:
    return next;
  case Kind::Set:
  case Kind::LookAhead:
    sets.push_back(&node.set);
    return add({node.kind == Kind::Set ? Node::Set : Node::LookAhead,
                uint32_t(sets.size() - 1), node.atEnd, next, 0});
  case Kind::Sequence:
    for (size_t i = node.parts.size(); i-- > 0;)
      next = build(node.parts[i], next);
    return next;
  case Kind::Choice: {
    uint32_t chosen = build(node.parts.back(), next);
    for (size_t i = node.parts.size() - 1; i-- > 0;) {
      uint32_t first = build(node.parts[i], next);
      chosen = add({Node::Split, 0, false, first, chosen});
    }
    return chosen;
  }
  case Kind::Repeat:
    return buildRepeat(node, next);
  }
  return next;
}

uint32_t Compiler::buildRepeat(const PatternNode &node, uint32_t next) {
  const PatternNode &part = node.parts[0];
  uint32_t entry = next;
  if (node.most == PatternNode::kUnbounded) {
    uint32_t loop = add({Node::Split, 0, false, 0, next});
    uint32_t body = build(part, loop);
    nodes[loop].next = body;
    entry = loop;
  } else {
    for (uint32_t i = node.least; i < node.most; ++i) {
      uint32_t body = build(part, entry);
      entry = add({Node::Split, 0, false, body, next});
      if (nodes.size() > kMostNodes)
        break;
    }
  }
  for (uint32_t i = 0; i < node.least && nodes.size() <= kMostNodes; ++i)
    entry = build(part, entry);
  return entry;
}

/// Code points that no set tells apart are one class.
Status Compiler::makeClasses() {
  std::vector<uint32_t> bounds = {0, kCodePoints};
  for (const CodePointSet *set : sets) {
    for (const CodePointRange &range : set->sorted()) {
      bounds.push_back(range.first);
      bounds.push_back(range.last + 1);
    }
    // Repeats name one set many times.
    if (bounds.size() > 1 << 16) {
      std::sort(bounds.begin(), bounds.end());
      bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
    }
  }
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());

  std::map<std::vector<bool>, uint8_t> classes;
  result.classOf.resize(kCodePoints);
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    std::vector<bool> members(sets.size());
    for (size_t set = 0; set < sets.size(); ++set)
      members[set] = sets[set]->contains(bounds[i]);
    auto [found, isNew] =
        classes.try_emplace(std::move(members), uint8_t(classes.size()));
    if (isNew && classes.size() > kMostClasses)
      return tooLarge("classes of characters", kMostClasses);
    std::fill(result.classOf.begin() + bounds[i],
              result.classOf.begin() + bounds[i + 1], found->second);
  }
  result.classes = uint32_t(classes.size());
  setHasClass.assign(sets.size(), std::vector<bool>(classes.size()));
  for (const auto &[members, klass] : classes)
    for (size_t set = 0; set < sets.size(); ++set)
      setHasClass[set][klass] = members[set];
  return Status::ok();
}

/// Appends what \p node leads to without reading a character, by preference.
void Compiler::close(uint32_t node, State &out, std::vector<bool> &seen) const {
  std::vector<uint32_t> pending = {node};
  while (!pending.empty()) {
    uint32_t here = pending.back();
    pending.pop_back();
    if (seen[here])
      continue;
    seen[here] = true;
    if (nodes[here].kind == Node::Split) {
      pending.push_back(nodes[here].other);
      pending.push_back(nodes[here].next);
      continue;
    }
    out.push_back(here);
  }
}

/// Fills in the state after \p from by a character of \p klass (or the end, if
/// it is the number of classes). Returns whether a match ends before it.
bool Compiler::stepFrom(const State &from, uint32_t klass, State &out,
                        std::vector<bool> &seenOut,
                        std::vector<bool> &seenHere) const {
  bool isEnd = klass == result.classes;
  for (uint32_t index : from) {
    const Node &node = nodes[index];
    if (node.kind == Node::Match)
      return true;
    bool fits = isEnd ? node.kind == Node::LookAhead && node.atEnd
                      : setHasClass[node.set][klass];
    if (!fits)
      continue;
    if (node.kind == Node::Set) {
      close(node.next, out, seenOut);
      continue;
    }
    State behind;
    close(node.next, behind, seenHere);
    if (stepFrom(behind, klass, out, seenOut, seenHere))
      return true;
  }
  return false;
}

uint32_t Compiler::stateNumber(State state) {
  auto [found, isNew] = numbers.try_emplace(state, uint32_t(states.size()));
  if (isNew)
    states.push_back(std::move(state));
  return found->second;
}

Status Compiler::makeStates(uint32_t start) {
  stateNumber({});
  State first;
  std::vector<bool> seen(nodes.size());
  close(start, first, seen);
  if (stateNumber(first) != kStartState)
    return Status::error(StatusCode::Unsupported, "the pattern is empty");
  for (size_t i = 0; i < states.size(); ++i) {
    if (states.size() > kMostStates)
      return tooLarge("states", kMostStates);
    for (uint32_t klass = 0; klass <= result.classes; ++klass) {
      State next;
      std::vector<bool> seenOut(nodes.size());
      std::vector<bool> seenHere(nodes.size());
      State from = states[i];
      bool matched = stepFrom(from, klass, next, seenOut, seenHere);
      if (matched && i == kStartState)
        return Status::error(StatusCode::Unsupported,
                             "the pattern matches the empty text");
      result.moves.push_back(stateNumber(std::move(next)) |
                             (matched ? kMatchBit : 0));
    }
  }
  result.states = uint32_t(states.size());
  return Status::ok();
}

/// The states of \p successors from which moves can go on for ever.
static std::vector<bool>
endlessStates(const std::vector<std::vector<uint32_t>> &successors) {
  std::vector<std::vector<uint32_t>> predecessors(successors.size());
  std::vector<size_t> left(successors.size());
  std::vector<uint32_t> ended;
  for (uint32_t state = 0; state < successors.size(); ++state) {
    left[state] = successors[state].size();
    for (uint32_t next : successors[state])
      predecessors[next].push_back(state);
    if (left[state] == 0)
      ended.push_back(state);
  }
  std::vector<bool> isEndless(successors.size(), true);
  while (!ended.empty()) {
    uint32_t state = ended.back();
    ended.pop_back();
    isEndless[state] = false;
    for (uint32_t before : predecessors[state])
      if (--left[before] == 0)
        ended.push_back(before);
  }
  return isEndless;
}

/// Walks all pairs of a scan without a match and one that begins later.
Status Compiler::checkLinear() const {
  const size_t width = result.classes + 1;
  std::vector<std::vector<uint32_t>> silent(result.states);
  for (uint32_t state = 0; state < result.states; ++state)
    for (uint32_t klass = 0; klass < result.classes; ++klass)
      if (uint32_t move = result.moves[state * width + klass];
          !(move & kMatchBit) && move != kDeadState)
        silent[state].push_back(move);
  std::vector<bool> isEndless = endlessStates(silent);

  std::map<std::pair<uint32_t, uint32_t>, uint32_t> known;
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  auto pairNumber = [&](uint32_t first, uint32_t second) {
    auto [found, isNew] =
        known.try_emplace({first, second}, uint32_t(pairs.size()));
    if (isNew)
      pairs.push_back({first, second});
    return found->second;
  };
  for (uint32_t state = 0; state < result.states; ++state)
    if (isEndless[state])
      pairNumber(state, kStartState);
  std::vector<std::vector<uint32_t>> bothSilent;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs.size() > kMostPairs)
      return tooLarge("pairs of states", kMostPairs);
    auto [first, second] = pairs[i];
    bothSilent.emplace_back();
    for (uint32_t klass = 0; klass < result.classes; ++klass) {
      uint32_t firstMove = result.moves[first * width + klass];
      uint32_t secondMove = result.moves[second * width + klass];
      uint32_t secondNext = secondMove & ~kMatchBit;
      // A move with the match bit is past the end of `states`.
      if (firstMove >= result.states || !isEndless[firstMove] ||
          secondNext == kDeadState)
        continue;
      uint32_t next = pairNumber(firstMove, secondNext);
      if (!(secondMove & kMatchBit))
        bothSilent.back().push_back(next);
    }
  }
  bothSilent.resize(pairs.size());
  for (bool isEndlessPair : endlessStates(bothSilent))
    if (isEndlessPair)
      return Status::error(StatusCode::Unsupported,
                           "the pattern could take more than linear time");
  return Status::ok();
}

Result<CompiledPattern> Compiler::compile(const PatternNode &root) {
  uint32_t match = add({Node::Match, 0, false, 0, 0});
  uint32_t start = build(root, match);
  if (nodes.size() > kMostNodes)
    return tooLarge("nodes", kMostNodes);
  LATHE_RETURN_IF_ERROR(makeClasses());
  LATHE_RETURN_IF_ERROR(makeStates(start));
  LATHE_RETURN_IF_ERROR(checkLinear());
  return std::move(result);
}

Result<CompiledPattern> text::compilePattern(std::string_view pattern,
                                             const CodePointSet &word) {
  Result<PatternNode> root = parsePattern(pattern, word);
  if (!root.isOk())
    return root.takeStatus();
  return Compiler().compile(*root);
}
