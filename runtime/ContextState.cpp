//===- ContextState.cpp - Saved states of a context -----------------------===//
//
// A saved state: SavedHead | symbols | bytes of each state | XXH3-64 of all
// that.
//
//===----------------------------------------------------------------------===//

#include "runtime/ContextEntry.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace lathe::runtime;

namespace {
struct SavedHead {
  char magic[8];
  uint64_t artifact; ///< Artifact::identity().
  uint64_t symbolCount;
};
} // namespace

static constexpr char kSavedMagic[9] = "LTHSTAT1";

size_t Context::savedBytes() const {
  size_t bytes = sizeof(SavedHead) + symbols.size() * sizeof(int64_t) +
                 sizeof(XXH64_hash_t);
  for (size_t state : stateBytes)
    bytes += state;
  return bytes;
}

/// Value of each symbol that is fixed at load, -1 for the others.
std::vector<int64_t> Context::fixedSymbols() const {
  std::vector<int64_t> values(symbols.size(), -1);
  for (size_t i = 0; i < values.size(); ++i)
    if (shared->program()
            .symbols()
            ->Get(static_cast<flatbuffers::uoffset_t>(i))
            ->fixed_at_load())
      values[i] = ranges[i].minimum;
  return values;
}

void Context::save(std::span<std::byte> target) const {
  std::byte *end = target.data();
  auto append = [&](const void *data, size_t bytes) {
    if (bytes > 0)
      std::memcpy(end, data, bytes);
    end += bytes;
  };
  SavedHead head = {{}, shared->artifact().identity(), symbols.size()};
  std::memcpy(head.magic, kSavedMagic, sizeof(head.magic));
  append(&head, sizeof(head));
  std::vector<int64_t> fixed = fixedSymbols();
  append(fixed.data(), fixed.size() * sizeof(int64_t));
  for (size_t i = 0; i < states.size(); ++i)
    append(states[i]->data(), stateBytes[i]);
  XXH64_hash_t hash =
      XXH3_64bits(target.data(), static_cast<size_t>(end - target.data()));
  append(&hash, sizeof(hash));
}

Status Context::load(std::span<const std::byte> source) {
  if (source.size() != savedBytes())
    return invalidArgument("saved state: has " + std::to_string(source.size()) +
                           " bytes, this context needs " +
                           std::to_string(savedBytes()));
  std::span<const std::byte> body =
      source.first(source.size() - sizeof(XXH64_hash_t));
  XXH64_hash_t hash = 0;
  std::memcpy(&hash, source.data() + body.size(), sizeof(hash));
  SavedHead head;
  std::memcpy(&head, body.data(), sizeof(head));
  if (std::memcmp(head.magic, kSavedMagic, sizeof(head.magic)) != 0 ||
      XXH3_64bits(body.data(), body.size()) != hash)
    return Status::error(StatusCode::InvalidFile,
                         "saved state: is damaged or no saved state");
  std::vector<int64_t> fixed = fixedSymbols();
  if (head.artifact != shared->artifact().identity() ||
      head.symbolCount != fixed.size() ||
      std::memcmp(body.data() + sizeof(head), fixed.data(),
                  fixed.size() * sizeof(int64_t)) != 0)
    return invalidArgument(
        "saved state: is of another artifact or context size");
  const std::byte *next =
      body.data() + sizeof(head) + fixed.size() * sizeof(int64_t);
  for (size_t i = 0; i < states.size(); ++i) {
    std::memcpy(states[i]->data(), next, stateBytes[i]);
    next += stateBytes[i];
  }
  return Status::ok();
}
