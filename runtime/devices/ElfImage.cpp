//===- ElfImage.cpp - A freestanding ELF image in memory ------------------===//
//
// Segments are copied into fresh memory first; dynamic section, symbols and
// relocations are then read from there, by address, with every range checked
// against the image's size.
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/ElfImage.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <elf.h>

using namespace lathe::runtime;

/// Most program headers, and entries of the dynamic section.
static constexpr size_t kMaxSegments = 64;
static constexpr size_t kMaxDynamic = 256;

static Status invalid(std::string message) {
  return Status::error(StatusCode::InvalidFile, "code: " + std::move(message));
}

ElfMachine lathe::runtime::hostElfMachine() {
#if defined(__aarch64__)
  return ElfMachine::AArch64;
#else
  return ElfMachine::X86_64;
#endif
}

namespace lathe::runtime {

/// Loads one image.
class ElfLoader {
public:
  ElfLoader(std::span<const std::byte> file, ElfMachine machine)
      : file(file), machine(machine) {}

  Result<ElfImage> load();

private:
  Status readHeaders();
  Status checkSegment(const Elf64_Phdr &segment);
  Status copySegments();
  Status readDynamic();
  Status takeDynamic(const Elf64_Dyn &entry);
  Status countSymbols();
  Status readSymbols();
  Status relocate();
  Status protect();

  /// The value at \p address of the image, if all of it lies inside.
  template <typename T>
  std::optional<T> read(uint64_t address) const {
    if (!isInside(address, sizeof(T)))
      return std::nullopt;
    T value;
    std::memcpy(&value, image.memory.data() + address, sizeof(T));
    return value;
  }
  bool isInside(uint64_t address, uint64_t size) const {
    // Not address + size > total: the sum could wrap around.
    return address <= total && size <= total - address;
  }
  bool isInSegment(uint64_t address, uint64_t size, uint32_t flag) const;

  std::span<const std::byte> file;
  ElfMachine machine;
  ElfImage image;
  uint64_t total = 0; ///< Bytes of the image in memory.
  std::vector<Elf64_Phdr> loads;
  std::optional<Elf64_Phdr> dynamic;
  uint64_t symbolTable = 0, stringTable = 0, stringBytes = 0;
  uint64_t hashTable = 0, gnuHashTable = 0;
  uint64_t relocations = 0, relocationBytes = 0;
  uint64_t symbolCount = 0;
};

} // namespace lathe::runtime

Status ElfLoader::readHeaders() {
  Elf64_Ehdr header;
  if (file.size() < sizeof(header))
    return invalid("an image of " + std::to_string(file.size()) +
                   " bytes has no ELF header");
  std::memcpy(&header, file.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_ident[EI_VERSION] != EV_CURRENT || header.e_type != ET_DYN)
    return invalid("is not a little-endian 64-bit shared ELF image");
  if (header.e_machine != static_cast<uint16_t>(machine))
    return Status::error(StatusCode::Unsupported,
                         "code: is for ELF machine " +
                             std::to_string(header.e_machine) +
                             ", this machine is " +
                             std::to_string(static_cast<uint16_t>(machine)));
  uint64_t bytes = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > kMaxSegments || header.e_phoff > file.size() ||
      bytes > file.size() - header.e_phoff)
    return invalid("its " + std::to_string(header.e_phnum) +
                   " program headers at " + std::to_string(header.e_phoff) +
                   " are not inside " + std::to_string(file.size()) + " bytes");
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof(Elf64_Phdr),
                sizeof(segment));
    LATHE_RETURN_IF_ERROR(checkSegment(segment));
  }
  if (loads.empty())
    return invalid("has nothing to load");
  return Status::ok();
}

