//===- FuzzTokenizerGguf.cpp - The tokenizer of any GGUF file -------------===//

#include "runtime/formats/Gguf.h"
#include "tests/fuzz/text/FuzzTokenizer.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Gguf> file = Gguf::parse(asBytes(data, size), "f/t");
  if (file.isOk() && hasTokenizer(*file))
    requireTables(buildTokenizerTables(*file), asText(data, size));
  return 0;
}
