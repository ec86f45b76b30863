//===- ElfImage.h - A freestanding ELF image in memory ----------*- C++ -*-===//
//
// Loads the one kind of image that the compiler's linker writes: ELF64, little
// endian, position independent, without imports, with relative relocations
// only. Everything else is refused. A loader of our own, because dlopen() wants
// a file, runs constructors and trusts what it reads.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICES_ELFIMAGE_H
#define LATHE_RUNTIME_DEVICES_ELFIMAGE_H

#include "runtime/MappedMemory.h"
#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lathe::runtime {

/// Machines as e_machine numbers them.
enum class ElfMachine : uint16_t { X86_64 = 62, AArch64 = 183 };

/// The machine that this was built for.
ElfMachine hostElfMachine();

/// A mapped image. No page of it is ever writable and executable at once.
class ElfImage {
public:
  /// Largest image in memory, and most symbols and relocations.
  static constexpr uint64_t kMaxMemory = uint64_t(1) << 30;
  static constexpr uint64_t kMaxSymbols = 1u << 20;

  /// Copies the segments of \p file into memory of its own, applies its
  /// relocations and sets the protections. \p file may go away afterwards.
  /// Fails with InvalidFile (what is wrong, and where), Unsupported (another
  /// machine) and ResourceExhausted.
  static Result<ElfImage> load(std::span<const std::byte> file,
                               ElfMachine machine = hostElfMachine());

  /// Address of the exported function \p name, null if there is none.
  const void *find(std::string_view name) const;
  size_t functionCount() const { return functions.size(); }

private:
  friend class ElfLoader;
  ElfImage() = default;

  MappedMemory memory;
  std::unordered_map<std::string, const void *> functions;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_DEVICES_ELFIMAGE_H
