//===- NpyTest.cpp - Tests of runtime/formats/Npy.h -----------------------===//

#include "runtime/formats/Npy.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

using namespace lathe::runtime;

namespace {

std::span<const std::byte> asBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A version 1.0 file of \p header and \p dataSize zero bytes.
std::string makeFile(std::string_view header, size_t dataSize) {
  std::string file("\x93NUMPY\1\0", 8);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  return file + std::string(header) + std::string(dataSize, '\0');
}

StatusCode codeOf(const std::string &file) {
  Result<Npy> array = Npy::parse(asBytes(file), "f");
  if (!array.isOk()) {
    EXPECT_TRUE(array.status().message().starts_with("f: "));
  }
  return array.status().code();
}

StatusCode codeOfShape(std::string_view shape, size_t dataSize) {
  return codeOf(makeFile("{'descr': '|u1', 'fortran_order': False, 'shape': " +
                             std::string(shape) + ", }\n",
                         dataSize));
}

StatusCode codeOfType(std::string_view descr, size_t dataSize) {
  return codeOf(makeFile("{'descr': " + std::string(descr) +
                             ", 'fortran_order': False, 'shape': (1,), }\n",
                         dataSize));
}

TEST(NpyTest, ReadsAnArray) {
  std::string bytes = makeFile(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 24);
  Result<Npy> array = Npy::parse(asBytes(bytes), "f");
  ASSERT_TRUE(array.isOk()) << array.status().message();
  EXPECT_EQ(array->type(), ElementType::F32);
  EXPECT_EQ(array->shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(array->bytes().data(), asBytes(bytes).last(24).data());
}

TEST(NpyTest, ReadsVersion2AndKeysInAnyOrder) {
  std::string header =
      "{\"shape\": (), \"descr\": \"<i8\", \"fortran_order\": False}";
  std::string file("\x93NUMPY\2\0", 8);
  file += static_cast<char>(header.size());
  file += std::string(3, '\0') + header + std::string(8, '\0');
  EXPECT_EQ(codeOf(file), StatusCode::Ok);
}

TEST(NpyTest, ReadsEachElementType) {
  for (auto [descr, size] : {std::pair("'<f2'", 2),
                             {"'<f4'", 4},
                             {"'<f8'", 8},
                             {"'|i1'", 1},
                             {"'<i1'", 1},
                             {"'<i2'", 2},
                             {"'<i4'", 4},
                             {"'<i8'", 8},
                             {"'|u1'", 1},
                             {"'|b1'", 1}})
    EXPECT_EQ(codeOfType(descr, static_cast<size_t>(size)), StatusCode::Ok)
        << descr;
}

TEST(NpyTest, RefusesOtherElementTypesByName) {
  for (std::string_view descr : {"'>f4'", "'<c8'", "'|O'", "'<U3'", "'|S4'",
                                 "'<u4'", "'=f4'", "'|f4'", "[('a', '<f4')]"})
    EXPECT_EQ(codeOfType(descr, 4), StatusCode::Unsupported) << descr;
  for (std::string_view descr : {"''", "'f'", "4", "None", "f4"})
    EXPECT_EQ(codeOfType(descr, 4), StatusCode::InvalidFile) << descr;
}

TEST(NpyTest, RefusesFortranOrderByName) {
  std::string file = makeFile(
      "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", 24);
  Result<Npy> array = Npy::parse(asBytes(file), "f");
  EXPECT_EQ(array.status().code(), StatusCode::Unsupported);
  EXPECT_TRUE(
      array.status().message().starts_with("f: header: fortran_order: "));
}

TEST(NpyTest, ChecksTheShape) {
  EXPECT_EQ(codeOfShape("()", 1), StatusCode::Ok);
  EXPECT_EQ(codeOfShape("(3,)", 3), StatusCode::Ok);
  EXPECT_EQ(codeOfShape("(2, 3)", 6), StatusCode::Ok);
  EXPECT_EQ(codeOfShape("(2, 3,)", 6), StatusCode::Ok);
  EXPECT_EQ(codeOfShape("(0, 3)", 0), StatusCode::Ok);
  for (std::string_view shape :
       {"(3)", "3", "[3]", "(3,", "(,)", "(3,,)", "(-3,)", "(3.0,)", "(3L,)",
        "(+3,)", "('3',)", "(9223372036854775808,)", "(0x3,)", "(3 1)", "None",
        "(9223372036854775807, 9223372036854775807)",
        "(4294967296, 4294967296, 0)"})
    EXPECT_EQ(codeOfShape(shape, 3), StatusCode::InvalidFile) << shape;
}

TEST(NpyTest, NeedsExactlyTheBytesOfTheShape) {
  EXPECT_EQ(codeOfShape("(3,)", 2), StatusCode::InvalidFile);
  EXPECT_EQ(codeOfShape("(3,)", 4), StatusCode::InvalidFile);
}

TEST(NpyTest, LimitsTheRank) {
  std::string shape = "(";
  for (size_t i = 0; i < Npy::kMaximumRank; ++i)
    shape += "1,";
  EXPECT_EQ(codeOfShape(shape + ")", 1), StatusCode::Ok);
  EXPECT_EQ(codeOfShape(shape + "1)", 1), StatusCode::InvalidFile);
}

TEST(NpyTest, RefusesADictThatIsNone) {
  for (std::string_view header :
       {"", "{", "{}", "()", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'shape': (1,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': "
        "(1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "__import__('os')"})
    EXPECT_EQ(codeOf(makeFile(header, 4)), StatusCode::InvalidFile) << header;
}

TEST(NpyTest, RefusesEachTruncation) {
  std::string file = makeFile(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8);
  EXPECT_EQ(codeOf(file), StatusCode::Ok);
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_EQ(codeOf(file.substr(0, size)), StatusCode::InvalidFile) << size;
}

TEST(NpyTest, RefusesOtherVersions) {
  std::string file =
      makeFile("{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }", 0);
  file[6] = 3;
  EXPECT_EQ(codeOf(file), StatusCode::Unsupported);
  file[6] = 0;
  EXPECT_EQ(codeOf(file), StatusCode::Unsupported);
  file[6] = 1;
  file[7] = 1;
  EXPECT_EQ(codeOf(file), StatusCode::Unsupported);
}

TEST(NpyTest, WritesWhatItReads) {
  TemporaryFolder folder;
  std::array<float, 6> values = {1, 2, 3, 4, 5, 6};
  std::array<int64_t, 2> shape = {2, 3};
  ASSERT_TRUE(writeNpy(folder / "a.npy", ElementType::F32, shape,
                       std::as_bytes(std::span(values)))
                  .isOk());
  Result<Npy> array = Npy::open(folder / "a.npy");
  ASSERT_TRUE(array.isOk()) << array.status().message();
  EXPECT_EQ(array->shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(array->bytes().data(), values.data(), 24), 0);

  // NumPy's own layout: data at a multiple of 64, a line's end before it.
  std::string bytes = folder.read("a.npy");
  EXPECT_EQ(bytes.size() % 64, 24u);
  EXPECT_EQ(bytes[bytes.size() - 25], '\n');
  EXPECT_EQ(bytes.substr(10, 61),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ");
}

TEST(NpyTest, WritesEachRank) {
  TemporaryFolder folder;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{}, {1}, {1, 1}, {1, 1, 1}}) {
    ASSERT_TRUE(writeNpy(folder / "a.npy", ElementType::U8, shape, asBytes("x"))
                    .isOk());
    Result<Npy> array = Npy::open(folder / "a.npy");
    ASSERT_TRUE(array.isOk()) << array.status().message();
    EXPECT_EQ(array->shape(), shape);
  }
}

TEST(NpyTest, RefusesToWriteWhatTheFormatLacks) {
  TemporaryFolder folder;
  std::array<int64_t, 1> shape = {1};
  EXPECT_EQ(
      writeNpy(folder / "a", ElementType::BF16, shape, asBytes("xx")).code(),
      StatusCode::InvalidArgument);
  EXPECT_EQ(
      writeNpy(folder / "a", ElementType::F16, shape, asBytes("xxx")).code(),
      StatusCode::InvalidArgument);
  EXPECT_EQ(folder.count(), 0u);
}

} // namespace
