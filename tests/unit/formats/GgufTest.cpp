//===- GgufTest.cpp - Tests of runtime/formats/Gguf.h ---------------------===//

#include "runtime/formats/Gguf.h"

#include "tests/unit/formats/GgufBytes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace lathe::runtime;

namespace {

using Bytes = GgufBytes;

std::span<const std::byte> asBytes(const std::string &text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A file of \p values and \p tensors, as many as are said, and \p dataSize
/// bytes of data after the head and its padding to \p alignment.
struct File {
  uint32_t magic = 0x46554747;
  uint32_t version = 3;
  uint64_t tensorCount = 0;
  uint64_t valueCount = 0;
  Bytes values = {};
  Bytes tensors = {};
  size_t dataSize = 0;
  size_t alignment = 32;

  std::string bytes() const {
    std::string text =
        Bytes().add(magic).add(version).add(tensorCount).add(valueCount).text +
        values.text + tensors.text;
    if (tensorCount)
      text.resize((text.size() + alignment - 1) / alignment * alignment);
    return text + std::string(dataSize, '\1');
  }

  /// What reading it says, without the path; empty if it is ok.
  std::string fault() const { return faultOf(bytes()); }

  static std::string faultOf(const std::string &text,
                             StatusCode *code = nullptr) {
    Result<Gguf> file = Gguf::parse(asBytes(text), "f");
    if (file.isOk())
      return "";
    if (code)
      *code = file.status().code();
    std::string message = file.status().message();
    EXPECT_TRUE(message.starts_with("f: ")) << message;
    return message.substr(std::min<size_t>(3, message.size()));
  }
};

/// A file with one value, whose kind and bytes are \p value.
File withValue(const Bytes &value) {
  File file;
  file.valueCount = 1;
  file.values = value;
  return file;
}

/// A file with the F32 tensor "w" of \p dims at \p offset.
File withTensor(std::vector<int64_t> dims, uint64_t offset, size_t dataSize,
                GgmlType type = GgmlType::F32) {
  File file;
  file.tensorCount = 1;
  file.tensors.tensor("w", std::move(dims), type, offset);
  file.dataSize = dataSize;
  return file;
}

bool contains(const std::string &text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

//===----------------------------------------------------------------------===//
// What is read
//===----------------------------------------------------------------------===//

TEST(GgufTest, ReadsTensorsInTheOrderOfTheirBytes) {
  File file;
  file.tensorCount = 2;
  file.tensors.tensor("late", {32, 3}, GgmlType::Q4_0, 32)
      .tensor("early", {5}, GgmlType::F32, 0);
  file.dataSize = 32 + 3 * 18;
  for (uint32_t version : {2u, 3u}) {
    file.version = version;
    std::string bytes = file.bytes();
    Result<Gguf> read = Gguf::parse(asBytes(bytes), "f");
    ASSERT_TRUE(read.isOk()) << read.status().message();
    Gguf gguf = std::move(*read);
    EXPECT_EQ(gguf.version(), version);
    ASSERT_EQ(gguf.tensors().size(), 2u);
    EXPECT_EQ(gguf.tensors()[0].name, "early");
    EXPECT_EQ(gguf.tensors()[0].bytes.size(), 20u);
    const GgufTensor *late = gguf.findTensor("late");
    ASSERT_NE(late, nullptr);
    EXPECT_EQ(late->type, GgmlType::Q4_0);
    EXPECT_EQ(late->dims, (std::vector<int64_t>{32, 3}));
    EXPECT_EQ(late->bytes.size(), 54u);
    EXPECT_EQ(late->bytes.data() + 54, asBytes(bytes).data() + bytes.size());
    EXPECT_EQ(gguf.findTensor("lat"), nullptr);
  }
}

TEST(GgufTest, ReadsIntegersOfEveryWidth) {
  File file;
  file.valueCount = 8;
  file.values.key("u8", GgufKind::U8).add(uint8_t(200));
  file.values.key("i8", GgufKind::I8).add(int8_t(-100));
  file.values.key("u16", GgufKind::U16).add(uint16_t(60000));
  file.values.key("i16", GgufKind::I16).add(int16_t(-30000));
  file.values.key("u32", GgufKind::U32).add(uint32_t(4000000000));
  file.values.key("i32", GgufKind::I32).add(int32_t(-2000000000));
  file.values.key("u64", GgufKind::U64).add(uint64_t(INT64_MAX));
  file.values.key("i64", GgufKind::I64).add(INT64_MIN);
  std::string bytes = file.bytes();
  Result<Gguf> gguf = Gguf::parse(asBytes(bytes), "f");
  ASSERT_TRUE(gguf.isOk()) << gguf.status().message();
  int64_t expected[] = {200,        -100,        60000,     -30000,
                        4000000000, -2000000000, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < 8; ++i) {
    const GgufValue &value = gguf->values()[i];
    EXPECT_EQ(value.key(), ggufKindName(value.kind()));
    EXPECT_EQ(*value.asInt(), expected[i]);
    EXPECT_EQ(value.asFloat().status().message(),
              "f: " + std::string(value.key()) +
                  ": expected a f32 or f64, got " + std::string(value.key()));
  }
  EXPECT_EQ(gguf->find("u64"), &gguf->values()[6]);
  EXPECT_EQ(gguf->find("u65"), nullptr);
}

TEST(GgufTest, RefusesAnIntegerOf64Bits) {
  std::string bytes =
      withValue(Bytes().key("n", GgufKind::U64).add(uint64_t(1) << 63)).bytes();
  Result<Gguf> gguf = Gguf::parse(asBytes(bytes), "f");
  EXPECT_EQ(gguf->find("n")->asInt().status().message(),
            "f: n: is too large for an integer of 63 bits");
}

TEST(GgufTest, ReadsFloatsBoolsAndStrings) {
  File file;
  file.valueCount = 5;
  file.values.key("f", GgufKind::F32).add(1.5f);
  file.values.key("d", GgufKind::F64).add(1e300);
  file.values.key("t", GgufKind::Bool).add(uint8_t(1));
  file.values.key("s", GgufKind::String).name("text");
  file.values.key("e", GgufKind::String).name("");
  std::string bytes = file.bytes();
  Result<Gguf> gguf = Gguf::parse(asBytes(bytes), "f");
  ASSERT_TRUE(gguf.isOk()) << gguf.status().message();
  EXPECT_EQ(*gguf->find("f")->asFloat(), 1.5);
  EXPECT_EQ(*gguf->find("d")->asFloat(), 1e300);
  EXPECT_TRUE(*gguf->find("t")->asBool());
  EXPECT_EQ(*gguf->find("s")->asString(), "text");
  EXPECT_EQ(*gguf->find("e")->asString(), "");
  EXPECT_EQ(gguf->find("t")->asInt().status().message(),
            "f: t: expected an integer, got bool");
  EXPECT_EQ(gguf->find("s")->asStrings().status().message(),
            "f: s: expected an array of strings, got string");
}

TEST(GgufTest, ReadsArrays) {
  File file;
  file.valueCount = 4;
  file.values.key("i", GgufKind::Array).add(GgufKind::I16).add(uint64_t(2));
  file.values.add(int16_t(-7)).add(int16_t(8));
  file.values.key("f", GgufKind::Array).add(GgufKind::F32).add(uint64_t(1));
  file.values.add(0.25f);
  file.values.key("s", GgufKind::Array).add(GgufKind::String);
  file.values.add(uint64_t(3)).name("a").name("").name("bc");
  file.values.key("none", GgufKind::Array).add(GgufKind::String);
  file.values.add(uint64_t(0));
  std::string bytes = file.bytes();
  Result<Gguf> gguf = Gguf::parse(asBytes(bytes), "f");
  ASSERT_TRUE(gguf.isOk()) << gguf.status().message();
  EXPECT_EQ(*gguf->find("i")->asInts(), (std::vector<int64_t>{-7, 8}));
  EXPECT_EQ(*gguf->find("f")->asFloats(), std::vector<double>{0.25});
  EXPECT_EQ(*gguf->find("s")->asStrings(),
            (std::vector<std::string_view>{"a", "", "bc"}));
  EXPECT_TRUE(gguf->find("none")->asStrings()->empty());
  EXPECT_EQ(gguf->find("i")->asInt().status().message(),
            "f: i: expected an integer, got an array of i16");
}

TEST(GgufTest, ReadsAnOwnAlignment) {
  File file = withTensor({1}, 0, 4);
  file.alignment = 4096;
  file.valueCount = 1;
  file.values.key("general.alignment", GgufKind::U32).add(uint32_t(4096));
  EXPECT_EQ(file.fault(), "");
  file.alignment = 32;
  EXPECT_TRUE(contains(file.fault(), "w: 4 bytes at byte 0")) << file.fault();
}

TEST(GgufTest, TakesPaddingAfterTheLastTensorOnly) {
  EXPECT_EQ(withTensor({1}, 0, 4).fault(), "");
  EXPECT_EQ(withTensor({1}, 0, 32).fault(), "");
  EXPECT_EQ(withTensor({1}, 0, 33).fault(),
            "data: 29 bytes follow the last tensor");
}

//===----------------------------------------------------------------------===//
// The head
//===----------------------------------------------------------------------===//

TEST(GgufTest, RefusesOtherMagicAndVersions) {
  StatusCode code;
  EXPECT_TRUE(contains(File::faultOf("", &code), "magic: expected \"GGUF\""));
  EXPECT_EQ(code, StatusCode::InvalidFile);
  EXPECT_TRUE(contains((File{.magic = 0x67676d6c}).fault(), "magic"));
  for (uint32_t version : {1u, 4u, 0x02000000u, 0x03000000u}) {
    File file{.version = version};
    EXPECT_TRUE(contains(File::faultOf(file.bytes(), &code), "version: "));
    EXPECT_EQ(code, StatusCode::Unsupported) << version;
  }
  EXPECT_TRUE(contains((File{.version = 0x03000000}).fault(), "big-endian"));
  EXPECT_TRUE(contains((File{.version = 1}).fault(), "version: 1 is not"));
}

TEST(GgufTest, RefusesEveryPrefix) {
  File file = withTensor({2, 2}, 0, 16);
  file.valueCount = 1;
  file.values.key("s", GgufKind::Array).add(GgufKind::String);
  file.values.add(uint64_t(2)).name("a").name("b");
  std::string bytes = file.bytes();
  ASSERT_EQ(File::faultOf(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(File::faultOf(bytes.substr(0, size)), "") << size;
}

TEST(GgufTest, RefusesCountsPastTheLimits) {
  EXPECT_EQ((File{.tensorCount = Gguf::kMaximumTensors + 1}).fault(),
            "tensor_count: 65537 is more than 65536");
  EXPECT_EQ((File{.valueCount = Gguf::kMaximumValues + 1}).fault(),
            "metadata_kv_count: 65537 is more than 65536");
  EXPECT_TRUE(contains((File{.valueCount = 1}).fault(),
                       "metadata_kv_count: 1 do not fit in a file of 24"));
}

TEST(GgufTest, RefusesNamesOfForbiddenLengths) {
  auto named = [](size_t length) {
    File file;
    file.tensorCount = 1;
    file.tensors.tensor(std::string(length, 'n'), {1}, GgmlType::F32, 0);
    file.dataSize = 4;
    return file.fault();
  };
  EXPECT_EQ(named(64), "");
  EXPECT_EQ(named(65), "tensors[0]: expected a name of 1 to 64 bytes, got 65");
  EXPECT_EQ(named(0), "tensors[0]: expected a name of 1 to 64 bytes, got 0");
  auto keyed = [](size_t length) {
    return withValue(
               Bytes().key(std::string(length, 'k'), GgufKind::U64).add(1ull))
        .fault();
  };
  EXPECT_EQ(keyed(65535), "");
  EXPECT_TRUE(contains(keyed(65536), "metadata[0]: expected a name of 1 to"));
}

TEST(GgufTest, ShowsLongKeysInPart) {
  std::string fault =
      withValue(Bytes().key(std::string(60000, 'k'), GgufKind(77)).add(0ull))
          .fault();
  EXPECT_EQ(fault,
            std::string(100, 'k') + "...: a value of the unknown kind 77");
}

TEST(GgufTest, RefusesNamesUsedTwice) {
  File file;
  file.valueCount = 3;
  file.values.key("a", GgufKind::U8).add(uint8_t(1));
  file.values.key("b", GgufKind::U8).add(uint8_t(1));
  file.values.key("a", GgufKind::U32).add(uint32_t(2));
  EXPECT_EQ(file.fault(), "a: the key is there twice");

  File twice;
  twice.tensorCount = 2;
  twice.tensors.tensor("w", {1}, GgmlType::F32, 0)
      .tensor("w", {1}, GgmlType::F32, 32);
  twice.dataSize = 36;
  EXPECT_EQ(twice.fault(), "w: the tensor is there twice");
}

TEST(GgufTest, RefusesAValueOfAnUnknownKind) {
  EXPECT_EQ(withValue(Bytes().key("k", GgufKind(13)).add(0ull)).fault(),
            "k: a value of the unknown kind 13");
}

TEST(GgufTest, RefusesBoolsThatAreNeither) {
  EXPECT_EQ(withValue(Bytes().key("k", GgufKind::Bool).add(uint8_t(2))).fault(),
            "k: expected a bool, 0 or 1, got 2");
  Bytes array = Bytes().key("k", GgufKind::Array).add(GgufKind::Bool);
  EXPECT_EQ(withValue(array.add(uint64_t(2)).add(uint8_t(1)).add(uint8_t(255)))
                .fault(),
            "k: expected a bool, 0 or 1, got 255");
}

TEST(GgufTest, RefusesArraysOfArrays) {
  StatusCode code;
  std::string bytes = withValue(Bytes()
                                    .key("k", GgufKind::Array)
                                    .add(GgufKind::Array)
                                    .add(uint64_t(1))
                                    .add(GgufKind::U8)
                                    .add(uint64_t(0)))
                          .bytes();
  EXPECT_EQ(File::faultOf(bytes, &code),
            "k: arrays of arrays are not supported");
  EXPECT_EQ(code, StatusCode::Unsupported);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

TEST(GgufTest, RefusesSizesThatMakeNoTensor) {
  EXPECT_EQ(withTensor({}, 0, 32).fault(),
            "w: expected 1 to 4 dimensions, got 0");
  EXPECT_EQ(withTensor({1, 1, 1, 1, 1}, 0, 32).fault(),
            "w: expected 1 to 4 dimensions, got 5");
  EXPECT_EQ(withTensor({1, 1, 1, 1}, 0, 4).fault(), "");
  EXPECT_EQ(withTensor({2, 0}, 0, 0).fault(),
            "w: expected a size of 1 or more, got 0");
  EXPECT_EQ(withTensor({-2, -2}, 0, 16).fault(),
            "w: expected a size of 1 or more, got -2");
}

TEST(GgufTest, RefusesRowsThatAreNoWholeBlocks) {
  EXPECT_EQ(withTensor({64}, 0, 36, GgmlType::Q4_0).fault(), "");
  EXPECT_EQ(withTensor({48, 2}, 0, 54, GgmlType::Q4_0).fault(),
            "w: rows of 48 elements are no whole blocks of Q4_0, 32");
  EXPECT_EQ(withTensor({128, 2}, 0, 144, GgmlType::Q4_K).fault(),
            "w: rows of 128 elements are no whole blocks of Q4_K, 256");
}

TEST(GgufTest, RefusesOverlapsAndGaps) {
  auto pair = [](uint64_t second) {
    File file;
    file.tensorCount = 2;
    file.tensors.tensor("a", {9}, GgmlType::F32, 0)
        .tensor("b", {1}, GgmlType::F32, second);
    file.dataSize = 200;
    return file.fault();
  };
  EXPECT_TRUE(contains(pair(0), "overlaps the tensors before it"));
  EXPECT_TRUE(contains(pair(32), "b: begins at byte 32 of the data, which "
                                 "overlaps the tensors before it, that end "
                                 "at 64"));
  EXPECT_TRUE(contains(pair(96), "leaves a gap after"));
  EXPECT_TRUE(contains(pair(65), "is no multiple of the alignment, 32"));
  EXPECT_TRUE(contains(withTensor({1}, 32, 64).fault(), "leaves a gap"));
}

//===----------------------------------------------------------------------===//
// Faults that other readers had; ../docs/security.md has the classes
//===----------------------------------------------------------------------===//

// CVE-2025-53630, CVE-2026-27940: sums and products of sizes wrapped.
TEST(GgufTest, RefusesSizesWhoseProductWraps) {
  EXPECT_EQ(withTensor({int64_t(1) << 62, 4}, 0, 32).fault(),
            "w: the product of the sizes overflows");
  EXPECT_EQ(withTensor({int64_t(1) << 61, 2}, 0, 32).fault(),
            "w: the product of the sizes overflows");
  EXPECT_EQ(withTensor({INT64_MAX, INT64_MAX, INT64_MAX, 2}, 0, 32).fault(),
            "w: the product of the sizes overflows");
}

// ggml-org/llama.cpp#24759, #26318: padding to the alignment wrapped.
TEST(GgufTest, RefusesOffsetsWhosePaddingWraps) {
  EXPECT_TRUE(contains(withTensor({1}, UINT64_MAX - 31, 64).fault(),
                       "leaves a gap after"));
  // Almost 2^64 bytes: the end would wrap once it is aligned.
  EXPECT_TRUE(contains(withTensor({(int64_t(1) << 62) - 1}, 0, 64).fault(),
                       "do not fit in the file"));
}

// ggml-org/llama.cpp#15711, #18674: counts sized an array before they were
// compared with the file.
TEST(GgufTest, RefusesCountsThatTheFileCannotHold) {
  for (uint64_t count : {uint64_t(1) << 32, uint64_t(1) << 62, UINT64_MAX}) {
    EXPECT_TRUE(contains((File{.tensorCount = count}).fault(), "tensor_count"));
    EXPECT_TRUE(
        contains((File{.valueCount = count}).fault(), "metadata_kv_count"));
  }
}

// CVE-2024-21802 and its kin: lengths of strings and arrays in the head.
TEST(GgufTest, RefusesLengthsThatTheFileCannotHold) {
  for (uint64_t length :
       {uint64_t(100), uint64_t(1) << 32, UINT64_MAX - 7, UINT64_MAX}) {
    Bytes text = Bytes().key("k", GgufKind::String).add(length).add(0ull);
    EXPECT_TRUE(contains(withValue(text).fault(), "k: a string does not fit"));
    for (GgufKind kind :
         {GgufKind::U8, GgufKind::U64, GgufKind::F32, GgufKind::String}) {
      Bytes array = Bytes().key("k", GgufKind::Array).add(kind);
      EXPECT_TRUE(contains(withValue(array.add(length).add(0ull)).fault(),
                           "fit in the file"));
    }
    EXPECT_NE(withValue(Bytes().add(length).add(0ull).add(0ull)).fault(), "");
  }
}

// CVE-2025-49847, CVE-2025-52566: lengths cut to 32 bits with a sign.
TEST(GgufTest, RefusesLengthsThat32BitsWouldCut) {
  Bytes text = Bytes().key("k", GgufKind::String).add((1ull << 32) + 1);
  EXPECT_TRUE(contains(withValue(text.add(0ull)).fault(), "does not fit"));
}

// The rank indexes an array of four in other readers.
TEST(GgufTest, RefusesARankPastFour) {
  File file;
  file.tensorCount = 1;
  file.tensors.name("w").add(UINT32_MAX).add(0ull).add(0ull);
  EXPECT_EQ(file.fault(), "w: expected 1 to 4 dimensions, got 4294967295");
}

// ggml-org/llama.cpp#26690: an array read as elements of another kind.
TEST(GgufTest, RefusesAnArrayOfAnotherKind) {
  Bytes array = Bytes().key("k", GgufKind::Array).add(GgufKind::I8);
  std::string bytes =
      withValue(array.add(uint64_t(8)).add(uint64_t(0))).bytes();
  Result<Gguf> gguf = Gguf::parse(asBytes(bytes), "f");
  ASSERT_TRUE(gguf.isOk());
  EXPECT_EQ(gguf->find("k")->asStrings().status().message(),
            "f: k: expected an array of strings, got an array of i8");
  EXPECT_EQ(gguf->find("k")->asFloats().status().message(),
            "f: k: expected an array of f32 or f64, got an array of i8");
}

// ggml-org/llama.cpp#24997: the alignment had no bound; 0 divided by it.
TEST(GgufTest, RefusesAnAlignmentOutOfBounds) {
  auto aligned = [](uint32_t alignment) {
    return withValue(
               Bytes().key("general.alignment", GgufKind::U32).add(alignment))
        .fault();
  };
  EXPECT_EQ(aligned(1), "");
  EXPECT_EQ(aligned(65536), "");
  for (uint32_t alignment : {0u, 3u, 48u, 131072u, 0x80000000u, UINT32_MAX})
    EXPECT_EQ(aligned(alignment),
              "general.alignment: expected a power of two up to 65536, got " +
                  std::to_string(alignment));
  EXPECT_EQ(
      withValue(Bytes().key("general.alignment", GgufKind::U64).add(32ull))
          .fault(),
      "general.alignment: expected a u32, got u64");
}

// CVE-2026-7482: a tensor larger than the file was read past its end.
TEST(GgufTest, RefusesATensorPastTheFile) {
  EXPECT_EQ(withTensor({8}, 0, 32).fault(), "");
  EXPECT_TRUE(contains(withTensor({8}, 0, 31).fault(),
                       "w: 32 bytes at byte 0 of the data do not fit"));
  EXPECT_TRUE(contains(withTensor({int64_t(1) << 40}, 0, 32).fault(),
                       "do not fit in the file"));
}

TEST(GgufTest, RefusesUnknownElementTypes) {
  for (uint32_t type : {4u, 5u, 9u, 15u, 31u, 36u, 99u, UINT32_MAX}) {
    StatusCode code;
    std::string bytes = withTensor({256}, 0, 4096, GgmlType(type)).bytes();
    EXPECT_EQ(File::faultOf(bytes, &code), "w: the element type " +
                                               std::to_string(type) +
                                               " is not supported");
    EXPECT_EQ(code, StatusCode::Unsupported);
  }
}

TEST(GgufTest, KnowsTheSizesOfEveryType) {
  for (const GgmlTypeInfo &info : ggmlTypes()) {
    EXPECT_EQ(findGgmlType(info.type), &info);
    EXPECT_EQ(
        withTensor({info.blockElements, 3}, 0, 3 * info.blockBytes, info.type)
            .fault(),
        "")
        << info.name;
  }
}

} // namespace
