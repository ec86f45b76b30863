//===- CApi.cpp - The C interface of the runtime --------------------------===//
//
// A thin layer: checks pointers, turns Status into codes and the message of the
// thread, and C++ views into C structs.
//
//===----------------------------------------------------------------------===//

#include "runtime/Context.h"
#include "runtime/Generator.h"
#include "runtime/Model.h"
#include "runtime/devices/Cpu.h"
#include "runtime/include/lathe.h"
#include "runtime/schema/artifact_generated.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

struct lathe_model_t {
  std::shared_ptr<const Model> model;
};

struct lathe_context_t {
  std::unique_ptr<Context> context;
  lathe_observer_t observer = nullptr;
  void *observerUser = nullptr;
  std::vector<lathe_tensor_t> operands; ///< Room for the longest launch.
};

struct lathe_generator_t {
  std::unique_ptr<Generator> generator;
  std::vector<lathe_token_t> tokens;
};

struct lathe_stream_t {
  std::shared_ptr<const Model> model; ///< Holds the tokenizer's tables.
  StreamDecoder decoder;
  std::string text;
};

//===----------------------------------------------------------------------===//
// Status
//===----------------------------------------------------------------------===//

static std::string &threadMessage() {
  static thread_local std::string message;
  return message;
}

static lathe_status_t report(const Status &status) {
  if (!status.isOk())
    threadMessage() = status.message();
  return static_cast<lathe_status_t>(status.code());
}

static lathe_status_t reportInvalid(const char *message) {
  threadMessage() = message;
  return LATHE_INVALID_ARGUMENT;
}

static lathe_status_t reportPast(const char *what, size_t index, size_t count) {
  threadMessage() = std::string(what) + " " + std::to_string(index) + " of " +
                    std::to_string(count) + " does not exist";
  return LATHE_INVALID_ARGUMENT;
}

#define LATHE_REQUIRE(pointer)                                                 \
  do {                                                                         \
    if (!(pointer))                                                            \
      return reportInvalid(#pointer " is null");                               \
  } while (false)

/// The caller's options, which may be older or newer than this library: what it
/// does not know is left out, what the caller does not know is zero.
template <typename Struct>
static bool readStruct(const Struct *source, Struct &target) {
  target = {};
  if (!source)
    return true;
  if (source->struct_size < sizeof(size_t))
    return false;
  std::memcpy(&target, source, std::min(source->struct_size, sizeof(Struct)));
  return true;
}

/// Writes as much of \p source as the caller's struct has room for.
template <typename Struct>
static lathe_status_t writeStruct(const Struct &source, Struct *target) {
  size_t size = target->struct_size;
  if (size < sizeof(size_t))
    return reportInvalid("struct_size is not set (use LATHE_INIT)");
  std::memcpy(target, &source, std::min(size, sizeof(Struct)));
  target->struct_size = size;
  return LATHE_OK;
}

const char *lathe_version(void) { return LATHE_VERSION; }

const char *lathe_status_name(lathe_status_t status) {
  static const char *const names[] = {
      "ok",          "invalid_file",     "not_found",          "device_error",
      "unsupported", "invalid_argument", "resource_exhausted", "cancelled",
      "io_error"};
  size_t index = static_cast<size_t>(status);
  return index < std::size(names) ? names[index] : "unknown";
}

const char *lathe_message(void) { return threadMessage().c_str(); }

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static const struct {
  const char *name;
  size_t size;
} kTypes[] = {{"f32", 4}, {"f16", 2}, {"bf16", 2}, {"f64", 8},
              {"i8", 1},  {"u8", 1},  {"i32", 4},  {"i64", 8}};

size_t lathe_dtype_size(lathe_dtype_t dtype) {
  size_t index = static_cast<size_t>(dtype);
  return index < std::size(kTypes) ? kTypes[index].size : 0;
}

const char *lathe_dtype_name(lathe_dtype_t dtype) {
  size_t index = static_cast<size_t>(dtype);
  return index < std::size(kTypes) ? kTypes[index].name : "?";
}

static lathe_tensor_t tensorOf(const TensorView &view) {
  lathe_tensor_t tensor = {};
  tensor.name = view.name;
  tensor.dtype = static_cast<lathe_dtype_t>(view.element);
  tensor.rank = view.rank;
  std::copy(view.dims, view.dims + view.rank, tensor.dims);
  tensor.data = view.data;
  tensor.bytes = view.bytes;
  return tensor;
}

template <typename Vector>
static auto at(const Vector &vector, size_t index) {
  return vector.Get(static_cast<flatbuffers::uoffset_t>(index));
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// Makes a model of the artifact that \p open opens.
template <typename Open>
static lathe_status_t openModel(const lathe_model_options_t *given,
                                lathe_model_t **model, Open open) {
  LATHE_REQUIRE(model);
  *model = nullptr;
  lathe_model_options_t options;
  if (!readStruct(given, options))
    return reportInvalid("options: struct_size is not set (use LATHE_INIT)");
  ArtifactOptions artifactOptions;
  artifactOptions.verifyWeights = !options.skip_weight_check;
  artifactOptions.threads = options.threads;
  artifactOptions.hostPool = {options.parallel, options.parallel_user};
  Result<std::shared_ptr<const Artifact>> artifact = open(artifactOptions);
  if (!artifact.isOk())
    return report(artifact.status());
  ModelOptions modelOptions;
  if (options.target)
    modelOptions.target = options.target;
  if (options.device)
    modelOptions.device = options.device;
  Result<std::shared_ptr<const Model>> made =
      Model::create(std::move(*artifact), modelOptions);
  if (!made.isOk())
    return report(made.status());
  *model = new lathe_model_t{std::move(*made)};
  return LATHE_OK;
}

lathe_status_t lathe_model_open(const char *path,
                                const lathe_model_options_t *options,
                                lathe_model_t **model) {
  LATHE_REQUIRE(path);
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openPath(path, settings);
  });
}

