//===- WriteTestArtifact.cpp - The test artifacts as files ----------------===//

#include "tests/unit/runtime/ArtifactBuilder.h"
#include "tests/unit/runtime/LetterTokenizer.h"

#include "runtime/formats/ArtifactWriter.h"

#include <cstdio>

using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;

static Status write(const char *path, const ArtifactBuilder &builder) {
  std::vector<std::byte> program = builder.programBytes();
  std::vector<SectionSource> sections = {
      sectionFromBytes(LATHE_SECTION_PROGRAM, program),
      sectionFromBytes(LATHE_SECTION_WEIGHTS, builder.weights),
      sectionFromBytes(LATHE_SECTION_CODE, builder.code)};
  if (!builder.tokenizer.empty())
    sections.push_back(
        sectionFromBytes(LATHE_SECTION_TOKENIZER, builder.tokenizer));
  return writeArtifact(path, sections);
}

/// Arguments: the file without a tokenizer, and the one with.
int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  ArtifactBuilder builder = ArtifactBuilder::create();
  Status status = write(argv[1], builder);
  builder.tokenizer = lathe::testing::byteTables();
  builder.program.tokenizer = 3;
  if (status.isOk())
    status = write(argv[2], builder);
  if (!status.isOk())
    std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return status.isOk() ? 0 : 1;
}
