//===- TuneCache.cpp - What was measured on a machine ---------------------===//

#include "compiler/tune/TuneCache.h"

#include "runtime/ThreadPool.h"
#include "runtime/formats/AtomicFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

#include <fstream>

using lathe::runtime::Result;
using lathe::runtime::ScheduleFile;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

/// The processor's name as the system has it, or LLVM's for its kind.
static std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (llvm::StringRef(line).starts_with("model name"))
      if (llvm::StringRef name =
              llvm::StringRef(line).split(": ").second.trim();
          !name.empty())
        return name.str();
  return llvm::sys::getHostCPUName().str();
}

/// \p text as a part of a file's name.
static std::string asFileName(llvm::StringRef text) {
  std::string name;
  for (char c : text.lower()) {
    bool isPlain = llvm::isAlnum(c) || c == '.';
    if (isPlain || (!name.empty() && name.back() != '-'))
      name += isPlain ? c : '-';
  }
  return name;
}

TuneCache::TuneCache(llvm::StringRef kernelCache, llvm::StringRef level)
    : level(level),
      machine(processorName() + ", " +
              std::to_string(runtime::physicalCores()) + " workers") {
  if (kernelCache.empty())
    return;
  llvm::SmallString<128> path = llvm::sys::path::parent_path(kernelCache);
  llvm::sys::path::append(path, "schedules",
                          asFileName(machine + " " + level.str()) + ".json");
  file = path.str().str();
}

Result<ScheduleFile::Level> TuneCache::load() const {
  if (file.empty())
    return ScheduleFile::Level();
  Result<ScheduleFile> read = ScheduleFile::read(file);
  if (read.isOk())
    return read->levels[level];
  if (read.status().code() == StatusCode::NotFound)
    return ScheduleFile::Level();
  return read.takeStatus();
}

Status TuneCache::add(const ScheduleFile::Level &schedules) const {
  if (file.empty() || schedules.empty())
    return Status::ok();
  ScheduleFile all;
  all.machine = machine;
  all.levels[level] = schedules;
  // Another process may have added to it since it was loaded.
  if (Result<ScheduleFile::Level> others = load(); others.isOk())
    all.levels[level].merge(*others);
  if (std::error_code error =
          llvm::sys::fs::create_directories(llvm::sys::path::parent_path(file)))
    return Status::error(StatusCode::IoError, file + ": " + error.message());
  return runtime::writeFile(file, all.toText());
}

} // namespace lathe