lathe_status_t lathe_model_open_fd(int fd, const char *name,
                                   const lathe_model_options_t *options,
                                   lathe_model_t **model) {
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openFile(fd, name ? name : "artifact", settings);
  });
}

lathe_status_t lathe_model_open_memory(const void *data, size_t bytes,
                                       const char *name,
                                       const lathe_model_options_t *options,
                                       lathe_model_t **model) {
  LATHE_REQUIRE(data);
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openMemory({static_cast<const std::byte *>(data), bytes},
                                name ? name : "artifact", settings);
  });
}

void lathe_model_free(lathe_model_t *model) { delete model; }

static const char *textOrEmpty(const flatbuffers::String *text) {
  return text ? text->c_str() : "";
}

lathe_status_t lathe_model_info(const lathe_model_t *model,
                                lathe_model_info_t *info) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  const Model &loaded = *model->model;
  const artifact::Program &program = loaded.program();
  const artifact::Model &about = *program.model();
  lathe_model_info_t result = {};
  result.family = about.family()->c_str();
  result.context = about.context();
  result.vocabulary = about.vocabulary();
  if (about.bos_ids()) {
    result.bos_ids = about.bos_ids()->data();
    result.bos_count = about.bos_ids()->size();
  }
  if (about.eos_ids()) {
    result.eos_ids = about.eos_ids()->data();
    result.eos_count = about.eos_ids()->size();
  }
  result.pad_id = about.pad_id();
  result.embed_tokens =
      about.embed_tokens() > 0 ? about.embed_tokens() : about.context();
  result.generation_config = textOrEmpty(about.generation_config());
  result.page_positions = about.page_positions();
  result.file_bytes = loaded.artifact().bytes().size();
  result.weight_count = program.weights()->size();
  for (size_t i = 0; i < result.weight_count; ++i)
    result.weight_bytes += loaded.artifact().weightBytes(i).size();
  result.target = at(*program.targets(), loaded.target())->name()->c_str();
  result.producer = program.provenance()->producer()->c_str();
  result.source = textOrEmpty(program.provenance()->source());
  result.options = textOrEmpty(program.provenance()->options());
  result.entry_count = program.entries()->size();
  result.symbol_count = program.symbols()->size();
  result.state_count = program.states()->size();
  result.target_count = program.targets()->size();
  result.kernel_count = program.kernels()->size();
  result.has_tokenizer = loaded.tokenizer() != nullptr;
  return writeStruct(result, info);
}

const char *lathe_machine_target(size_t index) {
  std::vector<std::string_view> targets = supportedCpuTargets();
  // They are views of literals, so they end with 0.
  return index < targets.size() ? targets[index].data() : nullptr;
}

