//===- ArenaOverlap.h - Whether what lives together lies apart --*- C++ -*-===//
#ifndef LATHE_RUNTIME_ARENAOVERLAP_H
#define LATHE_RUNTIME_ARENAOVERLAP_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace lathe::runtime {

/// A temporary in an arena.
struct Resident {
  size_t buffer;   ///< Whose it is, for the answer.
  size_t begin;    ///< First command that names it.
  size_t end;      ///< Last command that names it.
  uint64_t offset; ///< In bytes.
  uint64_t bytes;  ///< offset + bytes must not wrap around.
};

/// Two buffers that live at one time and share bytes, or nothing.
///
/// A buffer lives from its first command to its last, both included. One may be
/// written in place: a buffer whose last command is another's first may lie at
/// the same offset, if it was there before that command. Takes O(n log n) time
/// and O(n) memory.
std::optional<std::pair<size_t, size_t>>
findOverlap(std::vector<Resident> residents);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARENAOVERLAP_H
