//===- LaunchTrace.cpp - Launches on a time line --------------------------===//

#include "runtime/tools/LaunchTrace.h"

#include "runtime/formats/JsonWriter.h"
#include "runtime/tools/Roofline.h"

#include <algorithm>

using namespace lathe;
using namespace lathe::tools;
using runtime::JsonWriter;
using runtime::Result;
using runtime::Status;

/// The one process of a trace, its row of calls, and that of worker 0.
static constexpr int kProcess = 1;
static constexpr int kCalls = 0;
static constexpr int kWorkers = 1;

/// Text that is written at once.
static constexpr size_t kChunk = 1 << 20;

Result<LaunchTrace> LaunchTrace::create(const std::string &path,
                                        const lathe_model_t *model) {
  Result<runtime::AtomicFile> file = runtime::AtomicFile::create(path);
  if (!file.isOk())
    return file.takeStatus();
  return LaunchTrace(std::move(*file), model);
}

uint64_t LaunchTrace::now() const {
  return static_cast<uint64_t>(
      std::chrono::nanoseconds(Clock::now() - start).count());
}

void LaunchTrace::beginCall(const lathe_launch_t &launch) {
  bool goesOn = !calls.empty() && calls.back().entry == launch.entry &&
                launch.command >= nextCommand;
  if (!goesOn)
    calls.push_back({launch.entry, events.size()});
  nextCommand = launch.command + 1;
}

void LaunchTrace::add(const lathe_launch_t &launch) {
  if (events.size() >= kMostLaunches) {
    droppedCount += launch.finished != 0;
    return;
  }
  if (!launch.finished) {
    beginCall(launch);
    begun = now();
    return;
  }
  events.push_back({launch.name, launch.kernel, begun, launch.nanoseconds,
                    launch.tiles, launch.has_cost, launch.flops,
                    launch.bytes_read, launch.bytes_written, launch.arithmetic,
                    workers.size(), launch.worker_count});
  workers.insert(workers.end(), launch.workers,
                 launch.workers + launch.worker_count);
}

/// Opens an event of the row \p row from \p begin on, for \p length
/// nanoseconds; the format has microseconds.
static JsonWriter beginEvent(const char *name, const char *category, int row,
                             uint64_t begin, uint64_t length) {
  JsonWriter json;
  json.beginObject().field("name", name).field("cat", category);
  json.field("ph", "X").field("pid", kProcess).field("tid", row);
  json.field("ts", static_cast<double>(begin) / 1000)
      .field("dur", static_cast<double>(length) / 1000);
  return json;
}

std::string LaunchTrace::textOf(const Event &event) const {
  JsonWriter json =
      beginEvent(event.name, "launch", kCalls, event.begin, event.length);
  json.key("args").beginObject().field("kernel", event.kernel);
  json.field("tiles", event.tiles);
  if (event.hasCost)
    json.field("bytes", event.bytesRead + event.bytesWritten)
        .field("flops", event.flops)
        .field("arithmetic", arithmeticName(event.arithmetic));
  return json.endObject().endObject().take();
}

/// The parts of \p event that workers did.
std::string LaunchTrace::textOfWorkers(const Event &event) const {
  std::string text;
  for (size_t i = 0; i < event.workerCount; ++i) {
    const lathe_worker_t &worker = workers[event.firstWorker + i];
    if (worker.tiles == 0)
      continue;
    JsonWriter json =
        beginEvent(event.name, "worker", kWorkers + static_cast<int>(i),
                   event.begin + worker.begin, worker.end - worker.begin);
    json.key("args").beginObject().field("tiles", worker.tiles);
    text += ",\n" + json.endObject().endObject().take();
  }
  return text;
}

std::string LaunchTrace::textOf(const Call &call, size_t endEvent) const {
  lathe_entry_info_t entry;
  bool isKnown = lathe_model_entry(model, call.entry, &entry) == LATHE_OK;
  uint64_t begin = events[call.firstEvent].begin;
  const Event &last = events[endEvent - 1];
  return beginEvent(isKnown ? entry.name : "call", "call", kCalls, begin,
                    last.begin + last.length - begin)
      .endObject()
      .take();
}

/// What the viewers call a process or, with a \p row, a row.
static std::string textOfName(const char *kind, int row,
                              const std::string &name) {
  JsonWriter json;
  json.beginObject().field("name", kind).field("ph", "M");
  json.field("pid", kProcess).field("tid", row);
  json.key("args").beginObject().field("name", name).endObject();
  return json.endObject().take();
}

Status LaunchTrace::writeEvents() {
  std::string text = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" +
                     textOfName("process_name", kCalls, "lathe") + ",\n" +
                     textOfName("thread_name", kCalls, "calls and launches");
  size_t rows = 0;
  for (const Event &event : events)
    rows = std::max(rows, event.workerCount);
  for (size_t i = 0; i < rows; ++i)
    text += ",\n" + textOfName("thread_name", kWorkers + static_cast<int>(i),
                               "worker " + std::to_string(i));
  for (size_t i = 0; i < calls.size(); ++i) {
    size_t end = i + 1 < calls.size() ? calls[i + 1].firstEvent : events.size();
    if (end > calls[i].firstEvent)
      text += ",\n" + textOf(calls[i], end);
  }
  for (const Event &event : events) {
    text += ",\n" + textOf(event) + textOfWorkers(event);
    if (text.size() < kChunk)
      continue;
    LATHE_RETURN_IF_ERROR(file.write(text));
    text.clear();
  }
  return file.write(text + "\n]}\n");
}

Status LaunchTrace::finish() {
  LATHE_RETURN_IF_ERROR(writeEvents());
  return file.commit();
}
