//===- fuzz-npy.cpp - Any bytes as a .npy file ----------------------------===//

#include "runtime/formats/Npy.h"

#include "runtime/formats/CheckedSize.h"
#include "tests/fuzz/formats/FuzzInput.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Npy> array = Npy::parse(asBytes(data, size), "f");
  if (!array.isOk()) {
    requireClean(array.status());
    return 0;
  }
  require(array->bytes().data() + array->bytes().size() ==
          asBytes(data, size).data() + size);
  require((CheckedSize::product(array->shape()) * elementBytes(array->type()))
              .value() == array->bytes().size());
  return 0;
}
