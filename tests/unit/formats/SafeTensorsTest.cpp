//===- SafeTensorsTest.cpp - Tests of runtime/formats/SafeTensors.h -------===//

#include "runtime/formats/SafeTensors.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace lathe::runtime;

namespace {

std::span<const std::byte> asBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A file of \p header and \p dataSize zero bytes. \p length is what it says of
/// the header's length.
std::string makeFile(std::string_view header, size_t dataSize,
                     uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + std::string(header) + std::string(dataSize, '\0');
}

/// What reading such a file says, without the file's name; empty if it is ok.
std::string faultOf(std::string_view header, size_t dataSize) {
  std::string file = makeFile(header, dataSize, header.size());
  Result<SafeTensors> tensors = SafeTensors::parse(asBytes(file), "f");
  if (tensors.isOk())
    return "";
  std::string message = tensors.status().message();
  EXPECT_TRUE(message.starts_with("f: header: ")) << message;
  return message.substr(std::min<size_t>(11, message.size()));
}

/// An entry of a header.
std::string entry(std::string_view name, std::string_view dtype,
                  std::string_view shape, std::string_view offsets) {
  std::string text = "\"";
  text += name;
  text += "\":{\"dtype\":\"";
  text += dtype;
  text += "\",\"shape\":[";
  text += shape;
  text += "],\"data_offsets\":[";
  text += offsets;
  return text + "]}";
}

std::string one(std::string_view dtype, std::string_view shape,
                std::string_view offsets) {
  return "{" + entry("w", dtype, shape, offsets) + "}";
}

TEST(SafeTensorsTest, ReadsTensorsInTheOrderOfTheirBytes) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}," +
                       entry("b", "F32", "2,3", "2,26") + "," +
                       entry("c", "I64", "", "26,34") + "," +
                       entry("a", "BF16", "1", "0,2") + "}  ";
  std::string bytes = makeFile(header, 34, header.size());
  Result<SafeTensors> file = SafeTensors::parse(asBytes(bytes), "f");
  ASSERT_TRUE(file.isOk()) << file.status().message();

  std::string names;
  for (const Tensor &tensor : file->tensors())
    names += tensor.name;
  EXPECT_EQ(names, "abc");
  const Tensor *b = file->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->type, ElementType::F32);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b->bytes.data(), asBytes(bytes).data() + 8 + header.size() + 2);
  EXPECT_EQ(b->bytes.size(), 24u);
  EXPECT_TRUE(file->find("c")->shape.empty());
  EXPECT_EQ(file->find("d"), nullptr);
  EXPECT_EQ(file->find("__metadata__"), nullptr);
  ASSERT_EQ(file->metadata().size(), 1u);
  EXPECT_EQ(file->metadata()[0].first, "format");
  EXPECT_EQ(file->metadata()[0].second, "pt");
}

TEST(SafeTensorsTest, ReadsEachElementType) {
  for (auto [name, bytes] : {std::pair("F64", "0,8"),
                             {"F32", "0,4"},
                             {"F16", "0,2"},
                             {"BF16", "0,2"},
                             {"I64", "0,8"},
                             {"I32", "0,4"},
                             {"I16", "0,2"},
                             {"I8", "0,1"},
                             {"U8", "0,1"},
                             {"BOOL", "0,1"},
                             {"F8_E4M3", "0,1"},
                             {"F8_E5M2", "0,1"}})
    EXPECT_EQ(faultOf(one(name, "1", bytes), bytes[2] - '0'), "");
}

TEST(SafeTensorsTest, ReadsAFileWithoutTensors) {
  EXPECT_EQ(faultOf("{}", 0), "");
  EXPECT_EQ(faultOf("{}", 1),
            "the tensors cover 0 of the file's 1 bytes of data");
}

TEST(SafeTensorsTest, ChecksTheHeadersLength) {
  auto isRead = [](const std::string &file) {
    return SafeTensors::parse(asBytes(file), "f").isOk();
  };
  EXPECT_TRUE(isRead(makeFile("{}", 0, 2)));
  for (uint64_t length :
       {0ull, 1ull, 3ull, 1ull << 31, 1ull << 32, 1ull << 63, ~0ull, ~0ull - 7})
    EXPECT_FALSE(isRead(makeFile("{}", 0, length))) << length;
  EXPECT_FALSE(isRead(""));
  EXPECT_FALSE(isRead(std::string(7, '\0')));
  EXPECT_FALSE(isRead(std::string(8, '\0')));
  EXPECT_FALSE(isRead(makeFile(" {}", 0, 3)));
}

