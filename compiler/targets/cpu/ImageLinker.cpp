//===- ImageLinker.cpp - Kernel objects to one freestanding image ---------===//

#include "compiler/targets/cpu/ImageLinker.h"

#include "compiler/targets/cpu/KernelObject.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using lathe::runtime::Result;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

using Elf = llvm::object::ELF64LEObjectFile;

/// The error as text, for people.
static std::string text(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// Returns \p elf with kKernelObjectSymbol called \p name.
static Result<std::string> rename(llvm::StringRef elf, llvm::StringRef name) {
  llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> object =
      llvm::object::ObjectFile::createObjectFile(
          llvm::MemoryBufferRef(elf, "kernel.o"));
  if (!object)
    return Status::error(StatusCode::Unsupported, text(object.takeError()));
  llvm::objcopy::ConfigManager config;
  config.Common.SymbolsToRename[kKernelObjectSymbol] = name;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (llvm::Error error = llvm::objcopy::elf::executeObjcopyOnBinary(
          config.Common, config.ELF,
          *llvm::cast<llvm::object::ELFObjectFileBase>(object->get()), stream))
    return Status::error(StatusCode::Unsupported, text(std::move(error)));
  return std::string(bytes.begin(), bytes.end());
}

static Status writeFile(const std::string &path, llvm::StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (!error) {
    file << bytes;
    file.close();
    error = file.error();
    file.clear_error();
  }
  if (error)
    return Status::error(StatusCode::IoError,
                         path + ": cannot be written: " + error.message());
  return Status::ok();
}

/// The names in lld's complaints of the form `undefined symbol: NAME`.
static std::string undefinedSymbols(llvm::StringRef messages) {
  constexpr llvm::StringLiteral marker = "undefined symbol: ";
  llvm::SmallVector<llvm::StringRef> names;
  while (true) {
    size_t at = messages.find(marker);
    if (at == llvm::StringRef::npos)
      break;
    messages = messages.substr(at + marker.size());
    names.push_back(messages.take_until([](char c) { return c == '\n'; }));
  }
  return llvm::join(names, ", ");
}

/// Runs lld on files of \p directory.
static Status runLinker(llvm::ArrayRef<std::string> objects,
                        const std::string &output, const TargetLevel &level) {
  std::vector<std::string> args = {"ld.lld",
                                   "-shared",
                                   "-o",
                                   output,
                                   "--no-dynamic-linker",
                                   "-Bsymbolic",
                                   "-z",
                                   "defs",
                                   "-z",
                                   "noexecstack",
                                   "-z",
                                   "norelro",
                                   "-z",
                                   "rodynamic",
                                   "-z",
                                   "separate-code",
                                   "-z",
                                   "max-page-size=" +
                                       std::to_string(level.pageBytes),
                                   "--gc-sections",
                                   "--build-id=none",
                                   "--hash-style=both",
                                   "--strip-all",
                                   "--threads=1",
                                   "--error-limit=0"};
  args.insert(args.end(), objects.begin(), objects.end());
  std::vector<const char *> pointers;
  for (const std::string &arg : args)
    pointers.push_back(arg.c_str());

  static std::mutex oneAtATime;
  std::lock_guard<std::mutex> lock(oneAtATime);
  std::string out, messages;
  llvm::raw_string_ostream outStream(out), errorStream(messages);
  lld::Result result = lld::lldMain(pointers, outStream, errorStream,
                                    {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return Status::ok();
  std::string names = undefinedSymbols(messages);
  if (!names.empty())
    return Status::error(StatusCode::Unsupported,
                         "kernels may import nothing, but need " + names);
  return Status::error(StatusCode::Unsupported, "lld: " + messages);
}

/// Checks what linkImage promises, on the image itself.
static Status checkImage(llvm::StringRef bytes, const TargetLevel &level) {
  auto bad = [&](const llvm::Twine &what) {
    return Status::error(StatusCode::Unsupported,
                         ("the image of " + level.name + " " + what).str());
  };
  llvm::Expected<Elf> object =
      Elf::create(llvm::MemoryBufferRef(bytes, "image"));
  if (!object)
    return bad("is no ELF: " + text(object.takeError()));
  const auto &file = object->getELFFile();
  auto segments = file.program_headers();
  if (!segments)
    return bad("has no segments: " + text(segments.takeError()));
  for (const auto &segment : *segments) {
    if (segment.p_type == llvm::ELF::PT_TLS)
      return bad("has thread-local data");
    if (segment.p_type == llvm::ELF::PT_LOAD &&
        (segment.p_flags & llvm::ELF::PF_W) &&
        (segment.p_flags & llvm::ELF::PF_X))
      return bad("has a segment that is writable and executable");
  }
  auto sections = file.sections();
  if (!sections)
    return bad("has no sections: " + text(sections.takeError()));
  for (const auto &section : *sections) {
    if (section.sh_type != llvm::ELF::SHT_RELA)
      continue;
    auto relocations = file.relas(section);
    if (!relocations)
      return bad("has bad relocations: " + text(relocations.takeError()));
    for (const auto &relocation : *relocations)
      if (relocation.getType(false) != file.getRelativeRelocationType())
        return bad("has a relocation of type " +
                   llvm::Twine(relocation.getType(false)));
  }
  auto entries = file.dynamicEntries();
  if (!entries)
    return bad("has no dynamic section: " + text(entries.takeError()));
  for (const auto &entry : *entries)
    if (llvm::is_contained({llvm::ELF::DT_NEEDED, llvm::ELF::DT_INIT,
                            llvm::ELF::DT_INIT_ARRAY, llvm::ELF::DT_TEXTREL},
                           entry.getTag()))
      return bad("needs libraries, constructors or relocated code");
  for (const llvm::object::ELFSymbolRef symbol :
       object->getDynamicSymbolIterators())
    if (symbol.getFlags() &&
        (*symbol.getFlags() & llvm::object::BasicSymbolRef::SF_Undefined))
      return bad("imports a symbol");
  return Status::ok();
}

Result<std::string> linkImage(llvm::ArrayRef<LinkInput> inputs,
                              const TargetLevel &level) {
  llvm::SmallString<128> directory;
  if (std::error_code error =
          llvm::sys::fs::createUniqueDirectory("lathe-link", directory))
    return Status::error(StatusCode::IoError,
                         "cannot make a temporary folder: " + error.message());
  llvm::scope_exit cleanUp(
      [&] { (void)llvm::sys::fs::remove_directories(directory); });

  std::vector<std::string> paths;
  for (const LinkInput &input : inputs) {
    std::string path =
        (directory + "/" + llvm::Twine(paths.size()) + ".o").str();
    if (input.name.empty()) {
      LATHE_RETURN_IF_ERROR(writeFile(path, input.elf));
    } else {
      Result<std::string> renamed = rename(input.elf, input.name);
      if (!renamed.isOk())
        return renamed.takeStatus();
      LATHE_RETURN_IF_ERROR(writeFile(path, *renamed));
    }
    paths.push_back(path);
  }

  std::string output = (directory + "/image.so").str();
  LATHE_RETURN_IF_ERROR(runLinker(paths, output, level));
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> image =
      llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!image)
    return Status::error(StatusCode::IoError, output + ": cannot be read: " +
                                                  image.getError().message());
  std::string bytes = (*image)->getBuffer().str();
  LATHE_RETURN_IF_ERROR(checkImage(bytes, level));
  return bytes;
}

} // namespace lathe
