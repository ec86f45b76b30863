//===- fuzz-safetensors.cpp - Any bytes as a safetensors file -------------===//

#include "runtime/formats/SafeTensors.h"

#include "runtime/formats/CheckedSize.h"
#include "tests/fuzz/formats/FuzzInput.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<SafeTensors> file = SafeTensors::parse(asBytes(data, size), "f");
  if (!file.isOk()) {
    requireClean(file.status());
    return 0;
  }
  // The tensors lie one after the other and end with the file.
  const std::byte *end = nullptr;
  for (const Tensor &tensor : file->tensors()) {
    require(!end || tensor.bytes.data() == end);
    end = tensor.bytes.data() + tensor.bytes.size();
    require((CheckedSize::product(tensor.shape) * elementBytes(tensor.type))
                .value() == tensor.bytes.size());
    require(file->find(tensor.name) == &tensor);
  }
  require(!end || end == asBytes(data, size).data() + size);
  return 0;
}