const char *lathe_model_target(const lathe_model_t *model, size_t index) {
  if (!model || index >= model->model->program().targets()->size())
    return nullptr;
  return at(*model->model->program().targets(), index)->name()->c_str();
}

const char *lathe_model_kernel(const lathe_model_t *model, size_t index) {
  if (!model || index >= model->model->program().kernels()->size())
    return nullptr;
  return at(*model->model->program().kernels(), index)->name()->c_str();
}

lathe_status_t lathe_model_symbol(const lathe_model_t *model, size_t index,
                                  lathe_symbol_info_t *info) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  const auto &symbols = *model->model->program().symbols();
  if (index >= symbols.size())
    return reportPast("symbol", index, symbols.size());
  const artifact::Symbol &symbol = *at(symbols, index);
  *info = {symbol.name()->c_str(), symbol.minimum(), symbol.maximum(),
           symbol.fixed_at_load()};
  return LATHE_OK;
}

lathe_status_t lathe_model_entry(const lathe_model_t *model, size_t index,
                                 lathe_entry_info_t *info) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  const auto &entries = *model->model->program().entries();
  if (index >= entries.size())
    return reportPast("entry", index, entries.size());
  const artifact::Entry &entry = *at(entries, index);
  *info = {entry.name()->c_str(), entry.inputs()->size(),
           entry.outputs()->size(), entry.commands()->size(),
           entry.plans()->size()};
  return LATHE_OK;
}

lathe_status_t lathe_model_find_entry(const lathe_model_t *model,
                                      const char *name, size_t *index) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(name);
  LATHE_REQUIRE(index);
  const auto &entries = *model->model->program().entries();
  std::string known;
  for (size_t i = 0; i < entries.size(); ++i) {
    std::string_view candidate = at(entries, i)->name()->string_view();
    if (candidate == name) {
      *index = i;
      return LATHE_OK;
    }
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  return report(
      Status::error(StatusCode::NotFound,
                    model->model->artifact().name() + ": entry '" + name +
                        "' does not exist (there are: " + known + ")"));
}

/// Describes input or output \p binding of \p entry.
static lathe_tensor_info_t describe(const Model &model,
                                    const artifact::Entry &entry,
                                    const artifact::Binding &binding) {
  const artifact::TensorType &type =
      *at(*entry.buffers(), binding.buffer())->type();
  lathe_tensor_info_t info = {};
  info.name = binding.name()->c_str();
  info.dtype = static_cast<lathe_dtype_t>(type.element());
  info.rank = type.dims()->size();
  std::span<const Interval> ranges = model.artifact().symbolRanges();
  for (uint32_t i = 0; i < info.rank; ++i) {
    const artifact::Expression &dim = *type.dims()->Get(i);
    Interval bounds = *boundExpression(dim, ranges);
    int64_t symbol = symbolOfExpression(dim);
    info.symbols[i] = static_cast<int32_t>(symbol);
    info.maximum[i] = bounds.maximum;
    bool isConstant = symbol < 0 && bounds.minimum == bounds.maximum;
    info.dims[i] = isConstant ? bounds.maximum : -1;
  }
  info.limit = -1;
  info.limit_symbol = -1;
  if (binding.limit()) {
    Interval bounds = *boundExpression(*binding.limit(), ranges);
    info.limit_symbol =
        static_cast<int32_t>(symbolOfExpression(*binding.limit()));
    if (info.limit_symbol < 0 && bounds.minimum == bounds.maximum)
      info.limit = bounds.maximum;
  }
  return info;
}

/// Shared by inputs and outputs, which \p list picks.
template <typename List>
static lathe_status_t describeBinding(const lathe_model_t *model, size_t entry,
                                      size_t index, lathe_tensor_info_t *info,
                                      List list) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  const auto &entries = *model->model->program().entries();
  if (entry >= entries.size())
    return reportPast("entry", entry, entries.size());
  const artifact::Entry &table = *at(entries, entry);
  const auto &bindings = *list(table);
  if (index >= bindings.size())
    return reportPast("input or output", index, bindings.size());
  *info = describe(*model->model, table, *at(bindings, index));
  return LATHE_OK;
}

lathe_status_t lathe_model_input(const lathe_model_t *model, size_t entry,
                                 size_t index, lathe_tensor_info_t *info) {
  return describeBinding(model, entry, index, info,
                         [](const artifact::Entry &e) { return e.inputs(); });
}

