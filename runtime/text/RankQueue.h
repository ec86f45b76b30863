//===- RankQueue.h - Places by rank -----------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_RANKQUEUE_H
#define LATHE_RUNTIME_TEXT_RANKQUEUE_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace lathe::runtime::text {

/// A queue of (rank, place), the least first. Each rank has a list of places.
/// As long as the places of a rank come in ascending order, as they do where
/// merges are in the order of training, pushing and popping take constant time;
/// a rank for which they do not has a heap. Not thread-safe.
class RankQueue {
public:
  /// Makes room for ranks below \p rankCount: 4 bytes each.
  void reserveRanks(size_t rankCount) {
    if (listOf.size() < rankCount)
      listOf.resize(rankCount, kNoList);
  }

  void push(uint32_t rank, uint32_t place) {
    if (listOf[rank] == kNoList)
      addList(rank);
    List &list = lists[listOf[rank]];
    if (!list.isHeap && !list.places.empty() && place < list.places.back()) {
      // What is left ascends, so it is a heap.
      list.places.erase(list.places.begin(),
                        list.places.begin() + ptrdiff_t(list.popped));
      list.popped = 0;
      list.isHeap = true;
    }
    list.places.push_back(place);
    if (list.isHeap)
      std::push_heap(list.places.begin(), list.places.end(), std::greater<>());
  }

  /// Takes the least of all. Returns false if there is none.
  bool pop(uint32_t &rank, uint32_t &place) {
    if (ranks.empty())
      return false;
    rank = ranks.front();
    List &list = lists[listOf[rank]];
    if (list.isHeap) {
      std::pop_heap(list.places.begin(), list.places.end(), std::greater<>());
      place = list.places.back();
      list.places.pop_back();
    } else {
      place = list.places[list.popped++];
    }
    if (list.popped == list.places.size())
      dropList(rank);
    return true;
  }

private:
  static constexpr uint32_t kNoList = UINT32_MAX;

  struct List {
    std::vector<uint32_t> places;
    size_t popped = 0; ///< How many at the front are gone; 0 in a heap.
    bool isHeap = false;
  };

  void addList(uint32_t rank) {
    if (spare.empty()) {
      spare.push_back(uint32_t(lists.size()));
      lists.emplace_back();
    }
    listOf[rank] = spare.back();
    spare.pop_back();
    ranks.push_back(rank);
    std::push_heap(ranks.begin(), ranks.end(), std::greater<>());
  }

  /// \p rank is the least, and its list empty.
  void dropList(uint32_t rank) {
    std::pop_heap(ranks.begin(), ranks.end(), std::greater<>());
    ranks.pop_back();
    List &list = lists[listOf[rank]];
    list.places.clear();
    list.popped = 0;
    list.isHeap = false;
    spare.push_back(listOf[rank]);
    listOf[rank] = kNoList;
  }

  std::vector<uint32_t> listOf; ///< By rank.
  std::vector<List> lists;
  std::vector<uint32_t> spare; ///< Lists that no rank has.
  std::vector<uint32_t> ranks; ///< A heap of those that have a list.
};

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_RANKQUEUE_H
