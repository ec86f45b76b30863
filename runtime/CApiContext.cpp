//===- CApiContext.cpp - Contexts in the C interface ----------------------===//

#include "runtime/CApi.h"

#include "runtime/LaunchCost.h"
#include "runtime/ProgramTables.h"

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

lathe_status_t lathe_context_create(const lathe_model_t *model,
                                    const lathe_context_options_t *given,
                                    lathe_context_t **context) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(context);
  *context = nullptr;
  lathe_context_options_t options;
  if (!readStruct(given, options))
    return reportInvalid("options: struct_size is not set (use LATHE_INIT)");
  if (options.symbol_count > 0 &&
      (!options.symbol_names || !options.symbol_values))
    return reportInvalid("options: symbol_names or symbol_values is null");
  ContextOptions settings;
  settings.threads = options.threads;
  settings.hostPool = {options.parallel, options.parallel_user};
  settings.slots = options.slots == 0 ? 1 : options.slots;
  settings.context = options.context;
  for (size_t i = 0; i < options.symbol_count; ++i) {
    LATHE_REQUIRE(options.symbol_names[i]);
    settings.symbols.emplace_back(options.symbol_names[i],
                                  options.symbol_values[i]);
  }
  Result<std::unique_ptr<Context>> made =
      Context::create(model->model, settings);
  if (!made.isOk())
    return report(made.status());
  auto owner = std::make_unique<lathe_context_t>();
  owner->context = std::move(*made);
  *context = owner.release();
  return LATHE_OK;
}
LATHE_CATCH

void lathe_context_free(lathe_context_t *context) { delete context; }

uint32_t lathe_context_threads(const lathe_context_t *context) {
  return context ? context->context->pool().workers() : 0;
}

int64_t lathe_context_symbol(const lathe_context_t *context, size_t symbol) {
  if (!context ||
      symbol >= context->context->model().program().symbols()->size())
    return -1;
  return context->context->symbol(symbol);
}

lathe_status_t lathe_context_set_input(lathe_context_t *context, size_t entry,
                                       size_t input, const void *data,
                                       const int64_t *dims, size_t rank) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  if (!dims && rank > 0)
    return reportInvalid("dims is null");
  return report(context->context->setInput(entry, input, data, {dims, rank}));
}
LATHE_CATCH

lathe_status_t lathe_context_map_input(lathe_context_t *context, size_t entry,
                                       size_t input, const int64_t *dims,
                                       size_t rank,
                                       lathe_tensor_t *tensor) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(tensor);
  if (!dims && rank > 0)
    return reportInvalid("dims is null");
  Result<TensorView> view =
      context->context->mapInput(entry, input, {dims, rank});
  if (!view.isOk())
    return report(view.status());
  *tensor = tensorOf(*view);
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_context_set_symbol(lathe_context_t *context, size_t symbol,
                                        int64_t value) try {
  LATHE_REQUIRE(context);
  return report(context->context->setSymbol(symbol, value));
}
LATHE_CATCH

lathe_status_t lathe_context_call(lathe_context_t *context, size_t entry) try {
  LATHE_REQUIRE(context);
  return report(context->context->call(entry));
}
LATHE_CATCH

lathe_status_t lathe_context_output(lathe_context_t *context, size_t entry,
                                    size_t output, lathe_tensor_t *tensor) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(tensor);
  Result<TensorView> view = context->context->output(entry, output);
  if (!view.isOk())
    return report(view.status());
  *tensor = tensorOf(*view);
  return LATHE_OK;
}
LATHE_CATCH

void lathe_context_cancel(lathe_context_t *context) {
  if (context)
    context->context->cancel();
}

uint64_t lathe_context_arena_bytes(const lathe_context_t *context) {
  return context ? context->context->usedArenaBytes() : 0;
}

lathe_status_t lathe_context_state(lathe_context_t *context, size_t index,
                                   lathe_tensor_t *tensor) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(tensor);
  if (index >= context->context->stateCount())
    return reportPast("state", index, context->context->stateCount());
  *tensor = tensorOf(context->context->state(index));
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_context_reset(lathe_context_t *context) try {
  LATHE_REQUIRE(context);
  context->context->reset();
  return LATHE_OK;
}
LATHE_CATCH