/// Takes in one program header.
Status ElfLoader::checkSegment(const Elf64_Phdr &segment) {
  switch (segment.p_type) {
  case PT_LOAD:
    break;
  case PT_DYNAMIC:
    if (dynamic)
      return invalid("has two dynamic sections");
    dynamic = segment;
    return Status::ok();
  case PT_INTERP:
  case PT_TLS:
  case PT_SHLIB:
    return invalid("has a segment of type " + std::to_string(segment.p_type) +
                   ", which freestanding code cannot have");
  case PT_GNU_STACK:
    if (segment.p_flags & PF_X)
      return invalid("asks for an executable stack");
    return Status::ok();
  default:
    return Status::ok();
  }

  std::string field = "segment at " + std::to_string(segment.p_vaddr) + ": ";
  if ((segment.p_flags & PF_W) && (segment.p_flags & PF_X))
    return invalid(field + "is writable and executable");
  if (segment.p_filesz > segment.p_memsz || segment.p_offset > file.size() ||
      segment.p_filesz > file.size() - segment.p_offset)
    return invalid(field + std::to_string(segment.p_filesz) + " bytes at " +
                   std::to_string(segment.p_offset) + " are not inside " +
                   std::to_string(file.size()));
  if (segment.p_vaddr > ElfImage::kMaxMemory ||
      segment.p_memsz > ElfImage::kMaxMemory - segment.p_vaddr)
    return invalid(field + "exceeds " + std::to_string(ElfImage::kMaxMemory) +
                   " bytes of memory");
  if (segment.p_memsz == 0)
    return Status::ok();
  // A page has one protection, so segments may not share one.
  if (!loads.empty()) {
    uint64_t end = loads.back().p_vaddr + loads.back().p_memsz;
    uint64_t endPage = (end + pageSize() - 1) / pageSize();
    if (segment.p_vaddr / pageSize() < endPage)
      return invalid(field + "shares a page with the one before");
  }
  loads.push_back(segment);
  total = segment.p_vaddr + segment.p_memsz;
  return Status::ok();
}

Status ElfLoader::copySegments() {
  // The first segment holds the headers in every image that a linker writes;
  // a hole before it would only cost memory.
  Result<MappedMemory> memory = MappedMemory::allocate(total, "code");
  if (!memory.isOk())
    return memory.takeStatus();
  image.memory = std::move(*memory);
  for (const Elf64_Phdr &segment : loads)
    std::memcpy(image.memory.data() + segment.p_vaddr,
                file.data() + segment.p_offset, segment.p_filesz);
  return Status::ok();
}

Status ElfLoader::takeDynamic(const Elf64_Dyn &entry) {
  uint64_t value = entry.d_un.d_val;
  switch (entry.d_tag) {
  case DT_SYMTAB:
    symbolTable = value;
    return Status::ok();
  case DT_STRTAB:
    stringTable = value;
    return Status::ok();
  case DT_STRSZ:
    stringBytes = value;
    return Status::ok();
  case DT_HASH:
    hashTable = value;
    return Status::ok();
  case DT_GNU_HASH:
    gnuHashTable = value;
    return Status::ok();
  case DT_RELA:
    relocations = value;
    return Status::ok();
  case DT_RELASZ:
    relocationBytes = value;
    return Status::ok();
  case DT_SYMENT:
    if (value == sizeof(Elf64_Sym))
      return Status::ok();
    break;
  case DT_RELAENT:
    if (value == sizeof(Elf64_Rela))
      return Status::ok();
    break;
  // These say nothing that matters to code that is bound to nothing.
  case DT_SONAME:
  case DT_FLAGS_1:
  case DT_RELACOUNT:
  case DT_SYMBOLIC:
  case DT_BIND_NOW:
  case DT_DEBUG:
    return Status::ok();
  case DT_FLAGS:
    if (!(value & (DF_TEXTREL | DF_STATIC_TLS)))
      return Status::ok();
    break;
  case DT_NEEDED:
    return invalid("needs another library, but must stand alone");
  default:
    break;
  }
  return invalid("dynamic entry " + std::to_string(entry.d_tag) + " of value " +
                 std::to_string(value) + " is not one of freestanding code");
}

