//===- CApiCommand.cpp - The work of commands in the C interface ----------===//

#include "runtime/CApi.h"

#include "runtime/ContextEntry.h"
#include "runtime/LaunchCost.h"
#include "runtime/ProgramTables.h"

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

namespace {

/// A command of an entry, and the values of the symbols.
struct Question {
  const artifact::Program &program;
  const artifact::Entry &entry;
  const artifact::Command &command;
  std::vector<int64_t> symbols;
  uint64_t past;
};

/// The answer: `traffic` has an element for each of `buffers`.
struct Answer {
  lathe_command_info_t info = {};
  std::vector<uint32_t> buffers;
  std::vector<OperandTraffic> traffic;
};

} // namespace

/// The kernel that \p launch runs.
static const artifact::Kernel &kernelOf(const Question &question,
                                        const artifact::Launch &launch) {
  const auto &variants = *launch.variants();
  uint32_t taken = 0;
  // A program without symbols has launches of one variant.
  while (taken + 1 < variants.size() &&
         question.symbols[variants.Get(taken)->symbol()] >
             variants.Get(taken)->maximum())
    ++taken;
  return *question.program.kernels()->Get(variants.Get(taken)->kernel());
}

/// Whether \p launch does not run; ProgramChecker showed that there is a
/// symbol.
static bool isSkipped(const Question &question,
                      const artifact::Launch &launch) {
  return launch.skipped_to() >= 0 &&
         question.symbols[launch.variants()->Get(0)->symbol()] <=
             launch.skipped_to();
}

static void answerLaunch(const Question &question,
                         const artifact::Launch &launch, Answer &answer) {
  const artifact::Kernel &kernel = kernelOf(question, launch);
  answer.info.name = launch.name()->c_str();
  answer.info.kernel = kernel.name()->c_str();
  answer.buffers.assign(launch.operands()->begin(), launch.operands()->end());
  answer.traffic.resize(answer.buffers.size());
  answer.info.is_skipped = isSkipped(question, launch);
  answer.info.has_cost = answer.info.is_skipped || kernel.cost();
  if (answer.info.is_skipped || !kernel.cost())
    return;
  LaunchCost cost =
      countLaunch({question.entry, *kernel.cost(), answer.buffers,
                   question.symbols, /*operands=*/nullptr, question.past},
                  answer.traffic);
  answer.info.flops = cost.flops;
  answer.info.bytes_read = cost.bytesRead;
  answer.info.bytes_written = cost.bytesWritten;
  answer.info.arithmetic = static_cast<lathe_arithmetic_t>(cost.arithmetic);
}

/// A copy of \p source onto \p target, or a fill where \p source is null.
static void answerTransfer(const Question &question, uint32_t target,
                           const uint32_t *source, Answer &answer) {
  const artifact::Buffer &buffer = *question.entry.buffers()->Get(target);
  uint64_t bytes = static_cast<uint64_t>(
      evaluateExpression(*buffer.bytes(), question.symbols));
  answer.info.name = buffer.name()->c_str();
  answer.info.has_cost = 1;
  answer.info.bytes_read = source ? bytes : 0;
  answer.info.bytes_written = bytes;
  if (source) {
    answer.buffers.push_back(*source);
    answer.traffic.push_back({bytes, 0});
  }
  answer.buffers.push_back(target);
  answer.traffic.push_back({0, bytes});
}

static Answer answerOf(const Question &question) {
  Answer answer;
  if (const artifact::Launch *launch = question.command.action_as_Launch()) {
    answerLaunch(question, *launch, answer);
  } else if (const artifact::Copy *copy = question.command.action_as_Copy()) {
    uint32_t source = copy->source();
    answerTransfer(question, copy->target(), &source, answer);
  } else {
    answerTransfer(question, question.command.action_as_Fill()->target(),
                   nullptr, answer);
  }
  answer.info.operand_count = answer.buffers.size();
  return answer;
}

/// Takes the values of the symbols from \p given (may be null).
static Status readSymbols(const Model &model, const int64_t *given,
                          std::vector<int64_t> &symbols) {
  symbols = defaultSymbols(model.program());
  std::span<const Interval> ranges = model.artifact().symbolRanges();
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (given && given[i] != -1)
      symbols[i] = given[i];
    if (symbols[i] < ranges[i].minimum || symbols[i] > ranges[i].maximum)
      return invalidArgument(model.artifact().name() + ": symbol '" +
                             at(*model.program().symbols(), i)->name()->str() +
                             "': is " + std::to_string(symbols[i]) +
                             ", expected " + rangeText(ranges[i]));
  }
  return Status::ok();
}

lathe_status_t
lathe_model_command(const lathe_model_t *model, size_t entry, size_t command,
                    const lathe_call_shape_t *given, lathe_command_info_t *info,
                    lathe_traffic_t *traffic, size_t capacity) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  if (!traffic && capacity > 0)
    return reportInvalid("traffic is null");
  lathe_call_shape_t shape;
  if (!readStruct(given, shape))
    return reportInvalid("shape: struct_size is not set (use LATHE_INIT)");
  const artifact::Program &program = model->model->program();
  if (entry >= program.entries()->size())
    return reportPast("entry", entry, program.entries()->size());
  const artifact::Entry &table = *at(*program.entries(), entry);
  if (command >= table.commands()->size())
    return reportPast("command", command, table.commands()->size());
  Question question = {
      program, table, *at(*table.commands(), command), {}, shape.past};
  Status status = readSymbols(*model->model, shape.symbols, question.symbols);
  if (!status.isOk())
    return report(status);
  Answer answer = answerOf(question);
  for (size_t i = 0; i < std::min(capacity, answer.buffers.size()); ++i) {
    const artifact::Buffer &buffer = *at(*table.buffers(), answer.buffers[i]);
    traffic[i] = {buffer.name()->c_str(),
                  static_cast<lathe_memory_t>(buffer.kind()),
                  answer.traffic[i].read, answer.traffic[i].written};
  }
  return writeStruct(answer.info, info);
}
LATHE_CATCH
