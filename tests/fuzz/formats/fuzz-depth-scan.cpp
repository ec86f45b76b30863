//===- fuzz-depth-scan.cpp - Any bytes as MLIR text -----------------------===//

#include "runtime/formats/DepthScan.h"

#include "tests/fuzz/formats/FuzzInput.h"

#include <algorithm>
#include <string>

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text = asText(data, size);
  DepthLimits limits;
  limits.depth = 8;
  limits.expression = 32;
  limits.aliases = 4;
  Status status = scanMlirDepth(text, "f", limits);
  if (!status.isOk()) {
    requireClean(status);
    return 0;
  }
  // What is left open counts, so more brackets must cross the limit; on a line
  // of their own, because the text may end in a comment.
  require(!scanMlirDepth(std::string(text) + "\n" + std::string(9, '('), "f",
                         limits)
               .isOk());
  // Wider limits accept what narrow ones do.
  require(scanMlirDepth(text, "f").isOk());
  return 0;
}