TEST(SafeTensorsTest, LimitsTheHeader) {
  std::string header = "{}" + std::string(SafeTensors::kMaximumHeader - 2, ' ');
  EXPECT_EQ(faultOf(header, 0), "");
  std::string file = makeFile(header + " ", 0, header.size() + 1);
  Result<SafeTensors> tensors = SafeTensors::parse(asBytes(file), "f");
  ASSERT_FALSE(tensors.isOk());
  EXPECT_EQ(tensors.status().message(),
            "f: header length: 100000001 bytes are more than 100000000 (is "
            "this a safetensors file?)");
}

TEST(SafeTensorsTest, RefusesOffsetsThatDoNotFit) {
  EXPECT_EQ(faultOf(one("U8", "4", "0,4"), 4), "");
  EXPECT_EQ(faultOf(one("U8", "4", "0,4"), 3),
            "w.data_offsets: bytes 0 to 4 do not lie in the file's 3 bytes of "
            "data");
  for (std::string_view offsets :
       {"4,0", "0,5", "1,5", "-1,3", "0,18446744073709551615",
        "18446744073709551612,18446744073709551615", "0", "0,4,4", "",
        "0,\"4\"", "0,4.0", "null,4", "0,18446744073709551620"})
    EXPECT_NE(faultOf(one("U8", "4", offsets), 4), "") << offsets;
}

TEST(SafeTensorsTest, RefusesAShapeThatDoesNotMatch) {
  EXPECT_EQ(faultOf(one("F32", "3", "0,8"), 8),
            "w.data_offsets: the shape needs 12 bytes, the offsets span 8");
  EXPECT_EQ(faultOf(one("F32", "4294967296,4294967296", "0,0"), 0),
            "w.shape: the product of the sizes overflows");
  for (std::string_view shape :
       {"-2", "2.0", "\"2\"", "null", "[2]", "9223372036854775808",
        "9223372036854775807", "2,9223372036854775807", "1", "2,2"})
    EXPECT_NE(faultOf(one("F32", shape, "0,8"), 8), "") << shape;
}

TEST(SafeTensorsTest, LimitsTheRank) {
  std::string shape = "1";
  for (int i = 1; i < 32; ++i)
    shape += ",1";
  EXPECT_EQ(faultOf(one("U8", shape, "0,1"), 1), "");
  EXPECT_EQ(faultOf(one("U8", shape + ",1", "0,1"), 1),
            "w.shape: has 33 dimensions, more than 32");
}

TEST(SafeTensorsTest, RefusesGapsAndOverlaps) {
  auto two = [](std::string_view first, std::string_view second) {
    return "{" + entry("a", "U8", "4", first) + "," +
           entry("b", "U8", "4", second) + "}";
  };
  EXPECT_EQ(faultOf(two("0,4", "4,8"), 8), "");
  EXPECT_EQ(faultOf(two("4,8", "0,4"), 8), "");
  EXPECT_EQ(faultOf(two("0,4", "5,9"), 9),
            "b: begins at byte 5 of the data, which leaves a gap after the "
            "tensors before it, that end at 4");
  EXPECT_EQ(faultOf(two("0,4", "3,7"), 7),
            "b: begins at byte 3 of the data, which overlaps the tensors "
            "before it, that end at 4");
  EXPECT_NE(faultOf(two("0,4", "0,4"), 4), "");
  EXPECT_NE(faultOf(two("1,5", "5,9"), 9), "");
  EXPECT_NE(faultOf(two("0,4", "4,8"), 9), "");
}

TEST(SafeTensorsTest, RefusesEmptyTensorsAtOnePlace) {
  std::string empty = entry("a", "U8", "0", "0,0");
  EXPECT_EQ(faultOf("{" + empty + "," + entry("w", "U8", "1", "0,1") + "}", 1),
            "");
  EXPECT_EQ(faultOf("{" + empty + "," + entry("b", "U8", "0", "0,0") + "}", 0),
            "b: is empty and shares its offset with 'a'");
}

