//===- ElfImageTest.cpp - Tests of runtime/devices/ElfImage.h -------------===//

#include "runtime/devices/ElfImage.h"

#include "runtime/abi/KernelAbi.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include <elf.h>

using namespace lathe::runtime;
using lathe::testing::testKernelImage;

namespace {

/// An image with its headers as structs, to be changed and put back.
class ElfImageTest : public ::testing::Test {
protected:
  void SetUp() override {
    bytes = testKernelImage();
    std::memcpy(&header, bytes.data(), sizeof(header));
    for (size_t i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      std::memcpy(&segment, bytes.data() + segmentPlace(i), sizeof(segment));
      segments.push_back(segment);
    }
  }

  size_t segmentPlace(size_t index) const {
    return header.e_phoff + index * sizeof(Elf64_Phdr);
  }

  /// Writes header and segments back and loads the image.
  Status load() {
    std::memcpy(bytes.data(), &header, sizeof(header));
    for (size_t i = 0; i < segments.size(); ++i)
      std::memcpy(bytes.data() + segmentPlace(i), &segments[i],
                  sizeof(Elf64_Phdr));
    Result<ElfImage> image = ElfImage::load(bytes);
    return image.isOk() ? Status::ok() : image.takeStatus();
  }

  Elf64_Phdr &segment(uint32_t type, uint32_t flag = 0) {
    for (Elf64_Phdr &candidate : segments)
      if (candidate.p_type == type && (candidate.p_flags & flag) == flag)
        return candidate;
    std::abort();
  }

  /// The place in the file of the entry \p tag of the dynamic section.
  size_t dynamicPlace(int64_t tag) {
    Elf64_Phdr &dynamic = segment(PT_DYNAMIC);
    for (size_t at = dynamic.p_offset;; at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      std::memcpy(&entry, bytes.data() + at, sizeof(entry));
      if (entry.d_tag == tag)
        return at;
      if (entry.d_tag == DT_NULL)
        std::abort();
    }
  }
  void setDynamic(int64_t tag, int64_t newTag, uint64_t value) {
    Elf64_Dyn entry = {newTag, {value}};
    std::memcpy(bytes.data() + dynamicPlace(tag), &entry, sizeof(entry));
  }
  uint64_t dynamicValue(int64_t tag) {
    Elf64_Dyn entry;
    std::memcpy(&entry, bytes.data() + dynamicPlace(tag), sizeof(entry));
    return entry.d_un.d_val;
  }

  /// Changes the first relocation or symbol, whose address is \p address. Both
  /// tables lie in the first segment, where addresses are file offsets.
  template <typename T, typename Change>
  void change(uint64_t address, Change apply) {
    T value;
    std::memcpy(&value, bytes.data() + address, sizeof(value));
    apply(value);
    std::memcpy(bytes.data() + address, &value, sizeof(value));
  }

  void expectInvalid(const std::string &message) {
    Status status = load();
    EXPECT_EQ(status.code(), StatusCode::InvalidFile);
    EXPECT_NE(status.message().find(message), std::string::npos)
        << status.message();
  }

  std::vector<std::byte> bytes;
  Elf64_Ehdr header;
  std::vector<Elf64_Phdr> segments;
};

TEST_F(ElfImageTest, FindsAndRunsAKernel) {
  Result<ElfImage> image = ElfImage::load(bytes);
  ASSERT_TRUE(image.isOk()) << image.status().message();
  LatheKernel table = reinterpret_cast<LatheKernel>(
      reinterpret_cast<uintptr_t>(image->find("table")));
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(image->find("nothing"), nullptr);
  int32_t out[2] = {};
  void *buffers[] = {out};
  LatheKernelArgs args = {LATHE_KERNEL_ABI_VERSION, buffers, nullptr, 1};
  EXPECT_EQ(table(&args, nullptr, 0, 2), 0);
  EXPECT_EQ(out[0], 7);
  EXPECT_EQ(out[1], 8);
}

TEST_F(ElfImageTest, LeavesNoPageWritable) {
  Result<ElfImage> image = ElfImage::load(bytes);
  ASSERT_TRUE(image.isOk());
  uintptr_t address = reinterpret_cast<uintptr_t>(image->find("table"));
  std::ifstream maps("/proc/self/maps");
  bool isSeen = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    uintptr_t begin, end;
    char dash;
    std::string access;
    fields >> std::hex >> begin >> dash >> end >> access;
    if (address < begin || address >= end)
      continue;
    isSeen = true;
    EXPECT_EQ(access, "r-xp");
  }
  EXPECT_TRUE(isSeen);
}