lathe_status_t lathe_model_output(const lathe_model_t *model, size_t entry,
                                  size_t index, lathe_tensor_info_t *info) {
  return describeBinding(model, entry, index, info,
                         [](const artifact::Entry &e) { return e.outputs(); });
}

lathe_status_t lathe_model_plan(const lathe_model_t *model, size_t entry,
                                size_t index, lathe_plan_info_t *info) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(info);
  const auto &entries = *model->model->program().entries();
  if (entry >= entries.size())
    return reportPast("entry", entry, entries.size());
  const auto &plans = *at(entries, entry)->plans();
  if (index >= plans.size())
    return reportPast("plan", index, plans.size());
  const artifact::Plan &plan = *at(plans, index);
  *info = {plan.bounds()->data(), plan.arena_bytes(), plan.live_bytes()};
  return LATHE_OK;
}

lathe_status_t lathe_model_weight(const lathe_model_t *model, size_t index,
                                  lathe_tensor_t *tensor) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(tensor);
  const Artifact &file = model->model->artifact();
  const auto &weights = *file.program().weights();
  if (index >= weights.size())
    return reportPast("weight", index, weights.size());
  const artifact::Buffer &weight = *at(weights, index);
  *tensor = {};
  tensor->name = weight.name()->c_str();
  tensor->dtype = static_cast<lathe_dtype_t>(weight.type()->element());
  tensor->rank = weight.type()->dims()->size();
  for (uint32_t i = 0; i < tensor->rank; ++i)
    tensor->dims[i] =
        boundExpression(*weight.type()->dims()->Get(i), file.symbolRanges())
            ->maximum;
  std::span<const std::byte> bytes = file.weightBytes(index);
  // Read-only by the documentation, and by the mapping.
  tensor->data = const_cast<std::byte *>(bytes.data());
  tensor->bytes = bytes.size();
  return LATHE_OK;
}

//===----------------------------------------------------------------------===//
// Tokenizer
//===----------------------------------------------------------------------===//

static lathe_status_t reportNoTokenizer(const lathe_model_t *model) {
  return report(Status::error(StatusCode::NotFound,
                              model->model->artifact().name() +
                                  ": has no tokenizer (give token ids)"));
}

lathe_status_t lathe_tokenizer_encode(const lathe_model_t *model,
                                      const char *text, size_t bytes,
                                      uint32_t flags, int32_t *ids,
                                      size_t capacity, size_t *count) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(count);
  if ((!text && bytes > 0) || (!ids && capacity > 0))
    return reportInvalid("text or ids is null");
  const Tokenizer *tokenizer = model->model->tokenizer();
  if (!tokenizer)
    return reportNoTokenizer(model);
  EncodeOptions options;
  options.addSpecial = flags & LATHE_ADD_SPECIAL;
  options.parseSpecial = !(flags & LATHE_NO_PARSE_SPECIAL);
  std::vector<int32_t> found;
  Status status = tokenizer->encode(bytes > 0 ? std::string_view(text, bytes)
                                              : std::string_view(),
                                    options, found);
  if (!status.isOk())
    return report(status);
  *count = found.size();
  std::copy_n(found.begin(), std::min(capacity, found.size()), ids);
  return LATHE_OK;
}

lathe_status_t lathe_tokenizer_decode(const lathe_model_t *model,
                                      const int32_t *ids, size_t count,
                                      uint32_t flags, char *text,
                                      size_t capacity, size_t *bytes) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(bytes);
  if ((!ids && count > 0) || (!text && capacity > 0))
    return reportInvalid("ids or text is null");
  const Tokenizer *tokenizer = model->model->tokenizer();
  if (!tokenizer)
    return reportNoTokenizer(model);
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= tokenizer->vocabSize())
      return report(Status::error(StatusCode::InvalidArgument,
                                  "ids: id " + std::to_string(ids[i]) + " at " +
                                      std::to_string(i) +
                                      " is outside the vocabulary of " +
                                      std::to_string(tokenizer->vocabSize())));
  std::string decoded =
      tokenizer->decode({ids, count}, flags & LATHE_SKIP_SPECIAL);
  *bytes = decoded.size();
  std::copy_n(decoded.begin(), std::min(capacity, decoded.size()), text);
  return LATHE_OK;
}

size_t lathe_tokenizer_size(const lathe_model_t *model) {
  if (!model || !model->model->tokenizer())
    return 0;
  return static_cast<size_t>(model->model->tokenizer()->vocabSize());
}