TEST(SafeTensorsTest, RefusesWrongFields) {
  EXPECT_NE(faultOf("[]", 0), "");
  EXPECT_NE(faultOf("{\"w\":1}", 0), "");
  EXPECT_NE(faultOf("{\"w\":{}}", 0), "");
  EXPECT_EQ(faultOf(R"({"w":{"dtype":"U8","shape":[0]}})", 0),
            "w: the field 'data_offsets' is missing");
  EXPECT_NE(
      faultOf(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})",
              0),
      "");
  EXPECT_NE(faultOf(R"({"w":{"dtype":1,"shape":[0],"data_offsets":[0,0]}})", 0),
            "");
  EXPECT_NE(faultOf(one("U8", "1", "0,1") + "x", 1), "");
  std::string twice = entry("w", "U8", "1", "0,1");
  EXPECT_NE(faultOf("{" + twice + "," + twice + "}", 1), "");
}

TEST(SafeTensorsTest, RefusesMetadataThatIsNoText) {
  EXPECT_EQ(faultOf(R"({"__metadata__":{}})", 0), "");
  EXPECT_NE(faultOf(R"({"__metadata__":{"a":1}})", 0), "");
  EXPECT_NE(faultOf(R"({"__metadata__":[]})", 0), "");
  EXPECT_NE(faultOf(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "");
}

TEST(SafeTensorsTest, TellsForeignElementTypesFromWrongOnes) {
  auto codeOf = [](std::string_view dtype) {
    std::string header = one(dtype, "1", "0,4");
    std::string file = makeFile(header, 4, header.size());
    return SafeTensors::parse(asBytes(file), "f").status().code();
  };
  EXPECT_EQ(codeOf("F32"), StatusCode::Ok);
  EXPECT_EQ(codeOf("U32"), StatusCode::Unsupported);
  EXPECT_EQ(codeOf("f32"), StatusCode::InvalidFile);
  EXPECT_EQ(codeOf(""), StatusCode::InvalidFile);
}

class SafeTensorsWriterTest : public testing::Test {
protected:
  TemporaryFolder folder;
  std::vector<TensorSpec> specs = {{"b\"\n", ElementType::F32, {1, 2}},
                                   {"a", ElementType::U8, {3}},
                                   {"empty", ElementType::F16, {0, 4}}};
};

TEST_F(SafeTensorsWriterTest, WritesWhatTheReaderReads) {
  std::pair<std::string, std::string> metadata[] = {{"format", "pt"}};
  Result<SafeTensorsWriter> writer =
      SafeTensorsWriter::create(folder / "f", specs, metadata);
  ASSERT_TRUE(writer.isOk());
  ASSERT_TRUE(writer->write(asBytes("0123")).isOk());
  ASSERT_TRUE(writer->write(asBytes("4567abc")).isOk());
  ASSERT_TRUE(writer->finish().isOk());

  Result<SafeTensors> file = SafeTensors::open(folder / "f");
  ASSERT_TRUE(file.isOk()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 3u);
  const Tensor *b = file->find("b\"\n");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(std::memcmp(b->bytes.data(), "01234567", 8), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b->bytes.data()) % 8, 0u);
  EXPECT_EQ(std::memcmp(file->find("a")->bytes.data(), "abc", 3), 0);
  EXPECT_TRUE(file->find("empty")->bytes.empty());
  EXPECT_EQ(file->metadata()[0].second, "pt");
}

TEST_F(SafeTensorsWriterTest, RefusesTooFewAndTooManyBytes) {
  {
    Result<SafeTensorsWriter> writer =
        SafeTensorsWriter::create(folder / "f", specs);
    ASSERT_TRUE(writer.isOk());
    EXPECT_EQ(writer->write(asBytes("0123456789ab")).code(),
              StatusCode::InvalidArgument);
    ASSERT_TRUE(writer->write(asBytes("0123456789")).isOk());
    EXPECT_EQ(writer->finish().code(), StatusCode::InvalidArgument);
  }
  EXPECT_EQ(folder.count(), 0u);
}

TEST_F(SafeTensorsWriterTest, RefusesSpecsThatContradict) {
  auto codeOf = [&](std::vector<TensorSpec> wrong) {
    return SafeTensorsWriter::create(folder / "f", wrong).status().code();
  };
  EXPECT_EQ(codeOf({specs[0], specs[0]}), StatusCode::InvalidArgument);
  EXPECT_EQ(codeOf({{"__metadata__", ElementType::F32, {1}}}),
            StatusCode::InvalidArgument);
  EXPECT_EQ(codeOf({{"a", ElementType::F32, {-1}}}),
            StatusCode::InvalidArgument);
  EXPECT_EQ(codeOf({{"a", ElementType::U8, {INT64_MAX}},
                    {"b", ElementType::U8, {INT64_MAX}},
                    {"c", ElementType::U8, {2}}}),
            StatusCode::InvalidArgument);
}

} // namespace
