//===- ImageLinker.h - Kernel objects to one freestanding image -*- C++ -*-===//
#ifndef LATHE_COMPILER_TARGETS_CPU_IMAGELINKER_H
#define LATHE_COMPILER_TARGETS_CPU_IMAGELINKER_H

#include "compiler/targets/cpu/Target.h"
#include "runtime/Status.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace lathe {

/// An object to link, and the name that the image exports its
/// kKernelObjectSymbol under; empty for an object that exports nothing.
struct LinkInput {
  llvm::StringRef name;
  llvm::StringRef elf;
};

/// Links \p inputs, in their order, into a shared object that needs nothing:
/// no imports, no libraries, no thread-local data, no constructors, only
/// relative relocations, never a segment that is writable and executable. All
/// this is checked on the result. Blocks other calls meanwhile: the linker
/// holds global state.
///
/// Errors: Unsupported, naming the symbols that would have to be imported;
/// IoError where temporary files cannot be written.
runtime::Result<std::string> linkImage(llvm::ArrayRef<LinkInput> inputs,
                                       const TargetLevel &level);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_IMAGELINKER_H