Status ElfLoader::readDynamic() {
  if (!dynamic)
    return invalid("has no dynamic section");
  size_t count = dynamic->p_memsz / sizeof(Elf64_Dyn);
  if (count > kMaxDynamic || !isInside(dynamic->p_vaddr, dynamic->p_memsz))
    return invalid("its dynamic section, " + std::to_string(dynamic->p_memsz) +
                   " bytes at " + std::to_string(dynamic->p_vaddr) +
                   ", is too large or outside");
  for (size_t i = 0; i < count; ++i) {
    Elf64_Dyn entry =
        *read<Elf64_Dyn>(dynamic->p_vaddr + i * sizeof(Elf64_Dyn));
    if (entry.d_tag == DT_NULL)
      break;
    LATHE_RETURN_IF_ERROR(takeDynamic(entry));
  }
  if (!isInside(stringTable, stringBytes))
    return invalid("its string table is outside");
  return countSymbols();
}

/// Finds the number of symbols, which only the hash tables tell.
Status ElfLoader::countSymbols() {
  if (hashTable != 0) {
    // Number of buckets, then number of chains, one a symbol.
    std::optional<uint32_t> chains = read<uint32_t>(hashTable + 4);
    if (hashTable > total || !chains)
      return invalid("its hash table is outside");
    symbolCount = *chains;
  } else if (gnuHashTable != 0) {
    std::optional<std::array<uint32_t, 4>> head =
        read<std::array<uint32_t, 4>>(gnuHashTable);
    if (!head)
      return invalid("its hash table is outside");
    auto [buckets, firstSymbol, bloomWords, shift] = *head;
    uint64_t bucketTable = gnuHashTable + 16 + uint64_t(bloomWords) * 8;
    if (!isInside(bucketTable, uint64_t(buckets) * 4))
      return invalid("its hash table is outside");
    uint64_t last = 0;
    for (uint32_t i = 0; i < buckets; ++i)
      last = std::max<uint64_t>(last, *read<uint32_t>(bucketTable + i * 4ull));
    symbolCount = last == 0 ? firstSymbol : last + 1;
    // The chain of the last bucket ends with a set lowest bit.
    uint64_t chainTable = bucketTable + uint64_t(buckets) * 4;
    for (bool isEnd = last == 0; !isEnd; ++symbolCount) {
      if (symbolCount <= firstSymbol)
        return invalid("its hash table contradicts itself");
      std::optional<uint32_t> hash =
          read<uint32_t>(chainTable + (symbolCount - 1 - firstSymbol) * 4);
      if (!hash)
        return invalid("its hash table is outside");
      isEnd = *hash & 1;
      if (isEnd)
        break;
    }
  }
  if (symbolCount > ElfImage::kMaxSymbols ||
      !isInside(symbolTable, symbolCount * sizeof(Elf64_Sym)))
    return invalid("its " + std::to_string(symbolCount) +
                   " symbols are too many or outside");
  return Status::ok();
}

bool ElfLoader::isInSegment(uint64_t address, uint64_t size,
                            uint32_t flag) const {
  return std::any_of(loads.begin(), loads.end(), [&](const Elf64_Phdr &load) {
    return (load.p_flags & flag) && address >= load.p_vaddr &&
           address - load.p_vaddr <= load.p_memsz &&
           size <= load.p_memsz - (address - load.p_vaddr);
  });
}