size_t lathe_context_saved_bytes(const lathe_context_t *context) {
  return context ? context->context->savedBytes() : 0;
}

lathe_status_t lathe_context_save(const lathe_context_t *context, void *data,
                                  size_t bytes) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  if (bytes != context->context->savedBytes())
    return reportInvalid("bytes: is not lathe_context_saved_bytes");
  context->context->save({static_cast<std::byte *>(data), bytes});
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_context_load(lathe_context_t *context, const void *data,
                                  size_t bytes) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  return report(
      context->context->load({static_cast<const std::byte *>(data), bytes}));
}
LATHE_CATCH

/// Turns \p event into the C struct and passes it on. Allocates nothing.
static void observeLaunch(void *user, const LaunchEvent &event) {
  lathe_context_t &context = *static_cast<lathe_context_t *>(user);
  const artifact::Program &program = context.context->model().program();
  const artifact::Entry &entry = *at(*program.entries(), event.entry);
  const artifact::Kernel &kernel = *at(*program.kernels(), event.kernel);
  for (size_t i = 0; i < event.buffers.size(); ++i) {
    const artifact::Buffer &buffer = *at(*entry.buffers(), event.buffers[i]);
    lathe_tensor_t &tensor = context.operands[i];
    tensor.name = buffer.name()->c_str();
    tensor.dtype = static_cast<lathe_dtype_t>(buffer.type()->element());
    tensor.rank = buffer.type()->dims()->size();
    tensor.data = event.operands[i];
    tensor.bytes = lathe_dtype_size(tensor.dtype);
    for (uint32_t dim = 0; dim < tensor.rank; ++dim) {
      tensor.dims[dim] =
          evaluateExpression(*buffer.type()->dims()->Get(dim), event.symbols);
      tensor.bytes *= static_cast<size_t>(tensor.dims[dim]);
    }
    // Packed weights have another size than their type.
    if (buffer.kind() == artifact::BufferKind_Weight)
      tensor.bytes = static_cast<size_t>(
          evaluateExpression(*buffer.bytes(), event.symbols));
  }
  lathe_launch_t launch = LATHE_INIT(lathe_launch_t);
  launch.finished = event.finished;
  launch.entry = event.entry;
  launch.command = event.command;
  launch.name =
      at(*entry.commands(), event.command)->action_as_Launch()->name()->c_str();
  launch.kernel = kernel.name()->c_str();
  launch.tiles = event.tiles;
  launch.nanoseconds = event.nanoseconds;
  launch.operands = context.operands.data();
  launch.operand_count = event.buffers.size();
  const artifact::KernelCost *known = kernel.cost();
  if (known && event.finished) {
    LaunchCost cost = countLaunch(
        {entry, *known, event.buffers, event.symbols, event.operands});
    launch.has_cost = 1;
    launch.flops = cost.flops;
    launch.bytes_read = cost.bytesRead;
    launch.bytes_written = cost.bytesWritten;
    launch.arithmetic = static_cast<lathe_arithmetic_t>(cost.arithmetic);
  }
  for (size_t i = 0; i < event.workers.size(); ++i)
    context.workers[i] = {event.workers[i].begin, event.workers[i].end,
                          event.workers[i].tiles};
  launch.workers = context.workers.data();
  launch.worker_count = event.workers.size();
  context.observer(context.observerUser, &launch);
}

lathe_status_t lathe_context_observe(lathe_context_t *context,
                                     lathe_observer_t observer,
                                     void *user) try {
  LATHE_REQUIRE(context);
  size_t longest = 0;
  for (const artifact::Entry *entry :
       *context->context->model().program().entries())
    for (const artifact::Command *command : *entry->commands())
      if (const artifact::Launch *launch = command->action_as_Launch())
        longest = std::max<size_t>(longest, launch->operands()->size());
  context->operands.resize(longest);
  context->observer = observer;
  context->observerUser = user;
  LaunchObserver hook;
  if (observer)
    hook = {observeLaunch, context};
  context->context->setObserver(hook);
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_context_time_workers(lathe_context_t *context,
                                          int enabled) try {
  LATHE_REQUIRE(context);
  // The second list may fail: the first one alone is not used.
  context->workers.resize(enabled ? context->context->pool().workers() : 0);
  context->context->timeWorkers(enabled != 0);
  return LATHE_OK;
}
LATHE_CATCH