lathe_status_t lathe_stream_create(const lathe_model_t *model, uint32_t flags,
                                   lathe_stream_t **stream) {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(stream);
  *stream = nullptr;
  if (!model->model->tokenizer())
    return reportNoTokenizer(model);
  *stream = new lathe_stream_t{
      model->model,
      StreamDecoder(*model->model->tokenizer(), flags & LATHE_SKIP_SPECIAL),
      {}};
  return LATHE_OK;
}

lathe_status_t lathe_stream_push(lathe_stream_t *stream, int32_t id,
                                 const char **text, size_t *bytes) {
  LATHE_REQUIRE(stream);
  LATHE_REQUIRE(text);
  LATHE_REQUIRE(bytes);
  stream->text = stream->decoder.push(id);
  *text = stream->text.c_str();
  *bytes = stream->text.size();
  return LATHE_OK;
}

lathe_status_t lathe_stream_finish(lathe_stream_t *stream, const char **text,
                                   size_t *bytes) {
  LATHE_REQUIRE(stream);
  LATHE_REQUIRE(text);
  LATHE_REQUIRE(bytes);
  stream->text = stream->decoder.finish();
  *text = stream->text.c_str();
  *bytes = stream->text.size();
  return LATHE_OK;
}

void lathe_stream_free(lathe_stream_t *stream) { delete stream; }

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

lathe_status_t lathe_context_create(const lathe_model_t *model,
                                    const lathe_context_options_t *given,
                                    lathe_context_t **context) {
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
  *context = new lathe_context_t();
  (*context)->context = std::move(*made);
  return LATHE_OK;
}

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
                                       const int64_t *dims, size_t rank) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  if (!dims && rank > 0)
    return reportInvalid("dims is null");
  return report(context->context->setInput(entry, input, data, {dims, rank}));
}

lathe_status_t lathe_context_map_input(lathe_context_t *context, size_t entry,
                                       size_t input, const int64_t *dims,
                                       size_t rank, lathe_tensor_t *tensor) {
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

lathe_status_t lathe_context_set_symbol(lathe_context_t *context, size_t symbol,
                                        int64_t value) {
  LATHE_REQUIRE(context);
  return report(context->context->setSymbol(symbol, value));
}

lathe_status_t lathe_context_call(lathe_context_t *context, size_t entry) {
  LATHE_REQUIRE(context);
  return report(context->context->call(entry));
}

lathe_status_t lathe_context_output(lathe_context_t *context, size_t entry,
                                    size_t output, lathe_tensor_t *tensor) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(tensor);
  Result<TensorView> view = context->context->output(entry, output);
  if (!view.isOk())
    return report(view.status());
  *tensor = tensorOf(*view);
  return LATHE_OK;
}

void lathe_context_cancel(lathe_context_t *context) {
  if (context)
    context->context->cancel();
}

uint64_t lathe_context_arena_bytes(const lathe_context_t *context) {
  return context ? context->context->usedArenaBytes() : 0;
}

lathe_status_t lathe_context_state(lathe_context_t *context, size_t index,
                                   lathe_tensor_t *tensor) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(tensor);
  if (index >= context->context->stateCount())
    return reportPast("state", index, context->context->stateCount());
  *tensor = tensorOf(context->context->state(index));
  return LATHE_OK;
}

lathe_status_t lathe_context_reset(lathe_context_t *context) {
  LATHE_REQUIRE(context);
  context->context->reset();
  return LATHE_OK;
}

size_t lathe_context_saved_bytes(const lathe_context_t *context) {
  return context ? context->context->savedBytes() : 0;
}

lathe_status_t lathe_context_save(const lathe_context_t *context, void *data,
                                  size_t bytes) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  if (bytes != context->context->savedBytes())
    return reportInvalid("bytes: is not lathe_context_saved_bytes");
  context->context->save({static_cast<std::byte *>(data), bytes});
  return LATHE_OK;
}

lathe_status_t lathe_context_load(lathe_context_t *context, const void *data,
                                  size_t bytes) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(data);
  return report(
      context->context->load({static_cast<const std::byte *>(data), bytes}));
}

