//===- FuzzElfImage.cpp - Any bytes as a code image -----------------------===//

#include "runtime/devices/ElfImage.h"

#include <cstdlib>

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (ElfMachine machine : {ElfMachine::X86_64, ElfMachine::AArch64}) {
    Result<ElfImage> image =
        ElfImage::load(std::as_bytes(std::span(data, size)), machine);
    if (image.isOk() && image->functionCount() > size)
      std::abort();
  }
  return 0;
}
