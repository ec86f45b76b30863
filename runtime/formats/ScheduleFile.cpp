//===- ScheduleFile.cpp - Schedules of kernels as JSON --------------------===//

#include "runtime/formats/ScheduleFile.h"

#include "runtime/formats/Json.h"
#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/MappedFile.h"

#include <array>
#include <utility>

using namespace lathe::runtime;

static constexpr std::string_view kSchema = "lathe.schedules.v1";

namespace {
/// A number of a tiling and its name in a file.
struct Field {
  std::string_view name;
  int64_t KernelTiling::*number;
};
} // namespace

/// In the order in which they are written.
static constexpr std::array<Field, 5> kFields = {{
    {"rows", &KernelTiling::rows},
    {"columns", &KernelTiling::columns},
    {"row_block", &KernelTiling::rowBlock},
    {"panels", &KernelTiling::panels},
    {"vector", &KernelTiling::vector},
}};

/// An error at \p member of \p value.
static Status errorAt(JsonValue value, std::string_view member,
                      const std::string &message) {
  return value.find(member).value_or(value).error(message);
}

static Status expectMultiple(JsonValue value, std::string_view name,
                             int64_t number, std::string_view ofName,
                             int64_t of) {
  if (number % of == 0)
    return Status::ok();
  return errorAt(value, name,
                 "expected a multiple of " + std::string(ofName) + ", " +
                     std::to_string(of) + ", got " + std::to_string(number));
}

static Result<KernelTiling> readTiling(JsonValue value) {
  LATHE_RETURN_IF_ERROR(value.expectObject());
  KernelTiling tiling;
  for (const Field &field : kFields) {
    Result<int64_t> number = value.get<int64_t>(field.name);
    if (!number.isOk())
      return number.takeStatus();
    if (*number < 1 || *number > ScheduleFile::kLargestNumber)
      return errorAt(value, field.name,
                     "expected a number from 1 to " +
                         std::to_string(ScheduleFile::kLargestNumber) +
                         ", got " + std::to_string(*number));
    tiling.*field.number = *number;
  }
  for (JsonValue member : value.members()) {
    bool isKnown = false;
    for (const Field &field : kFields)
      isKnown |= field.name == member.key();
    if (!isKnown)
      return member.error("is no number of a schedule");
  }
  LATHE_RETURN_IF_ERROR(
      expectMultiple(value, "row_block", tiling.rowBlock, "rows", tiling.rows));
  LATHE_RETURN_IF_ERROR(expectMultiple(value, "columns", tiling.columns,
                                       "vector", tiling.vector));
  return tiling;
}

static Status expectShortName(JsonValue at, std::string_view name) {
  if (!name.empty() && name.size() <= ScheduleFile::kLongestName)
    return Status::ok();
  return at.error("expected a name of 1 to " +
                  std::to_string(ScheduleFile::kLongestName) + " bytes, got " +
                  std::to_string(name.size()));
}

static Result<ScheduleFile::Level> readLevel(JsonValue value) {
  LATHE_RETURN_IF_ERROR(value.expectObject());
  ScheduleFile::Level level;
  for (JsonValue member : value.members()) {
    LATHE_RETURN_IF_ERROR(expectShortName(value, member.key()));
    Result<KernelTiling> tiling = readTiling(member);
    if (!tiling.isOk())
      return tiling.takeStatus();
    level.emplace(member.key(), *tiling);
  }
  return level;
}

static Result<ScheduleFile> readFile(JsonValue root) {
  LATHE_RETURN_IF_ERROR(root.expectObject());
  Result<std::string_view> schema = root.get<std::string_view>("schema");
  if (!schema.isOk())
    return schema.takeStatus();
  if (*schema != kSchema)
    return errorAt(root, "schema",
                   "expected " + std::string(kSchema) + ", got '" +
                       std::string(*schema) + "'");
  ScheduleFile file;
  for (JsonValue member : root.members()) {
    if (member.key() == "machine") {
      Result<std::string> machine = member.as<std::string>();
      if (!machine.isOk())
        return machine.takeStatus();
      LATHE_RETURN_IF_ERROR(expectShortName(member, *machine));
      file.machine = std::move(*machine);
    } else if (member.key() == "levels") {
      LATHE_RETURN_IF_ERROR(member.expectObject());
      for (JsonValue value : member.members()) {
        LATHE_RETURN_IF_ERROR(expectShortName(member, value.key()));
        Result<ScheduleFile::Level> level = readLevel(value);
        if (!level.isOk())
          return level.takeStatus();
        file.levels.emplace(value.key(), std::move(*level));
      }
    } else if (member.key() != "schema") {
      return member.error("is no field of a file of schedules");
    }
  }
  return file;
}

Result<ScheduleFile> ScheduleFile::parse(std::string_view text,
                                         std::string file) {
  Result<Json> json = Json::parse(text, std::move(file));
  if (!json.isOk())
    return json.takeStatus();
  return readFile(json->root());
}

Result<ScheduleFile> ScheduleFile::read(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  return parse(file->text(), path);
}

/// `"KEY": ` for a line of its own.
static void beginLine(std::string &text, bool isFirst, std::string_view indent,
                      std::string_view key) {
  text += isFirst ? "\n" : ",\n";
  text += indent;
  appendJsonString(text, key);
  text += ": ";
}

std::string ScheduleFile::toText() const {
  std::string text = "{";
  beginLine(text, /*isFirst=*/true, "  ", "schema");
  appendJsonString(text, kSchema);
  if (!machine.empty()) {
    beginLine(text, /*isFirst=*/false, "  ", "machine");
    appendJsonString(text, machine);
  }
  beginLine(text, /*isFirst=*/false, "  ", "levels");
  text += "{";
  bool isFirstLevel = true;
  for (const auto &[name, level] : levels) {
    beginLine(text, std::exchange(isFirstLevel, false), "    ", name);
    text += "{";
    bool isFirstKernel = true;
    for (const auto &[kernel, tiling] : level) {
      beginLine(text, std::exchange(isFirstKernel, false), "      ", kernel);
      JsonWriter numbers;
      numbers.beginObject();
      for (const Field &field : kFields)
        numbers.field(field.name, tiling.*field.number);
      text += numbers.endObject().take();
    }
    text += level.empty() ? "}" : "\n    }";
  }
  text += levels.empty() ? "}" : "\n  }";
  return text + "\n}\n";
}
