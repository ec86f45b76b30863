//===- Sequence.cpp - One sequence from its prompt to its end -------------===//

#include "runtime/Sequence.h"

#include <algorithm>

using namespace lathe::runtime;

/// Cuts \p held at a stop string and returns what is before it; what may still
/// become one is left in \p held. \p isFound: there was one.
static std::string cutAtStop(const std::vector<std::string> &stops,
                             std::string &held, bool &isFound) {
  size_t first = std::string::npos;
  for (const std::string &stop : stops)
    first = std::min(first, held.find(stop));
  isFound = first != std::string::npos;
  if (isFound) {
    std::string text = held.substr(0, first);
    held.clear();
    return text;
  }
  size_t keep = 0;
  for (const std::string &stop : stops)
    for (size_t length = std::min(stop.size() - 1, held.size()); length > keep;
         --length)
      if (held.compare(held.size() - length, length, stop, 0, length) == 0) {
        keep = length;
        break;
      }
  std::string text = held.substr(0, held.size() - keep);
  held.erase(0, held.size() - keep);
  return text;
}

GeneratedToken Sequence::prepare(int32_t id) {
  GeneratedToken token = {number, id, Finish::Running, {}};
  bool isEnd = std::find(stopIds.begin(), stopIds.end(), id) != stopIds.end();
  int64_t written = static_cast<int64_t>(ids.size() - promptCount) + 1;
  if (isEnd)
    token.finish = Finish::StopId;
  else if (written == maxTokens)
    token.finish = Finish::Length;
  if (!decoder)
    return token;

  if (!piece)
    piece = isEnd ? std::string() : decoder->push(id);
  if (token.finish != Finish::Running && !tail)
    tail = decoder->finish();
  nextHeld = held + *piece + tail.value_or(std::string());
  bool isStopped = false;
  token.text = cutAtStop(stopStrings, nextHeld, isStopped);
  if (isStopped) {
    token.finish = Finish::StopString;
  } else if (token.finish != Finish::Running) {
    token.text += nextHeld;
    nextHeld.clear();
  }
  return token;
}

void Sequence::commit(const GeneratedToken &token) {
  ids.push_back(token.id);
  sampler.observe(token.id);
  held.swap(nextHeld);
  piece.reset();
  tail.reset();
  chosen.reset();
  isOver = token.finish != Finish::Running;
}
