//===- ChangeArtifact.cpp - Changes an artifact and expects refusals ------===//
//
// usage: change-artifact GOOD OTHER [FLIPS CUTS SWAPS]
//
// Through the C interface, in one process, so that many thousand files take
// seconds and a sanitizer sees all of them: every bit of header and table
// flipped, FLIPS random bits elsewhere, CUTS truncations and extensions, SWAPS
// sections and table entries taken from another place or from OTHER. Each
// changed file must be refused as invalid. Ends with 1 if one is not.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/ArtifactFormat.h"
#include "runtime/include/lathe.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <vector>

namespace {

using Bytes = std::vector<char>;

struct Figures {
  size_t files = 0;
  size_t faults = 0;
  double slowest = 0; ///< Seconds.
};

std::mt19937_64 generator(1);

/// From 0 to below \p bound.
size_t below(size_t bound) { return generator() % bound; }

/// Opens a copy of exactly this size: a sanitizer sees reads past its end.
lathe_status_t open(const Bytes &bytes) {
  void *memory = nullptr;
  if (posix_memalign(&memory, 64, bytes.empty() ? 1 : bytes.size()) != 0)
    return LATHE_RESOURCE_EXHAUSTED;
  std::unique_ptr<void, void (*)(void *)> owner(memory, std::free);
  std::memcpy(memory, bytes.data(), bytes.size());
  lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
  options.threads = 1;
  lathe_model_t *model = nullptr;
  lathe_status_t status = lathe_model_open_memory(memory, bytes.size(),
                                                  "changed", &options, &model);
  lathe_model_free(model);
  return status;
}

/// Counts a changed file; it must be refused as invalid.
void expectRefusal(const Bytes &changed, const char *what, size_t where,
                   Figures &figures) {
  auto begin = std::chrono::steady_clock::now();
  lathe_status_t status = open(changed);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  figures.slowest = std::max(figures.slowest, seconds.count());
  ++figures.files;
  if (status == LATHE_INVALID_FILE)
    return;
  ++figures.faults;
  std::fprintf(stderr, "FAULT %s at %zu: %s\n", what, where,
               status == LATHE_OK ? "accepted" : lathe_message());
}

/// The same bytes are changed and changed back: a copy a bit would be slow.
void flipBit(Bytes &bytes, size_t bit, Figures &figures) {
  bytes[bit / 8] = char(bytes[bit / 8] ^ 1 << bit % 8);
  expectRefusal(bytes, "flipped bit", bit, figures);
  bytes[bit / 8] = char(bytes[bit / 8] ^ 1 << bit % 8);
}

std::vector<LatheSection> sectionsOf(const Bytes &bytes) {
  LatheFileHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::vector<LatheSection> sections(header.section_count);
  std::memcpy(sections.data(), bytes.data() + sizeof(header),
              sections.size() * sizeof(LatheSection));
  return sections;
}

Bytes cutOrExtended(const Bytes &good, size_t head) {
  Bytes changed = good;
  switch (below(4)) {
  case 0:
    changed.resize(below(good.size()));
    break;
  case 1:
    // Where the next thing to read is missing.
    changed.resize(below(head + 64));
    break;
  case 2:
    changed.resize(good.size() + 1 + below(10000));
    break;
  default:
    for (size_t count = 1 + below(10000); count > 0; --count)
      changed.push_back(good[below(good.size())]);
  }
  return changed;
}

/// A section's bytes, its entry in the table, or both, from another place.
Bytes swapped(const Bytes &good, const Bytes &other) {
  std::vector<LatheSection> mine = sectionsOf(good);
  bool fromOther = below(2);
  const Bytes &source = fromOther ? other : good;
  std::vector<LatheSection> theirs = sectionsOf(source);
  size_t i = below(mine.size()), k = below(theirs.size());
  Bytes changed = good;
  size_t kind = below(3);
  if (kind != 0) {
    size_t bytes = std::min(mine[i].length, theirs[k].length);
    std::memcpy(changed.data() + mine[i].offset,
                source.data() + theirs[k].offset, bytes);
  }
  if (kind != 1)
    std::memcpy(changed.data() + sizeof(LatheFileHeader) +
                    i * sizeof(LatheSection),
                &theirs[k], sizeof(LatheSection));
  return changed;
}

Figures attack(Bytes good, const Bytes &other, size_t flips, size_t cuts,
               size_t swaps) {
  Figures figures;
  size_t head =
      sizeof(LatheFileHeader) + sectionsOf(good).size() * sizeof(LatheSection);
  for (size_t bit = 0; bit < head * 8; ++bit)
    flipBit(good, bit, figures);
  for (size_t i = 0; i < flips; ++i)
    flipBit(good, head * 8 + below((good.size() - head) * 8), figures);
  for (size_t i = 0; i < cuts; ++i)
    expectRefusal(cutOrExtended(good, head), "cut or extension", i, figures);
  for (size_t done = 0; done < swaps;) {
    Bytes changed = swapped(good, other);
    if (changed == good)
      continue;
    expectRefusal(changed, "swap", done++, figures);
  }
  return figures;
}

Bytes read(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3 && argc != 6) {
    std::fprintf(stderr,
                 "usage: change-artifact GOOD OTHER [FLIPS CUTS SWAPS]\n");
    return 2;
  }
  size_t counts[3] = {2000, 200, 200};
  for (int i = 3; i < argc; ++i)
    counts[i - 3] = std::strtoull(argv[i], nullptr, 10);
  Bytes good = read(argv[1]), other = read(argv[2]);
  if (open(good) != LATHE_OK || open(other) != LATHE_OK) {
    std::fprintf(stderr, "error: %s\n", lathe_message());
    return 1;
  }
  Figures figures = attack(good, other, counts[0], counts[1], counts[2]);
  std::printf("%zu changed files of %zu bytes, %zu not refused; at most %.3f s "
              "each\n",
              figures.files, good.size(), figures.faults, figures.slowest);
  return figures.faults > 0;
}
