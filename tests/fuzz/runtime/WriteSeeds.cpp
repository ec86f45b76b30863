//===- WriteSeeds.cpp - Seeds of the targets program and artifact ---------===//
//
// Valid programs of different shapes, so that a search begins behind the checks
// and not before them: write-fuzz-seeds CORPUS
//
//===----------------------------------------------------------------------===//

#include "tests/unit/runtime/ArtifactBuilder.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using namespace lathe;
using lathe::testing::ArtifactBuilder;
using lathe::testing::expression;

/// Leaves only the entries \p names.
static void keepEntries(ArtifactBuilder &builder,
                        std::vector<std::string> names) {
  std::erase_if(builder.program.entries, [&](const auto &entry) {
    return std::find(names.begin(), names.end(), entry->name) == names.end();
  });
}

static void makeEncoder(ArtifactBuilder &builder) {
  keepEntries(builder, {"scale"});
  builder.program.states.erase(builder.program.states.begin() + 1);
  builder.program.symbols.resize(2);
  builder.program.kernels.resize(3);
  for (auto &plan : builder.entry("scale").plans)
    plan->bounds.resize(2);
  builder.program.model->page_positions = 0;
  builder.program.model->embed_tokens = 16;
}

/// Each opcode once: min(max(tokens, 2), 64) * 3 / 2 … + tokens % 7.
static void makeExpressions(ArtifactBuilder &builder) {
  keepEntries(builder, {"scale", "fill"});
  builder.entry("scale").peak =
      expression({1, 0, 0, 2, 8, 0, 0, 64, 7, 0, 0, 3, 3, 0, 0,
                  2, 4, 0, 0, 5, 5, 0, 1,  0, 0, 7, 6, 0, 2, 0});
}

/// Temporaries that share the arena, one of them written in place.
static void makeSharedArena(ArtifactBuilder &builder) {
  keepEntries(builder, {"scale"});
  artifact::EntryT &entry = builder.entry("scale");
  entry.buffers.push_back(
      std::make_unique<artifact::BufferT>(builder.buffer("scale", "t")));
  entry.buffers.back()->name = "u";
  artifact::CopyT toU;
  toU.source = 2;
  toU.target = 5;
  entry.commands[1]->action.Set(std::move(toU));
  artifact::CopyT toOutput;
  toOutput.source = 5;
  toOutput.target = 3;
  entry.commands[2]->action.Set(std::move(toOutput));
  for (auto &plan : entry.plans)
    plan->offsets.push_back(0);
}

static bool write(const std::string &path, std::span<const std::byte> bytes) {
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (!file)
    return false;
  bool isWritten =
      std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return (std::fclose(file) == 0) && isWritten;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  const std::pair<const char *, std::function<void(ArtifactBuilder &)>>
      seeds[] = {{"encoder", makeEncoder},
                 {"decoder", [](auto &b) { keepEntries(b, {"step"}); }},
                 {"greedy", [](auto &b) { keepEntries(b, {"step_greedy"}); }},
                 {"expressions", makeExpressions},
                 {"shared-arena", makeSharedArena},
                 {"empty", [](auto &b) { keepEntries(b, {}); }}};
  std::string corpus = argv[1];
  for (const auto &[name, change] : seeds) {
    ArtifactBuilder builder = ArtifactBuilder::create();
    change(builder);
    if (!write(corpus + "/program/" + name, builder.programBytes()))
      return 1;
    // Code is the larger part of a file and means nothing to its checks.
    builder.code.resize(64);
    if (!write(corpus + "/artifact/" + name, builder.build().span()))
      return 1;
  }
  return 0;
}
