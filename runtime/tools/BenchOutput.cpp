//===- BenchOutput.cpp - What lathe bench prints --------------------------===//
//
// A table for people; for programs llama-bench's formats with its names of
// fields, so that what reads those reads these, and one object of our own.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/BenchOutput.h"

#include "runtime/formats/JsonWriter.h"
#include "runtime/tools/LoadedModel.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace lathe;
using namespace lathe::tools;

namespace {

/// Of some numbers: the mean, the sample standard deviation (of n - 1; 0 for
/// one number) and the order statistics.
struct Summary {
  double mean = 0, deviation = 0, median = 0, least = 0, most = 0;
};

} // namespace

static Summary summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto count = static_cast<double>(values.size());
  size_t middle = values.size() / 2;
  Summary summary;
  summary.least = values.front();
  summary.most = values.back();
  summary.median = values.size() % 2
                       ? values[middle]
                       : (values[middle - 1] + values[middle]) / 2;
  summary.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (double value : values)
    squares += (value - summary.mean) * (value - summary.mean);
  if (values.size() > 1)
    summary.deviation = std::sqrt(squares / (count - 1));
  return summary;
}

static std::vector<double> timesOf(const BenchResult &result) {
  return {result.nanoseconds.begin(), result.nanoseconds.end()};
}

/// Tokens a second, over all sequences, of each time.
static std::vector<double> ratesOf(const BenchResult &result) {
  std::vector<double> rates;
  for (uint64_t nanoseconds : result.nanoseconds)
    rates.push_back(static_cast<double>(result.tokens * result.sequences) /
                    (static_cast<double>(nanoseconds) * 1e-9));
  return rates;
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

namespace {

class TablePrinter : public BenchPrinter {
public:
  explicit TablePrinter(const BenchSubject &subject) : subject(subject) {}
  Exit begin() override;
  Exit add(const BenchResult &result) override;

private:
  const BenchSubject &subject;
};

} // namespace

/// The file's name for a cell of a table.
static std::string modelCell(const std::string &path) {
  std::string name = path;
  while (name.size() > 1 && name.ends_with('/'))
    name.pop_back();
  name = name.substr(name.find_last_of('/') + 1);
  if (name.ends_with(".lathe"))
    name.resize(name.size() - 6);
  std::string cell;
  for (char c : escaped(name))
    cell += c == '|' ? "\\|" : std::string(1, c);
  return cell;
}

/// \p bytes as llama-bench has them.
static std::string sizeCell(uint64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024.0;
  bool isLarge = bytes >= uint64_t(1) << 30;
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %s",
                static_cast<double>(bytes) / (isLarge ? kMiB * 1024 : kMiB),
                isLarge ? "GiB" : "MiB");
  return text;
}

/// Prints one line of the table; numbers stand at the right.
static Exit printLine(const std::string &model, const std::string &size,
                      const std::string &rest) {
  char text[32];
  std::snprintf(text, sizeof(text), " | %10s | ", size.c_str());
  std::string padding(model.size() < 30 ? 30 - model.size() : 0, ' ');
  return print("| " + model + padding + text + rest + " |\n");
}

Exit TablePrinter::begin() {
  char text[128];
  std::snprintf(text, sizeof(text),
                "%7s | %4s | %15s | %24s | %10s | %10s | %10s", "threads",
                "seqs", "test", "t/s", "median", "min", "max");
  if (Exit exit = printLine("model", "size", text); exit != Exit::Done)
    return exit;
  auto rule = [](size_t width) { return std::string(width - 1, '-') + ":"; };
  std::string rest;
  for (size_t width : {7, 4, 15, 24, 10, 10, 10})
    rest += (rest.empty() ? "" : " | ") + rule(width);
  return printLine(std::string(30, '-'), rule(10), rest);
}

Exit TablePrinter::add(const BenchResult &result) {
  Summary rates = summarize(ratesOf(result));
  char speed[64], text[256];
  std::snprintf(speed, sizeof(speed), "%.2f ± %.2f", rates.mean,
                rates.deviation);
  // One column wider in bytes than on the screen: ± has two.
  std::snprintf(text, sizeof(text),
                "%7u | %4lld | %15s | %25s | %10.2f | %10.2f | %10.2f",
                result.threads, static_cast<long long>(result.sequences),
                result.name().c_str(), speed, rates.median, rates.least,
                rates.most);
  return printLine(modelCell(subject.path), sizeCell(subject.info.weight_bytes),
                   text);
}

//===----------------------------------------------------------------------===//
// llama-bench's formats
//===----------------------------------------------------------------------===//

/// Calls \p field with the name and value of each field of a test that is no
/// list, in llama-bench's order. What it lacks stands last.
template <typename Field>
static void forEachField(const BenchSubject &subject, const BenchResult &result,
                         Field field) {
  Summary times = summarize(timesOf(result));
  Summary rates = summarize(ratesOf(result));
  field("backends", "CPU");
  field("model_filename", subject.path);
  field("model_type", subject.info.family);
  field("model_size", subject.info.weight_bytes);
  field("n_threads", result.threads);
  field("n_prompt", result.isPrompt ? result.tokens : 0);
  field("n_gen", result.isPrompt ? 0 : result.tokens);
  // Tests begin with an empty cache.
  field("n_depth", 0);
  field("test_time", result.began);
  field("avg_ns", std::llround(times.mean));
  field("stddev_ns", std::llround(times.deviation));
  field("avg_ts", rates.mean);
  field("stddev_ts", rates.deviation);
  field("test", result.name());
  field("sequences", result.sequences);
  field("target", subject.info.target);
  field("median_ts", rates.median);
  field("min_ts", rates.least);
  field("max_ts", rates.most);
}