/// Turns \p event into the C struct and passes it on. Allocates nothing.
static void observeLaunch(void *user, const LaunchEvent &event) {
  lathe_context_t &context = *static_cast<lathe_context_t *>(user);
  const artifact::Program &program = context.context->model().program();
  const artifact::Entry &entry = *at(*program.entries(), event.entry);
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
  launch.kernel = at(*program.kernels(), event.kernel)->name()->c_str();
  launch.tiles = event.tiles;
  launch.nanoseconds = event.nanoseconds;
  launch.operands = context.operands.data();
  launch.operand_count = event.buffers.size();
  context.observer(context.observerUser, &launch);
}

lathe_status_t lathe_context_observe(lathe_context_t *context,
                                     lathe_observer_t observer, void *user) {
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

//===----------------------------------------------------------------------===//
// Generation
//===----------------------------------------------------------------------===//

lathe_status_t lathe_generator_create(lathe_context_t *context,
                                      lathe_generator_t **generator) {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(generator);
  *generator = nullptr;
  Result<std::unique_ptr<Generator>> made =
      Generator::create(*context->context);
  if (!made.isOk())
    return report(made.status());
  *generator = new lathe_generator_t{std::move(*made), {}};
  return LATHE_OK;
}

void lathe_generator_free(lathe_generator_t *generator) { delete generator; }

lathe_status_t lathe_generator_add(lathe_generator_t *generator,
                                   const lathe_request_t *given,
                                   int64_t *sequence) {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(given);
  LATHE_REQUIRE(sequence);
  lathe_request_t source;
  if (!readStruct(given, source))
    return reportInvalid("request: struct_size is not set (use LATHE_INIT)");
  if ((!source.prompt && source.prompt_count > 0) ||
      (!source.stop_strings && source.stop_string_count > 0) ||
      (!source.stop_ids && source.stop_id_count > 0))
    return reportInvalid("request: a list is null");
  GenerationRequest request;
  if (source.prompt_count > 0)
    request.prompt.assign(source.prompt, source.prompt + source.prompt_count);
  request.maxTokens = source.max_tokens;
  const lathe_sampling_t &sampling = source.sampling;
  request.sampling = {sampling.temperature,
                      sampling.top_k,
                      sampling.top_p,
                      sampling.min_p,
                      sampling.repetition_penalty,
                      sampling.seed};
  for (size_t i = 0; i < source.stop_string_count; ++i) {
    LATHE_REQUIRE(source.stop_strings[i]);
    request.stopStrings.emplace_back(source.stop_strings[i]);
  }
  if (source.stop_id_count > 0)
    request.stopIds.assign(source.stop_ids,
                           source.stop_ids + source.stop_id_count);
  request.ignoreEos = source.ignore_eos;
  request.keepSpecial = source.keep_special;
  Result<int64_t> number = generator->generator->add(std::move(request));
  if (!number.isOk())
    return report(number.status());
  *sequence = *number;
  return LATHE_OK;
}

lathe_status_t lathe_generator_remove(lathe_generator_t *generator,
                                      int64_t sequence) {
  LATHE_REQUIRE(generator);
  return report(generator->generator->remove(sequence));
}

size_t lathe_generator_active(const lathe_generator_t *generator) {
  return generator ? generator->generator->active() : 0;
}

lathe_status_t lathe_generator_step(lathe_generator_t *generator,
                                    const lathe_token_t **tokens,
                                    size_t *count) {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(tokens);
  LATHE_REQUIRE(count);
  *count = 0;
  Result<std::span<const GeneratedToken>> results =
      generator->generator->step();
  if (!results.isOk())
    return report(results.status());
  generator->tokens.clear();
  for (const GeneratedToken &token : *results)
    generator->tokens.push_back({token.sequence, token.id,
                                 static_cast<lathe_finish_t>(token.finish),
                                 token.text.c_str(), token.text.size()});
  *tokens = generator->tokens.data();
  *count = generator->tokens.size();
  return LATHE_OK;
}

lathe_status_t lathe_generator_stats(const lathe_generator_t *generator,
                                     lathe_generator_stats_t *stats) {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(stats);
  const GenerationStats &source = generator->generator->stats();
  lathe_generator_stats_t result = {};
  result.prompt_tokens = source.promptTokens;
  result.new_tokens = source.newTokens;
  result.steps = source.steps;
  result.prompt_nanoseconds = source.promptNanoseconds;
  result.decode_nanoseconds = source.decodeNanoseconds;
  result.decode_tokens = source.decodeTokens;
  return writeStruct(result, stats);
}
