//===- ArenaOverlap.cpp - Whether what lives together lies apart ----------===//
//
// A sweep over the commands. What lives at one is kept sorted by offset, and is
// pairwise apart, so a new buffer needs to be held only against its neighbours.
//
//===----------------------------------------------------------------------===//

#include "runtime/ArenaOverlap.h"

#include <algorithm>
#include <map>

using namespace lathe::runtime;

namespace {
/// What lives at one command, by offset.
using Live = std::map<uint64_t, const Resident *>;
} // namespace

/// The first of \p live that shares bytes with \p resident, but for one that it
/// may be written over; null if there is none.
static const Resident *findNeighbour(const Live &live,
                                     const Resident &resident) {
  auto next = live.lower_bound(resident.offset);
  if (next != live.begin()) {
    const Resident &before = *std::prev(next)->second;
    if (before.bytes > resident.offset - before.offset)
      return &before;
  }
  for (; next != live.end(); ++next) {
    const Resident &other = *next->second;
    if (other.offset - resident.offset >= resident.bytes)
      return nullptr;
    bool isInPlace = other.offset == resident.offset &&
                     other.end == resident.begin && other.begin < other.end;
    if (!isInPlace)
      return &other;
  }
  return nullptr;
}

std::optional<std::pair<size_t, size_t>>
lathe::runtime::findOverlap(std::vector<Resident> residents) {
  std::erase_if(residents, [](const Resident &r) { return r.bytes == 0; });
  std::sort(residents.begin(), residents.end(),
            [](const Resident &lhs, const Resident &rhs) {
              return lhs.begin < rhs.begin;
            });
  std::vector<const Resident *> byEnd;
  for (const Resident &resident : residents)
    byEnd.push_back(&resident);
  std::sort(byEnd.begin(), byEnd.end(),
            [](const Resident *lhs, const Resident *rhs) {
              return lhs->end < rhs->end;
            });

  Live live;
  auto ending = byEnd.begin();
  for (size_t i = 0; i < residents.size();) {
    size_t command = residents[i].begin;
    auto removeThrough = [&](auto hasEnded) {
      for (; ending != byEnd.end() && hasEnded((*ending)->end); ++ending)
        if ((*ending)->begin < command)
          live.erase((*ending)->offset);
    };
    removeThrough([&](size_t end) { return end < command; });
    // Those of one command are apart from each other too, also where both are
    // written over what was there.
    Live born;
    for (; i < residents.size() && residents[i].begin == command; ++i) {
      const Resident &resident = residents[i];
      for (const Live *others : {&live, &born})
        if (const Resident *other = findNeighbour(*others, resident))
          return std::pair(other->buffer, resident.buffer);
      born.emplace(resident.offset, &resident);
    }
    removeThrough([&](size_t end) { return end <= command; });
    for (auto [offset, resident] : born)
      if (resident->end > command)
        live.emplace(offset, resident);
  }
  return std::nullopt;
}
