//===- FuzzArtifact.cpp - Any bytes as an artifact ------------------------===//

#include "runtime/Artifact.h"

#include <cstring>

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<MappedMemory> memory = MappedMemory::allocate(size, "fuzz");
  if (!memory.isOk())
    return 0;
  if (size > 0)
    std::memcpy(memory->data(), data, size);
  ArtifactOptions options;
  options.threads = 1;
  // Refused or not, it must come back.
  (void)Artifact::openMemory(memory->span(), "fuzz", options).isOk();
  return 0;
}
