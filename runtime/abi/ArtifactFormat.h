//===- ArtifactFormat.h - The outer layout of a model.lathe file ----------===//
//
//     FileHeader | Section[section_count] | section bytes, each aligned | tail
//
// Section 0 is the program. The tail is LATHE_ARTIFACT_TAIL zero bytes, because
// kernels may read so far past the end of a weight.
//
// All integers are little-endian. Every byte of the file is covered: the header
// and the table by `table_hash`, each section by its own hash, and what lies
// between them is zero and checked, so that any changed bit is found.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_ABI_ARTIFACTFORMAT_H
#define LATHE_RUNTIME_ABI_ARTIFACTFORMAT_H

#include <stdint.h>

#define LATHE_ARTIFACT_MAGIC                                                   \
  "\x89LATHE\r\n" /* 8 bytes, without the final 0                              \
                   */
#define LATHE_ARTIFACT_VERSION 1
/// Alignment of a section's offset, in bytes; weights and code are
/// page-aligned instead, so that they can be mapped.
#define LATHE_ARTIFACT_ALIGNMENT 64
#define LATHE_ARTIFACT_PAGE 4096
/// A section's hash is the XXH3-64 of the XXH3-64s, as little-endian words, of
/// its blocks of so many bytes, the last one shorter; so that threads can share
/// a long section.
#define LATHE_ARTIFACT_HASH_BLOCK (4u << 20)
/// Zero bytes after the last section.
#define LATHE_ARTIFACT_TAIL 64
/// Most sections a file may have.
#define LATHE_ARTIFACT_MAX_SECTIONS 1024
/// Largest program section (the FlatBuffers metadata), in bytes.
#define LATHE_ARTIFACT_MAX_PROGRAM (64u << 20)

#ifdef __cplusplus
extern "C" {
#endif

typedef enum LatheSectionKind {
  LATHE_SECTION_PROGRAM = 1,   ///< FlatBuffers, root table artifact.Program.
  LATHE_SECTION_WEIGHTS = 2,   ///< Packed weights; the program has the offsets.
  LATHE_SECTION_CODE = 3,      ///< A freestanding ELF image of one target.
  LATHE_SECTION_TOKENIZER = 4, ///< Tables of runtime/text.
} LatheSectionKind;

typedef struct LatheFileHeader {
  char magic[8];
  uint32_t version;
  uint32_t section_count;
  uint64_t file_size;  ///< Bytes, the whole file.
  uint64_t table_hash; ///< XXH3-64 of this header with 0 here, then the table.
} LatheFileHeader;

typedef struct LatheSection {
  uint32_t kind;     ///< LatheSectionKind.
  uint32_t reserved; ///< Zero.
  uint64_t offset;   ///< From the start of the file, aligned; ascending.
  uint64_t length;   ///< Bytes.
  uint64_t hash;     ///< Of the bytes, see LATHE_ARTIFACT_HASH_BLOCK.
} LatheSection;

#ifdef __cplusplus
} // extern "C"
#endif

#endif // LATHE_RUNTIME_ABI_ARTIFACTFORMAT_H
