//===- TuneCache.h - What was measured on a machine -------------*- C++ -*-===//
//
// One file of schedules (runtime/formats/ScheduleFile.h) for each processor,
// number of workers and level, in the folder of all caches. Readable, without
// dates: equal measurements are equal bytes, and `--schedules` takes it on
// another machine.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_TUNECACHE_H
#define LATHE_COMPILER_TUNE_TUNECACHE_H

#include "runtime/Status.h"
#include "runtime/formats/ScheduleFile.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace lathe {

class TuneCache {
public:
  /// The cache of this machine for \p level. \p kernelCache is the folder of
  /// the cache of machine code, beside which it lies; empty for none, where
  /// nothing is kept.
  TuneCache(llvm::StringRef kernelCache, llvm::StringRef level);

  /// What it holds: nothing where there is no file. Fails as ScheduleFile::read
  /// does.
  runtime::Result<runtime::ScheduleFile::Level> load() const;

  /// Adds \p schedules to what it holds, or puts them in place of a file that
  /// cannot be read. Fails as files do, with the path.
  runtime::Status add(const runtime::ScheduleFile::Level &schedules) const;

  /// Of the file, for messages.
  const std::string &path() const { return file; }

private:
  std::string level, machine, file;
};

} // namespace lathe

#endif // LATHE_COMPILER_TUNE_TUNECACHE_H
