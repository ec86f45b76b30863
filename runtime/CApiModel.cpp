//===- CApiModel.cpp - Models in the C interface --------------------------===//

#include "runtime/CApi.h"

#include "runtime/ProgramTables.h"
#include "runtime/devices/Cpu.h"

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

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
  modelOptions.inspectOnly = options.inspect_only;
  Result<std::shared_ptr<const Model>> made =
      Model::create(std::move(*artifact), modelOptions);
  if (!made.isOk())
    return report(made.status());
  *model = new lathe_model_t{std::move(*made)};
  return LATHE_OK;
}

lathe_status_t lathe_model_open(const char *path,
                                const lathe_model_options_t *options,
                                lathe_model_t **model) try {
  LATHE_REQUIRE(path);
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openPath(path, settings);
  });
}
LATHE_CATCH

lathe_status_t lathe_model_open_fd(int fd, const char *name,
                                   const lathe_model_options_t *options,
                                   lathe_model_t **model) try {
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openFile(fd, name ? name : "artifact", settings);
  });
}
LATHE_CATCH

lathe_status_t lathe_model_open_memory(const void *data, size_t bytes,
                                       const char *name,
                                       const lathe_model_options_t *options,
                                       lathe_model_t **model) try {
  LATHE_REQUIRE(data);
  return openModel(options, model, [&](const ArtifactOptions &settings) {
    return Artifact::openMemory({static_cast<const std::byte *>(data), bytes},
                                name ? name : "artifact", settings);
  });
}
LATHE_CATCH

void lathe_model_free(lathe_model_t *model) { delete model; }

static const char *textOrEmpty(const flatbuffers::String *text) {
  return text ? text->c_str() : "";
}

lathe_status_t lathe_model_info(const lathe_model_t *model,
                                lathe_model_info_t *info) try {
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
  result.target =
      loaded.target()
          ? at(*program.targets(), *loaded.target())->name()->c_str()
          : "";
  result.producer = program.provenance()->producer()->c_str();
  result.source = textOrEmpty(program.provenance()->source());
  result.options = textOrEmpty(program.provenance()->options());
  result.entry_count = program.entries()->size();
  result.symbol_count = program.symbols()->size();
  result.state_count = program.states()->size();
  result.target_count = program.targets()->size();
  result.kernel_count = program.kernels()->size();
  result.has_tokenizer = loaded.tokenizer() != nullptr;
  result.chat_template = "";
  if (const auto *templates = about.chat_templates()) {
    result.chat_template_count = templates->size();
    for (const artifact::ChatTemplate *chatTemplate : *templates)
      if (chatTemplate->name()->string_view() == "default")
        result.chat_template = chatTemplate->text()->c_str();
  }
  return writeStruct(result, info);
}
LATHE_CATCH

lathe_status_t
lathe_model_chat_template(const lathe_model_t *model, size_t index,
                          lathe_chat_template_t *chat_template) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(chat_template);
  const auto *templates = model->model->program().model()->chat_templates();
  size_t count = templates ? templates->size() : 0;
  if (index >= count)
    return reportPast("chat template", index, count);
  const artifact::ChatTemplate &found = *at(*templates, index);
  *chat_template = {found.name()->c_str(), found.text()->c_str(),
                    found.text()->size()};
  return LATHE_OK;
}
LATHE_CATCH

const char *lathe_machine_target(size_t index) {
  std::span<const std::string_view> targets = supportedCpuTargets();
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
                                  lathe_symbol_info_t *info) try {
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
LATHE_CATCH

lathe_status_t lathe_model_entry(const lathe_model_t *model, size_t index,
                                 lathe_entry_info_t *info) try {
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
LATHE_CATCH

lathe_status_t lathe_model_find_entry(const lathe_model_t *model,
                                      const char *name, size_t *index) try {
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
LATHE_CATCH

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
                                 size_t index, lathe_tensor_info_t *info) try {
  return describeBinding(model, entry, index, info,
                         [](const artifact::Entry &e) { return e.inputs(); });
}
LATHE_CATCH

lathe_status_t lathe_model_output(const lathe_model_t *model, size_t entry,
                                  size_t index, lathe_tensor_info_t *info) try {
  return describeBinding(model, entry, index, info,
                         [](const artifact::Entry &e) { return e.outputs(); });
}
LATHE_CATCH

lathe_status_t lathe_model_plan(const lathe_model_t *model, size_t entry,
                                size_t index, lathe_plan_info_t *info) try {
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
LATHE_CATCH

lathe_status_t lathe_model_weight(const lathe_model_t *model, size_t index,
                                  lathe_tensor_t *tensor) try {
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
LATHE_CATCH