Status ElfLoader::readSymbols() {
  const char *strings =
      reinterpret_cast<const char *>(image.memory.data() + stringTable);
  // Symbol 0 is empty by definition.
  for (uint64_t i = 1; i < symbolCount; ++i) {
    Elf64_Sym symbol = *read<Elf64_Sym>(symbolTable + i * sizeof(Elf64_Sym));
    if (symbol.st_name >= stringBytes)
      return invalid("the name of symbol " + std::to_string(i) +
                     " is outside the string table");
    uint64_t room = stringBytes - symbol.st_name;
    size_t length = strnlen(strings + symbol.st_name, room);
    if (length == room)
      return invalid("the name of symbol " + std::to_string(i) +
                     " does not end");
    std::string name(strings + symbol.st_name, length);
    if (symbol.st_shndx == SHN_UNDEF)
      return invalid("imports '" + name + "', but must stand alone");
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC)
      continue;
    if (!isInSegment(symbol.st_value, std::max<uint64_t>(symbol.st_size, 1),
                     PF_X))
      return invalid("function '" + name + "' at " +
                     std::to_string(symbol.st_value) +
                     " is not in executable memory");
    image.functions.emplace(std::move(name),
                            image.memory.data() + symbol.st_value);
  }
  return Status::ok();
}

Status ElfLoader::relocate() {
  if (relocationBytes % sizeof(Elf64_Rela) != 0 ||
      relocationBytes / sizeof(Elf64_Rela) > ElfImage::kMaxSymbols ||
      !isInside(relocations, relocationBytes))
    return invalid("its relocations, " + std::to_string(relocationBytes) +
                   " bytes at " + std::to_string(relocations) +
                   ", are too many or outside");
  uint64_t relative = machine == ElfMachine::X86_64
                          ? uint64_t(R_X86_64_RELATIVE)
                          : uint64_t(R_AARCH64_RELATIVE);
  for (uint64_t at = 0; at < relocationBytes; at += sizeof(Elf64_Rela)) {
    Elf64_Rela entry = *read<Elf64_Rela>(relocations + at);
    if (entry.r_info != relative)
      return invalid("a relocation of type " +
                     std::to_string(ELF64_R_TYPE(entry.r_info)) +
                     " is not relative");
    if (!isInSegment(entry.r_offset, sizeof(uint64_t), PF_W))
      return invalid("a relocation at " + std::to_string(entry.r_offset) +
                     " is not in writable memory");
    if (static_cast<uint64_t>(entry.r_addend) > total)
      return invalid("a relocation points to " +
                     std::to_string(entry.r_addend) + ", outside");
    uint64_t value = reinterpret_cast<uint64_t>(image.memory.data()) +
                     static_cast<uint64_t>(entry.r_addend);
    std::memcpy(image.memory.data() + entry.r_offset, &value, sizeof(value));
  }
  return Status::ok();
}

Status ElfLoader::protect() {
  for (const Elf64_Phdr &segment : loads) {
    size_t begin = segment.p_vaddr / pageSize() * pageSize();
    size_t end = (segment.p_vaddr + segment.p_memsz + pageSize() - 1) /
                 pageSize() * pageSize();
    // Kernels are re-entrant, so what relocation wrote is constant from here.
    bool isCode = segment.p_flags & PF_X;
    LATHE_RETURN_IF_ERROR(
        image.memory.protect(begin, end,
                             isCode ? MappedMemory::Access::ReadExecute
                                    : MappedMemory::Access::Read));
  }
  char *start = reinterpret_cast<char *>(image.memory.data());
  __builtin___clear_cache(start, start + total);
  return Status::ok();
}

Result<ElfImage> ElfLoader::load() {
  LATHE_RETURN_IF_ERROR(readHeaders());
  LATHE_RETURN_IF_ERROR(copySegments());
  LATHE_RETURN_IF_ERROR(readDynamic());
  LATHE_RETURN_IF_ERROR(readSymbols());
  LATHE_RETURN_IF_ERROR(relocate());
  LATHE_RETURN_IF_ERROR(protect());
  return std::move(image);
}

Result<ElfImage> ElfImage::load(std::span<const std::byte> file,
                                ElfMachine machine) {
  return ElfLoader(file, machine).load();
}

const void *ElfImage::find(std::string_view name) const {
  auto found = functions.find(std::string(name));
  return found == functions.end() ? nullptr : found->second;
}
