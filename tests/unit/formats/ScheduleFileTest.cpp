//===- ScheduleFileTest.cpp - Tests of runtime/formats/ScheduleFile.h -----===//

#include "runtime/formats/ScheduleFile.h"

#include <gtest/gtest.h>

using namespace lathe::runtime;

namespace {

/// A file with one kernel "k" of level "l", and its numbers as \p numbers.
std::string fileOf(const std::string &numbers) {
  return R"({"schema": "lathe.schedules.v1", "levels": {"l": {"k": {)" +
         numbers + "}}}}";
}

std::string numbersWith(const std::string &name, const std::string &number) {
  std::string text;
  for (const char *field : {"rows", "columns", "row_block", "panels", "vector"})
    text += (text.empty() ? "\"" : ", \"") + std::string(field) +
            "\": " + (field == name ? number : "1");
  return text;
}

/// The message with which \p text is refused.
std::string messageOf(const std::string &text) {
  Result<ScheduleFile> file = ScheduleFile::parse(text, "f");
  EXPECT_FALSE(file.isOk()) << text;
  if (file.isOk())
    return "";
  EXPECT_EQ(file.status().code(), StatusCode::InvalidFile);
  return std::string(file.status().message());
}

TEST(ScheduleFileTest, ReadsWhatItWrites) {
  ScheduleFile file;
  file.machine = "a \"machine\"";
  file.levels["x86-64-v4"]["linear"] = {8, 32, 64, 2, 16};
  file.levels["x86-64-v4"]["attention"] = {6, 16, 66, 1, 8};
  file.levels["aarch64"] = {};
  std::string text = file.toText();
  EXPECT_LT(text.find("attention"), text.find("linear"));
  Result<ScheduleFile> again = ScheduleFile::parse(text, "f");
  ASSERT_TRUE(again.isOk()) << again.status().message();
  EXPECT_EQ(again->machine, file.machine);
  EXPECT_EQ(again->levels, file.levels);
  EXPECT_EQ(again->toText(), text);
}

TEST(ScheduleFileTest, TakesNumbersFromOneToTheLargest) {
  for (const char *name :
       {"rows", "columns", "row_block", "panels", "vector"}) {
    std::string field = std::string("f: levels.l.k.") + name;
    for (const char *number : {"0", "-1", "4097"})
      EXPECT_EQ(messageOf(fileOf(numbersWith(name, number))),
                field + ": expected a number from 1 to 4096, got " + number);
    EXPECT_NE(messageOf(fileOf(numbersWith(name, "1.5"))).find(field),
              std::string::npos);
  }
  for (const char *name : {"columns", "row_block", "panels"})
    EXPECT_TRUE(
        ScheduleFile::parse(fileOf(numbersWith(name, "4096")), "f").isOk());
}

TEST(ScheduleFileTest, RefusesTilesThatAreNotWhole) {
  EXPECT_EQ(messageOf(fileOf(
                R"("rows": 8, "columns": 32, "row_block": 60, "panels": 1,
                   "vector": 16)")),
            "f: levels.l.k.row_block: expected a multiple of rows, 8, got 60");
  EXPECT_EQ(messageOf(fileOf(
                R"("rows": 8, "columns": 24, "row_block": 64, "panels": 1,
                   "vector": 16)")),
            "f: levels.l.k.columns: expected a multiple of vector, 16, got 24");
}

TEST(ScheduleFileTest, RefusesFieldsThatItDoesNotKnow) {
  EXPECT_EQ(messageOf(fileOf(numbersWith("", "") + R"(, "dot": "bf16")")),
            "f: levels.l.k.dot: is no number of a schedule");
  EXPECT_EQ(messageOf(R"({"schema": "lathe.schedules.v1", "x": 1})"),
            "f: x: is no field of a file of schedules");
  EXPECT_NE(messageOf(fileOf(R"("rows": 1)")).find("levels.l.k.columns"),
            std::string::npos);
}

TEST(ScheduleFileTest, RefusesAnotherSchema) {
  EXPECT_EQ(messageOf(R"({"schema": "lathe.schedules.v2"})"),
            "f: schema: expected lathe.schedules.v1, got 'lathe.schedules.v2'");
  EXPECT_NE(messageOf("{}").find("schema"), std::string::npos);
  EXPECT_FALSE(messageOf("[]").empty());
}

TEST(ScheduleFileTest, RefusesNamesThatAreTooLong) {
  auto named = [](size_t size) {
    return R"({"schema": "lathe.schedules.v1", "machine": ")" +
           std::string(size, 'a') + "\"}";
  };
  EXPECT_TRUE(
      ScheduleFile::parse(named(ScheduleFile::kLongestName), "f").isOk());
  EXPECT_EQ(messageOf(named(ScheduleFile::kLongestName + 1)),
            "f: machine: expected a name of 1 to 512 bytes, got 513");
}

} // namespace
