//===- InspectLaunches.cpp - What launches compute and move ---------------===//
//
// Nothing runs: the compiler counted, and the library evaluates it for values
// of the symbols. Where work depends on values, all tokens are taken for those
// of one sequence.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/InspectLaunches.h"

#include "runtime/tools/KernelNames.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/Roofline.h"

#include <algorithm>
#include <charconv>
#include <map>

using namespace lathe;
using namespace lathe::tools;

/// Values that --set names, by symbol.
using Settings = std::map<std::string, int64_t>;

static constexpr const char *kMemoryNames[] = {"temporary", "input", "output",
                                               "weight", "state"};

void tools::addLaunchesFlags(CLI::App &command, LaunchesOptions &options) {
  auto *launches = command.add_flag("--launches", options.launches,
                                    "Count what each launch computes and "
                                    "moves, and the least that must move");
  command
      .add_option("--entry", options.entry,
                  "With --launches: of this entry alone")
      ->needs(launches);
  command
      .add_option("--set", options.settings,
                  "With --launches: values of symbols, as tokens=1,rows=1; "
                  "others are least. Default: all least, then all largest")
      ->delimiter(',')
      ->take_all()
      ->needs(launches);
  command
      .add_option("--past", options.past,
                  "With --launches: positions of the sequence before the call")
      ->check(wholeNumber(0, uint64_t(1) << 40))
      ->capture_default_str()
      ->needs(launches);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

uint64_t CountedEntry::bytesOf(lathe_memory_t memory) const {
  uint64_t sum = 0;
  for (const CountedCommand &command : commands)
    for (const lathe_traffic_t &moved : command.traffic)
      if (moved.memory == memory)
        sum += moved.bytes_read + moved.bytes_written;
  return sum;
}

uint64_t CountedEntry::bytes() const {
  uint64_t sum = 0;
  for (const CountedCommand &command : commands)
    sum += command.info.bytes_read + command.info.bytes_written;
  return sum;
}

uint64_t CountedEntry::leastBytes() const {
  uint64_t sum = 0;
  for (const CountedCommand &command : commands)
    sum += command.leastBytes;
  return sum;
}

uint64_t CountedEntry::flops() const {
  uint64_t sum = 0;
  for (const CountedCommand &command : commands)
    sum += command.info.flops;
  return sum;
}

size_t CountedEntry::unknown() const {
  return static_cast<size_t>(std::count_if(
      commands.begin(), commands.end(),
      [](const CountedCommand &command) { return !command.info.has_cost; }));
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

static std::vector<lathe_symbol_info_t> symbolsOf(const lathe_model_t *model) {
  std::vector<lathe_symbol_info_t> symbols;
  lathe_symbol_info_t symbol;
  while (lathe_model_symbol(model, symbols.size(), &symbol) == LATHE_OK)
    symbols.push_back(symbol);
  return symbols;
}

/// Reads the --set arguments, each "NAME=VALUE" with a symbol of \p symbols.
static Exit readSettings(const std::vector<std::string> &arguments,
                         const std::vector<lathe_symbol_info_t> &symbols,
                         Settings &settings) {
  for (const std::string &argument : arguments) {
    auto refuse = [&](const std::string &what) {
      return fail(Exit::Usage, "--set: " + what + ", got '" + argument + "'");
    };
    size_t equals = argument.find('=');
    if (equals == std::string::npos)
      return refuse("expected NAME=VALUE");
    std::string name = argument.substr(0, equals), known;
    const lathe_symbol_info_t *found = nullptr;
    for (const lathe_symbol_info_t &symbol : symbols) {
      known += (known.empty() ? "" : ", ") + std::string(symbol.name);
      if (symbol.name == name)
        found = &symbol;
    }
    if (!found)
      return refuse("expected a symbol of the model (" + known + ")");
    int64_t value = 0;
    const char *end = argument.data() + argument.size();
    auto [next, error] =
        std::from_chars(argument.data() + equals + 1, end, value);
    if (error != std::errc() || next != end || value < found->minimum ||
        value > found->maximum)
      return refuse("expected " + name + " from " +
                    std::to_string(found->minimum) + " to " +
                    std::to_string(found->maximum));
    if (!settings.emplace(name, value).second)
      return refuse("expected each symbol once");
  }
  return Exit::Done;
}

/// The least of what \p command moves, given the most that any command before
/// moved of each buffer, which it raises. A buffer that lives on, or that the
/// caller sees, must be moved once, whatever is fused.
static uint64_t takeLeast(const CountedCommand &command,
                          std::map<std::string, lathe_traffic_t> &moved) {
  uint64_t least = 0;
  for (const lathe_traffic_t &traffic : command.traffic) {
    if (traffic.memory == LATHE_TEMPORARY)
      continue;
    lathe_traffic_t &before = moved[traffic.name];
    auto raise = [&](uint64_t &most, uint64_t bytes) {
      if (bytes > most)
        least += bytes - std::exchange(most, bytes);
    };
    raise(before.bytes_read, traffic.bytes_read);
    raise(before.bytes_written, traffic.bytes_written);
  }
  return least;
}

/// Counts entry \p entry at the values \p symbols.
static Exit countEntry(const lathe_model_t *model, size_t entry,
                       const std::vector<int64_t> &symbols, uint64_t past,
                       CountedEntry &counted) {
  lathe_entry_info_t info;
  if (lathe_status_t status = lathe_model_entry(model, entry, &info))
    return fail(status);
  counted.name = info.name;
  lathe_call_shape_t shape = {};
  shape.struct_size = sizeof(shape);
  shape.symbols = symbols.data();
  shape.past = past;
  std::map<std::string, lathe_traffic_t> moved;
  for (size_t i = 0; i < info.command_count; ++i) {
    CountedCommand command = {};
    command.info.struct_size = sizeof(command.info);
    lathe_status_t status = LATHE_OK;
    // Once for the number of operands, once for them.
    for (int pass = 0; pass < 2 && !status; ++pass) {
      command.traffic.resize(command.info.operand_count);
      status =
          lathe_model_command(model, entry, i, &shape, &command.info,
                              command.traffic.data(), command.traffic.size());
    }
    if (status)
      return fail(status);
    command.leastBytes = takeLeast(command, moved);
    counted.commands.push_back(std::move(command));
  }
  return Exit::Done;
}

/// Marks the symbols that inputs and outputs of \p entry have as sizes.
static std::vector<bool> symbolsOfEntry(const lathe_model_t *model,
                                        size_t entry, size_t count) {
  std::vector<bool> used(count);
  lathe_tensor_info_t tensor;
  for (auto *query : {lathe_model_input, lathe_model_output})
    for (size_t i = 0; query(model, entry, i, &tensor) == LATHE_OK; ++i)
      for (uint32_t dim = 0; dim < tensor.rank; ++dim)
        if (tensor.symbols[dim] >= 0)
          used[static_cast<size_t>(tensor.symbols[dim])] = true;
  return used;
}

/// Counts entry \p entry with the settings, or at its largest size.
static Exit countSize(const lathe_model_t *model, size_t entry,
                      const std::vector<lathe_symbol_info_t> &symbols,
                      const Settings &settings, bool isLargest, uint64_t past,
                      std::vector<CountedEntry> &entries) {
  std::vector<bool> used = symbolsOfEntry(model, entry, symbols.size());
  CountedEntry counted;
  std::vector<int64_t> values;
  for (size_t i = 0; i < symbols.size(); ++i) {
    const lathe_symbol_info_t &symbol = symbols[i];
    auto set = settings.find(symbol.name);
    bool isSet = set != settings.end();
    int64_t value = isSet                  ? set->second
                    : symbol.fixed_at_load ? -1
                    : isLargest            ? symbol.maximum
                                           : symbol.minimum;
    values.push_back(value);
    if (isSet || (used[i] && !symbol.fixed_at_load))
      counted.symbols.emplace_back(symbol.name, value);
  }
  if (Exit exit = countEntry(model, entry, values, past, counted);
      exit != Exit::Done)
    return exit;
  entries.push_back(std::move(counted));
  return Exit::Done;
}

Exit tools::countLaunches(const lathe_model_t *model,
                          const LaunchesOptions &options,
                          std::vector<CountedEntry> &entries) {
  std::vector<lathe_symbol_info_t> symbols = symbolsOf(model);
  Settings settings;
  if (Exit exit = readSettings(options.settings, symbols, settings);
      exit != Exit::Done)
    return exit;
  lathe_model_info_t about = LATHE_INIT(lathe_model_info_t);
  if (lathe_status_t status = lathe_model_info(model, &about))
    return fail(status);
  if (options.past > static_cast<uint64_t>(about.context))
    return fail(Exit::Usage,
                "--past: expected at most " + std::to_string(about.context) +
                    ", the positions that the model was compiled for, got " +
                    std::to_string(options.past));
  size_t first = 0, last = SIZE_MAX;
  if (!options.entry.empty()) {
    if (lathe_model_find_entry(model, options.entry.c_str(), &first) !=
        LATHE_OK)
      return fail(Exit::Usage, lathe_message());
    last = first;
  }
  lathe_entry_info_t info;
  for (size_t e = first;
       e <= last && lathe_model_entry(model, e, &info) == LATHE_OK; ++e)
    for (bool isLargest : {false, true}) {
      if (isLargest && !settings.empty())
        continue;
      if (Exit exit = countSize(model, e, symbols, settings, isLargest,
                                options.past, entries);
          exit != Exit::Done)
        return exit;
    }
  return Exit::Done;
}

//===----------------------------------------------------------------------===//
// For a person
//===----------------------------------------------------------------------===//

/// Four numbers of a row: thousands of bytes, millions of operations.
static std::string numbers(uint64_t read, uint64_t written, uint64_t least,
                           uint64_t flops) {
  char text[96];
  std::snprintf(text, sizeof(text), "%11.1f %11.1f %11.1f %11.3f", read * 1e-3,
                written * 1e-3, least * 1e-3, flops * 1e-6);
  return text;
}

static std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f MB", bytes * 1e-6);
  return text;
}

/// What one entry's commands move together, and the least.
static std::string describeSums(const CountedEntry &entry) {
  std::string out = "  moved: " + megabytes(entry.bytes());
  const std::pair<lathe_memory_t, const char *> places[] = {
      {LATHE_WEIGHT, "weights"},
      {LATHE_STATE, "states"},
      {LATHE_INPUT, "inputs"},
      {LATHE_OUTPUT, "outputs"},
      {LATHE_TEMPORARY, "temporaries"}};
  const char *separator = " (";
  for (auto [memory, name] : places) {
    out += separator + (std::string(name) + " ") +
           megabytes(entry.bytesOf(memory));
    separator = ", ";
  }
  out += ")\n  least: " + megabytes(entry.leastBytes());
  if (entry.leastBytes() > 0) {
    char text[48];
    std::snprintf(text, sizeof(text), "; moved are %.3f times as much",
                  static_cast<double>(entry.bytes()) /
                      static_cast<double>(entry.leastBytes()));
    out += text;
  }
  out += "\n";
  if (size_t unknown = entry.unknown())
    out += "  not counted: " + std::to_string(unknown) +
           " launches of which the file says nothing (compile it again)\n";
  return out;
}

static std::string describeEntry(const CountedEntry &entry) {
  std::string out = entry.name;
  for (const auto &[name, value] : entry.symbols)
    out += ", " + name + " = " + std::to_string(value);
  size_t width = 6;
  auto kernelOf = [](const CountedCommand &command) -> std::string {
    if (command.info.is_skipped)
      return "(skipped)";
    if (command.info.kernel)
      return shortKernelName(command.info.kernel);
    return command.info.bytes_read > 0 ? "copy" : "fill";
  };
  auto arithmeticOf = [](const lathe_command_info_t &info) -> std::string {
    bool computes = info.has_cost && info.kernel && !info.is_skipped;
    return computes ? arithmeticName(info.arithmetic) : "-";
  };
  for (const CountedCommand &command : entry.commands)
    width = std::max(width, kernelOf(command).size());
  std::string title = "kernel";
  title.resize(width, ' ');
  out += ":\n    read kB  written kB    least kB       MFLOP  in     " + title +
         "  value\n";
  uint64_t read = 0, written = 0;
  for (const CountedCommand &command : entry.commands) {
    const lathe_command_info_t &info = command.info;
    std::string kernel = kernelOf(command);
    kernel.resize(width, ' ');
    std::string arithmetic = arithmeticOf(info);
    arithmetic.resize(5, ' ');
    out += (info.has_cost
                ? numbers(info.bytes_read, info.bytes_written,
                          command.leastBytes, info.flops)
                : std::string(10, ' ') + "-" + std::string(11, ' ') + "-" +
                      std::string(11, ' ') + "-" + std::string(11, ' ') + "-") +
           "  " + arithmetic + "  " + kernel + "  " + info.name + "\n";
    read += info.bytes_read;
    written += info.bytes_written;
  }
  return out + numbers(read, written, entry.leastBytes(), entry.flops()) +
         "  all\n" + describeSums(entry);
}

std::string tools::describeLaunches(const std::vector<CountedEntry> &entries,
                                    uint64_t past) {
  std::string out =
      "launches, counted and not measured, for tokens of one sequence with " +
      std::to_string(past) + " positions before them:\n";
  for (const CountedEntry &entry : entries)
    out += "\n" + describeEntry(entry);
  return out;
}

//===----------------------------------------------------------------------===//
// For a program
//===----------------------------------------------------------------------===//

static void writeCommand(const CountedCommand &command,
                         runtime::JsonWriter &json) {
  const lathe_command_info_t &info = command.info;
  json.beginObject().field("name", info.name).key("kernel");
  if (info.kernel)
    json.value(info.kernel);
  else
    json.null();
  json.field("skipped", info.is_skipped != 0);
  if (info.has_cost) {
    json.field("flops", info.flops)
        .field("bytes_read", info.bytes_read)
        .field("bytes_written", info.bytes_written);
    json.field("bytes_least", command.leastBytes)
        .field("arithmetic", arithmeticName(info.arithmetic));
  }
  json.key("operands").beginArray();
  for (const lathe_traffic_t &moved : command.traffic)
    json.beginObject()
        .field("name", moved.name)
        .field("memory", kMemoryNames[moved.memory])
        .field("bytes_read", moved.bytes_read)
        .field("bytes_written", moved.bytes_written)
        .endObject();
  json.endArray().endObject();
}

void tools::writeLaunches(const std::vector<CountedEntry> &entries,
                          uint64_t past, runtime::JsonWriter &json) {
  json.key("launches").beginArray();
  for (const CountedEntry &entry : entries) {
    json.beginObject().field("entry", entry.name).field("past", past);
    json.key("symbols").beginObject();
    for (const auto &[name, value] : entry.symbols)
      json.field(name, value);
    json.endObject().key("commands").beginArray();
    for (const CountedCommand &command : entry.commands)
      writeCommand(command, json);
    json.endArray()
        .field("flops", entry.flops())
        .field("bytes", entry.bytes())
        .field("bytes_least", entry.leastBytes());
    json.field("bytes_temporary", entry.bytesOf(LATHE_TEMPORARY))
        .field("not_counted", entry.unknown())
        .endObject();
  }
  json.endArray();
}
