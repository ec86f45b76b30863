//===- FuzzProgram.cpp - Any bytes as the program of a well-formed file ---===//
//
// Hashes would stop every mutation, so the file around the program is written
// anew. What is accepted is walked over, as a host would.
//
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"
#include "runtime/LaunchCost.h"
#include "runtime/formats/ArtifactWriter.h"
#include "runtime/schema/artifact_generated.h"

#include <cstdlib>
#include <cstring>

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

/// Counts the work of each variant of \p launch.
static void count(const artifact::Program &program,
                  const artifact::Entry &entry, const artifact::Launch &launch,
                  std::span<const int64_t> symbols) {
  std::vector<uint32_t> buffers(launch.operands()->begin(),
                                launch.operands()->end());
  std::vector<OperandTraffic> traffic(buffers.size());
  for (const artifact::Variant *variant : *launch.variants()) {
    const artifact::Kernel &kernel = *program.kernels()->Get(variant->kernel());
    if (kernel.cost())
      countLaunch({entry, *kernel.cost(), buffers, symbols,
                   /*operands=*/nullptr, /*past=*/UINT64_MAX},
                  traffic);
  }
}

/// Evaluates all sizes at both ends of the ranges: accepted means in bounds.
static void walk(const Artifact &file) {
  const artifact::Program &program = file.program();
  for (size_t i = 0; i < program.weights()->size(); ++i)
    if (file.weightBytes(i).size() > file.bytes().size())
      std::abort();
  for (bool isMaximum : {false, true}) {
    std::vector<int64_t> symbols;
    for (Interval range : file.symbolRanges())
      symbols.push_back(isMaximum ? range.maximum : range.minimum);
    for (const artifact::Kernel *kernel : *program.kernels())
      for (const artifact::KernelCode *code : *kernel->code())
        if (evaluateExpression(*code->tiles(), symbols) < 0)
          std::abort();
    for (const artifact::Entry *entry : *program.entries()) {
      for (const artifact::Buffer *buffer : *entry->buffers())
        if (evaluateExpression(*buffer->bytes(), symbols) < 0)
          std::abort();
      for (const artifact::Command *command : *entry->commands())
        if (const artifact::Launch *launch = command->action_as_Launch())
          count(program, *entry, *launch, symbols);
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<std::byte> weights(256), code(64);
  SectionSource sections[] = {
      sectionFromBytes(LATHE_SECTION_PROGRAM,
                       std::as_bytes(std::span(data, size))),
      sectionFromBytes(LATHE_SECTION_WEIGHTS, weights),
      sectionFromBytes(LATHE_SECTION_CODE, code)};
  Result<std::vector<std::byte>> bytes = buildArtifact(sections);
  Result<MappedMemory> memory = MappedMemory::allocate(bytes->size(), "fuzz");
  if (!memory.isOk())
    return 0;
  std::memcpy(memory->data(), bytes->data(), bytes->size());
  ArtifactOptions options;
  options.threads = 1;
  Result<std::shared_ptr<const Artifact>> file =
      Artifact::openMemory(memory->span(), "fuzz", options);
  if (file.isOk())
    walk(**file);
  return 0;
}
