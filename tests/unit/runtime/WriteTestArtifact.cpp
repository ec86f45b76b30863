//===- WriteTestArtifact.cpp - The test artifact as a file ----------------===//

#include "tests/unit/runtime/ArtifactBuilder.h"

#include "runtime/formats/ArtifactWriter.h"

#include <cstdio>

using namespace lathe::runtime;

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  lathe::testing::ArtifactBuilder builder =
      lathe::testing::ArtifactBuilder::create();
  std::vector<std::byte> program = builder.programBytes();
  SectionSource sections[] = {
      sectionFromBytes(LATHE_SECTION_PROGRAM, program),
      sectionFromBytes(LATHE_SECTION_WEIGHTS, builder.weights),
      sectionFromBytes(LATHE_SECTION_CODE, builder.code)};
  Status status = writeArtifact(argv[1], sections);
  if (!status.isOk())
    std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return status.isOk() ? 0 : 1;
}
