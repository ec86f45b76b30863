//===- ObjectCache.cpp - Compiled kernels on disk, by content -------------===//
//
// An entry is the hash of what follows, the scratch size, the length of the
// tiles' text (64 bits each, little-endian), the text and the object.
//
//===----------------------------------------------------------------------===//

#include "compiler/targets/cpu/ObjectCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

#include <dlfcn.h>

namespace lathe {

static constexpr size_t kHeaderBytes = 32; // 128-bit hash, scratch, length

static std::string hexHash(llvm::StringRef bytes) {
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(llvm::arrayRefFromStringRef(bytes));
  return llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) +
         llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16);
}

/// Hash of the program or library that holds this function.
static std::string hashOfCompiler() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&hashOfCompiler), &info))
    return "";
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(info.dli_fname,
                                  /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  // A program found through PATH names itself without its folder.
  if (!file)
    file = llvm::MemoryBuffer::getFile("/proc/self/exe", /*IsText=*/false,
                                       /*RequiresNullTerminator=*/false);
  return file ? hexHash((*file)->getBuffer()) : "";
}

std::string ObjectCache::key(llvm::StringRef text, const TargetLevel &level,
                             int optLevel) {
  static const std::string compiler = hashOfCompiler();
  std::string all = compiler;
  for (llvm::StringRef part : {llvm::StringRef(LLVM_VERSION_STRING),
                               llvm::StringRef(level.name), text}) {
    all += '\0';
    all += part;
  }
  all += optLevel == 0 ? "0" : "3";
  return hexHash(all);
}

std::string ObjectCache::pathOf(llvm::StringRef key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key);
  return path.str().str() + ".o";
}

std::optional<KernelObject> ObjectCache::load(llvm::StringRef key) const {
  if (directory.empty())
    return std::nullopt;
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(pathOf(key), /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt;
  llvm::StringRef bytes = (*file)->getBuffer();
  if (bytes.size() < kHeaderBytes)
    return std::nullopt;
  llvm::StringRef rest = bytes.substr(16);
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(llvm::arrayRefFromStringRef(rest));
  if (llvm::support::endian::read64le(bytes.data()) != hash.low64 ||
      llvm::support::endian::read64le(bytes.data() + 8) != hash.high64)
    return std::nullopt;
  KernelObject object;
  object.scratchBytes = llvm::support::endian::read64le(rest.data());
  uint64_t length = llvm::support::endian::read64le(rest.data() + 8);
  rest = rest.substr(16);
  if (length > rest.size())
    return std::nullopt;
  object.tiles = rest.take_front(length).str();
  object.elf = rest.substr(length).str();
  return object;
}

void ObjectCache::store(llvm::StringRef key, const KernelObject &object) const {
  if (directory.empty() || llvm::sys::fs::create_directories(directory))
    return;
  std::string rest(16, '\0');
  llvm::support::endian::write64le(rest.data(), object.scratchBytes);
  llvm::support::endian::write64le(rest.data() + 8, object.tiles.size());
  rest += object.tiles;
  rest += object.elf;
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(llvm::arrayRefFromStringRef(rest));
  char header[16];
  llvm::support::endian::write64le(header, hash.low64);
  llvm::support::endian::write64le(header + 8, hash.high64);

  std::string path = pathOf(key);
  llvm::Expected<llvm::sys::fs::TempFile> file =
      llvm::sys::fs::TempFile::create(path + ".%%%%%%%%");
  if (!file) {
    llvm::consumeError(file.takeError());
    return;
  }
  bool written = false;
  {
    llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
    stream.write(header, sizeof(header));
    stream << rest;
    stream.flush();
    written = !stream.has_error();
    stream.clear_error();
  }
  llvm::consumeError(written ? file->keep(path) : file->discard());
}

} // namespace lathe
