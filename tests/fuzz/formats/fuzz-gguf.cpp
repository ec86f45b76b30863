//===- fuzz-gguf.cpp - Any bytes as a GGUF file ---------------------------===//

#include "runtime/formats/Gguf.h"

#include "runtime/formats/CheckedSize.h"
#include "tests/fuzz/formats/FuzzInput.h"

using namespace lathe::runtime;

/// Asks for \p value in every way: one fits, the others fail cleanly.
static void readValue(const GgufValue &value) {
  size_t fits = 0;
  auto count = [&](const auto &result) {
    if (result.isOk())
      ++fits;
    else
      requireClean(result.status());
    return result.isOk();
  };
  count(value.asInt());
  count(value.asFloat());
  count(value.asBool());
  count(value.asString());
  auto ints = value.asInts();
  require(!count(ints) || ints->size() == value.size());
  auto floats = value.asFloats();
  require(!count(floats) || floats->size() == value.size());
  auto strings = value.asStrings();
  require(!count(strings) || strings->size() == value.size());
  require(fits <= 1);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> bytes = asBytes(data, size);
  Result<Gguf> file = Gguf::parse(bytes, "f");
  if (!file.isOk()) {
    requireClean(file.status());
    return 0;
  }
  for (const GgufValue &value : file->values()) {
    readValue(value);
    require(file->find(value.key()) == &value);
  }
  const std::byte *end = bytes.data();
  for (const GgufTensor &tensor : file->tensors()) {
    require(tensor.bytes.data() >= end);
    end = tensor.bytes.data() + tensor.bytes.size();
    const GgmlTypeInfo *info = findGgmlType(tensor.type);
    require(info != nullptr);
    uint64_t elements = *CheckedSize::product(tensor.dims).value();
    require(elements / info->blockElements * info->blockBytes ==
            tensor.bytes.size());
    require(file->findTensor(tensor.name) == &tensor);
  }
  require(end <= bytes.data() + size);
  return 0;
}
