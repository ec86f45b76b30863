//===- ObjectCache.h - Compiled kernels on disk, by content -----*- C++ -*-===//
#ifndef LATHE_COMPILER_TARGETS_CPU_OBJECTCACHE_H
#define LATHE_COMPILER_TARGETS_CPU_OBJECTCACHE_H

#include "compiler/targets/cpu/KernelObject.h"

#include <optional>

namespace lathe {

/// A folder of compiled kernels. Several threads and processes may use one at
/// once: entries appear whole, by a rename. Nothing in it is trusted: an entry
/// that is damaged is a miss. A folder that cannot be read or written is an
/// empty cache, not an error.
class ObjectCache {
public:
  /// \param directory created when the first entry is stored; empty for none.
  explicit ObjectCache(std::string directory)
      : directory(std::move(directory)) {}

  /// The key of \p text compiled for \p level: a hash of both, and of the
  /// program file that does the compiling, so that a rebuilt compiler never
  /// meets its predecessor's objects. 32 hexadecimal digits.
  static std::string key(llvm::StringRef text, const TargetLevel &level,
                         int optLevel);

  std::optional<KernelObject> load(llvm::StringRef key) const;
  void store(llvm::StringRef key, const KernelObject &object) const;

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string directory;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_OBJECTCACHE_H