/// Adds the members samples_ns and samples_ts.
static void appendSamples(runtime::JsonWriter &json,
                          const BenchResult &result) {
  json.key("samples_ns").beginArray();
  for (uint64_t nanoseconds : result.nanoseconds)
    json.value(nanoseconds);
  json.endArray().key("samples_ts").beginArray();
  for (double rate : ratesOf(result))
    json.value(rate);
  json.endArray();
}

/// A test as one object.
static std::string objectOf(const BenchSubject &subject,
                            const BenchResult &result) {
  runtime::JsonWriter json;
  json.beginObject();
  forEachField(subject, result, [&](const char *name, const auto &value) {
    json.field(name, value);
  });
  appendSamples(json, result);
  json.endObject();
  return json.take();
}

namespace {

/// One object a line.
class JsonLinesPrinter : public BenchPrinter {
public:
  explicit JsonLinesPrinter(const BenchSubject &subject) : subject(subject) {}
  Exit add(const BenchResult &result) override {
    return print(objectOf(subject, result) + "\n");
  }

private:
  const BenchSubject &subject;
};

/// The same objects as one array.
class JsonArrayPrinter : public BenchPrinter {
public:
  explicit JsonArrayPrinter(const BenchSubject &subject) : subject(subject) {}
  Exit begin() override { return print("["); }
  Exit add(const BenchResult &result) override {
    std::string text = (isFirst ? "\n" : ",\n") + objectOf(subject, result);
    isFirst = false;
    return print(text);
  }
  Exit end() override { return print("\n]\n"); }

private:
  const BenchSubject &subject;
  bool isFirst = true;
};

/// Fields with commas, all in quotes, without the samples.
class CsvPrinter : public BenchPrinter {
public:
  explicit CsvPrinter(const BenchSubject &subject) : subject(subject) {}
  Exit add(const BenchResult &result) override;

private:
  const BenchSubject &subject;
  bool isFirst = true;
};

} // namespace

static std::string csvText(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

/// The value of a field as text, a number as JSON has it.
template <typename T>
static std::string csvCell(const T &value) {
  if constexpr (std::is_convertible_v<T, std::string_view>)
    return csvText(value);
  else
    return "\"" + runtime::JsonWriter().value(value).take() + "\"";
}

Exit CsvPrinter::add(const BenchResult &result) {
  std::string names, values;
  forEachField(subject, result, [&](const char *name, const auto &value) {
    names += (names.empty() ? "" : ",") + std::string(name);
    values += (values.empty() ? "" : ",") + csvCell(value);
  });
  std::string heading = isFirst ? names + "\n" : "";
  isFirst = false;
  return print(heading + values + "\n");
}

//===----------------------------------------------------------------------===//
// Our own object
//===----------------------------------------------------------------------===//

namespace {

class ObjectPrinter : public BenchPrinter {
public:
  explicit ObjectPrinter(const BenchSubject &subject) : subject(subject) {}
  Exit add(const BenchResult &result) override {
    results.push_back(result);
    return Exit::Done;
  }
  Exit end() override;

private:
  const BenchSubject &subject;
  std::vector<BenchResult> results;
};

} // namespace

static void appendTest(runtime::JsonWriter &json, const BenchResult &result) {
  Summary rates = summarize(ratesOf(result));
  json.beginObject()
      .field("test", result.name())
      .field("n_prompt", result.isPrompt ? result.tokens : 0)
      .field("n_gen", result.isPrompt ? 0 : result.tokens)
      .field("n_threads", result.threads)
      .field("sequences", result.sequences)
      .field("avg_ts", rates.mean)
      .field("stddev_ts", rates.deviation)
      .field("median_ts", rates.median)
      .field("min_ts", rates.least)
      .field("max_ts", rates.most);
  appendSamples(json, result);
  json.endObject();
}

Exit ObjectPrinter::end() {
  runtime::JsonWriter json;
  json.beginObject()
      .field("schema", "lathe.bench.v1")
      .field("model", subject.path)
      .field("family", subject.info.family)
      .field("target", subject.info.target)
      .field("model_size", subject.info.weight_bytes)
      .field("n_threads", results.front().threads)
      .field("sequences", results.front().sequences)
      .field("repetitions", subject.repetitions)
      .field("peak_memory_bytes", peakMemory())
      .key("tests")
      .beginArray();
  for (const BenchResult &result : results)
    appendTest(json, result);
  json.endArray().endObject();
  return print(json.take() + "\n");
}

std::unique_ptr<BenchPrinter>
tools::makeBenchPrinter(std::string_view format, const BenchSubject &subject) {
  if (format == "csv")
    return std::make_unique<CsvPrinter>(subject);
  if (format == "json")
    return std::make_unique<JsonArrayPrinter>(subject);
  if (format == "jsonl")
    return std::make_unique<JsonLinesPrinter>(subject);
  if (format == "object")
    return std::make_unique<ObjectPrinter>(subject);
  return std::make_unique<TablePrinter>(subject);
}