TEST_F(ElfImageTest, RefusesAnotherMachine) {
  EXPECT_EQ(ElfImage::load(bytes, hostElfMachine() == ElfMachine::X86_64
                                      ? ElfMachine::AArch64
                                      : ElfMachine::X86_64)
                .status()
                .code(),
            StatusCode::Unsupported);
}

TEST_F(ElfImageTest, RefusesAnotherKindOfFile) {
  header.e_type = ET_EXEC;
  expectInvalid("is not a little-endian 64-bit shared ELF image");
  header.e_type = ET_DYN;
  header.e_ident[EI_CLASS] = ELFCLASS32;
  expectInvalid("is not a little-endian");
}

TEST_F(ElfImageTest, RefusesHeadersOutside) {
  header.e_phoff = bytes.size() - 8;
  std::memcpy(bytes.data(), &header, sizeof(header));
  EXPECT_EQ(ElfImage::load(bytes).status().code(), StatusCode::InvalidFile);
  header.e_phoff = UINT64_MAX;
  std::memcpy(bytes.data(), &header, sizeof(header));
  EXPECT_EQ(ElfImage::load(bytes).status().code(), StatusCode::InvalidFile);
}

TEST_F(ElfImageTest, RefusesWritableCode) {
  segment(PT_LOAD, PF_X).p_flags |= PF_W;
  expectInvalid("is writable and executable");
}

TEST_F(ElfImageTest, RefusesAnExecutableStack) {
  segment(PT_GNU_STACK).p_flags |= PF_X;
  expectInvalid("executable stack");
}

TEST_F(ElfImageTest, RefusesThreadLocalData) {
  segment(PT_GNU_STACK).p_type = PT_TLS;
  expectInvalid("freestanding code cannot have");
}

TEST_F(ElfImageTest, RefusesSegmentsOutsideTheFile) {
  Elf64_Phdr &code = segment(PT_LOAD, PF_X);
  code.p_filesz = bytes.size();
  code.p_memsz = bytes.size();
  expectInvalid("are not inside");
  code.p_offset = UINT64_MAX;
  expectInvalid("are not inside");
}

TEST_F(ElfImageTest, RefusesSegmentsThatShareAPage) {
  segment(PT_LOAD, PF_X).p_vaddr = 0;
  expectInvalid("shares a page");
}

TEST_F(ElfImageTest, RefusesHugeSegments) {
  segments.back().p_type = PT_LOAD;
  segments.back().p_flags = PF_R;
  segments.back().p_filesz = 0;
  segments.back().p_vaddr = ElfImage::kMaxMemory;
  segments.back().p_memsz = 1;
  expectInvalid("bytes of memory");
  segments.back().p_vaddr = UINT64_MAX - 1;
  expectInvalid("bytes of memory");
}

TEST_F(ElfImageTest, RefusesMoreInTheFileThanInMemory) {
  segment(PT_LOAD, PF_X).p_memsz = 1;
  expectInvalid("are not inside");
}

TEST_F(ElfImageTest, RefusesLibrariesAndConstructors) {
  setDynamic(DT_STRSZ, DT_NEEDED, 1);
  expectInvalid("needs another library");
  setDynamic(DT_NEEDED, DT_INIT_ARRAY, 64);
  expectInvalid("dynamic entry 25");
}

