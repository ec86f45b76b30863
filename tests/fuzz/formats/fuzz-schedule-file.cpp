//===- fuzz-schedule-file.cpp - Any bytes as a file of schedules ----------===//

#include "runtime/formats/ScheduleFile.h"

#include "tests/fuzz/formats/FuzzInput.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<ScheduleFile> file = ScheduleFile::parse(asText(data, size), "f");
  if (!file.isOk()) {
    requireClean(file.status());
    return 0;
  }
  for (const auto &[level, kernels] : file->levels)
    for (const auto &[kernel, tiling] : kernels) {
      require(tiling.rows >= 1 && tiling.rowBlock % tiling.rows == 0);
      require(tiling.vector >= 1 && tiling.columns % tiling.vector == 0);
      require(tiling.panels >= 1 &&
              tiling.rowBlock <= ScheduleFile::kLargestNumber);
    }
  Result<ScheduleFile> again = ScheduleFile::parse(file->toText(), "f");
  require(again.isOk() && again->levels == file->levels &&
          again->machine == file->machine);
  return 0;
}