TEST_F(ElfImageTest, RefusesTextRelocations) {
  setDynamic(DT_SYMENT, DT_FLAGS, DF_TEXTREL);
  expectInvalid("dynamic entry 30 of value 4");
}

TEST_F(ElfImageTest, RefusesTablesOutside) {
  for (int64_t tag : {DT_SYMTAB, DT_STRTAB, DT_RELA}) {
    uint64_t good = dynamicValue(tag);
    for (uint64_t bad : {uint64_t(1) << 30, UINT64_MAX - 7}) {
      setDynamic(tag, tag, bad);
      expectInvalid("outside");
    }
    setDynamic(tag, tag, good);
  }
  EXPECT_TRUE(load().isOk());
}

TEST_F(ElfImageTest, RefusesADynamicSectionOutside) {
  segment(PT_DYNAMIC).p_vaddr = uint64_t(1) << 32;
  expectInvalid("dynamic section");
}

TEST_F(ElfImageTest, RefusesRelocationsOfAnotherKind) {
  uint64_t place = dynamicValue(DT_RELA);
  change<Elf64_Rela>(place, [](Elf64_Rela &r) { r.r_info = R_X86_64_64; });
  expectInvalid("is not relative");
}

TEST_F(ElfImageTest, RefusesRelocationsOfConstants) {
  uint64_t place = dynamicValue(DT_RELA);
  change<Elf64_Rela>(place, [](Elf64_Rela &r) { r.r_offset = 0; });
  expectInvalid("is not in writable memory");
}

TEST_F(ElfImageTest, RefusesRelocationsThatPointOutside) {
  uint64_t place = dynamicValue(DT_RELA);
  change<Elf64_Rela>(place, [](Elf64_Rela &r) { r.r_addend = -1; });
  expectInvalid("outside");
}

TEST_F(ElfImageTest, RefusesImports) {
  uint64_t place = dynamicValue(DT_SYMTAB) + sizeof(Elf64_Sym);
  change<Elf64_Sym>(place, [](Elf64_Sym &s) { s.st_shndx = SHN_UNDEF; });
  expectInvalid("must stand alone");
}

TEST_F(ElfImageTest, RefusesFunctionsOutsideTheCode) {
  uint64_t place = dynamicValue(DT_SYMTAB) + sizeof(Elf64_Sym);
  change<Elf64_Sym>(place, [](Elf64_Sym &s) { s.st_value = 0; });
  expectInvalid("is not in executable memory");
}

TEST_F(ElfImageTest, RefusesNamesOutside) {
  uint64_t place = dynamicValue(DT_SYMTAB) + sizeof(Elf64_Sym);
  change<Elf64_Sym>(place, [](Elf64_Sym &s) { s.st_name = 1u << 30; });
  expectInvalid("outside the string table");
}

TEST_F(ElfImageTest, FindsSymbolsByTheGnuHashTableAlone) {
  setDynamic(DT_HASH, DT_DEBUG, 0);
  Result<ElfImage> image = ElfImage::load(bytes);
  ASSERT_TRUE(image.isOk()) << image.status().message();
  EXPECT_EQ(image->functionCount(), 9u);
  EXPECT_NE(image->find("greedy"), nullptr);
}

TEST_F(ElfImageTest, SurvivesCutsAndFlippedBits) {
  for (size_t size = 0; size < bytes.size(); size += 97)
    (void)ElfImage::load(std::span(bytes).first(size)).isOk();
  std::mt19937_64 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    // Headers, dynamic section and tables lie at the start of the file.
    size_t bit = random() % (std::min<size_t>(bytes.size(), 2048) * 8);
    bytes[bit / 8] ^= std::byte(1 << bit % 8);
    Result<ElfImage> image = ElfImage::load(bytes);
    refused += !image.isOk();
    bytes[bit / 8] ^= std::byte(1 << bit % 8);
  }
  EXPECT_GT(refused, 300);
}

} // namespace
