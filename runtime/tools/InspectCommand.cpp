//===- InspectCommand.cpp - lathe inspect: look into a file ---------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/SafeTensors.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/InspectGguf.h"
#include "runtime/tools/InspectLaunches.h"
#include "runtime/tools/LoadedModel.h"

#include <cstring>
#include <map>

using namespace lathe;
using namespace lathe::tools;

namespace {

struct InspectOptions {
  std::string file;
  bool weights = false;
  bool kernels = false;
  bool chatTemplates = false;
  bool json = false;
  LaunchesOptions launches;
};

/// What lathe_model_input and lathe_model_output have in common.
using TensorQuery = lathe_status_t (*)(const lathe_model_t *, size_t, size_t,
                                       lathe_tensor_info_t *);

} // namespace

static std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f MB", bytes / 1e6);
  return text;
}

/// "f32 [tokens, 384]".
static std::string typeText(const lathe_model_t *model,
                            const lathe_tensor_info_t &tensor) {
  std::string text = std::string(lathe_dtype_name(tensor.dtype)) + " [";
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    text += i ? ", " : "";
    lathe_symbol_info_t symbol;
    if (tensor.dims[i] >= 0)
      text += std::to_string(tensor.dims[i]);
    else if (tensor.symbols[i] >= 0 &&
             !lathe_model_symbol(model, static_cast<size_t>(tensor.symbols[i]),
                                 &symbol))
      text += symbol.name;
    else
      text += "at most " + std::to_string(tensor.maximum[i]);
  }
  return text + "]";
}

static std::string shapeText(const int64_t *dims, size_t rank) {
  std::string text = "[";
  for (size_t i = 0; i < rank; ++i)
    text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

static void describeTensors(const lathe_model_t *model, size_t entry,
                            size_t count, TensorQuery query, const char *kind,
                            std::string &out) {
  for (size_t i = 0; i < count; ++i) {
    lathe_tensor_info_t tensor;
    if (query(model, entry, i, &tensor))
      continue;
    out += std::string("    ") + kind + " " + tensor.name + ": " +
           typeText(model, tensor);
    if (tensor.limit >= 0)
      out += ", below " + std::to_string(tensor.limit);
    out += "\n";
  }
}

static void describeEntries(const lathe_model_t *model,
                            const lathe_model_info_t &info, std::string &out) {
  out += "entries:\n";
  for (size_t e = 0; e < info.entry_count; ++e) {
    lathe_entry_info_t entry;
    if (lathe_model_entry(model, e, &entry))
      continue;
    out += std::string("  ") + entry.name + ": " +
           std::to_string(entry.command_count) + " commands\n";
    describeTensors(model, e, entry.input_count, lathe_model_input, "in ", out);
    describeTensors(model, e, entry.output_count, lathe_model_output, "out",
                    out);
    for (size_t p = 0; p < entry.plan_count; ++p) {
      lathe_plan_info_t plan;
      if (lathe_model_plan(model, e, p, &plan))
        continue;
      out += "    arena " + megabytes(plan.arena_bytes) + " (live " +
             megabytes(plan.live_bytes) + ") for";
      for (size_t s = 0; s < info.symbol_count; ++s) {
        lathe_symbol_info_t symbol;
        if (!lathe_model_symbol(model, s, &symbol) && !symbol.fixed_at_load)
          out += std::string(" ") + symbol.name +
                 " <= " + std::to_string(plan.bounds[s]);
      }
      out += "\n";
    }
  }
}

static void describeWeights(const lathe_model_t *model,
                            const lathe_model_info_t &info, std::string &out) {
  out += "weights:\n";
  for (size_t i = 0; i < info.weight_count; ++i) {
    lathe_tensor_t tensor;
    if (lathe_model_weight(model, i, &tensor))
      continue;
    out += std::string("  ") + tensor.name + ": " +
           lathe_dtype_name(tensor.dtype) + " " +
           shapeText(tensor.dims, tensor.rank) + ", " +
           std::to_string(tensor.bytes) + " bytes\n";
  }
}

/// "default (1234 bytes), tool_use (567 bytes)".
static std::string templateNames(const lathe_model_t *model) {
  std::string names;
  lathe_chat_template_t found;
  for (size_t i = 0; !lathe_model_chat_template(model, i, &found); ++i)
    names += (i ? ", " : "") + std::string(found.name) + " (" +
             std::to_string(found.text_bytes) + " bytes)";
  return names.empty() ? "none" : names;
}

/// Lists the texts as JSON strings: they may hold what a terminal obeys.
static void describeTemplates(const lathe_model_t *model, std::string &out) {
  out += "chat template texts:\n";
  lathe_chat_template_t found;
  for (size_t i = 0; !lathe_model_chat_template(model, i, &found); ++i) {
    out += "  " + std::string(found.name) + ": ";
    runtime::appendJsonString(out, {found.text, found.text_bytes});
    out += "\n";
  }
}

static std::string describeModel(const lathe_model_t *model,
                                 const lathe_model_info_t &info,
                                 const InspectOptions &options) {
  std::string out;
  auto line = [&](const char *name, const std::string &value) {
    out += std::string(name) + ": " + value + "\n";
  };
  line("family", info.family);
  line("context", std::to_string(info.context));
  line("vocabulary", std::to_string(info.vocabulary));
  line("file", megabytes(info.file_bytes));
  line("weights",
       std::to_string(info.weight_count) + ", " + megabytes(info.weight_bytes));
  line("kernels", std::to_string(info.kernel_count));
  std::string targets;
  for (size_t i = 0; i < info.target_count; ++i)
    targets += (i ? ", " : "") + std::string(lathe_model_target(model, i));
  line("targets",
       targets + " (here: " + (*info.target ? info.target : "none") + ")");
  line("tokenizer", info.has_tokenizer
                        ? std::to_string(lathe_tokenizer_size(model)) + " ids"
                        : "none");
  line("chat templates", templateNames(model));
  line("producer", info.producer);
  line("source", info.source);
  line("options", info.options);
  out += "symbols:\n";
  for (size_t s = 0; s < info.symbol_count; ++s) {
    lathe_symbol_info_t symbol;
    if (!lathe_model_symbol(model, s, &symbol))
      out += std::string("  ") + symbol.name + ": " +
             std::to_string(symbol.minimum) + " to " +
             std::to_string(symbol.maximum) +
             (symbol.fixed_at_load ? ", fixed at load\n" : "\n");
  }
  describeEntries(model, info, out);
  if (options.kernels) {
    out += "kernel names:\n";
    for (size_t i = 0; i < info.kernel_count; ++i)
      out += std::string("  ") + lathe_model_kernel(model, i) + "\n";
  }
  if (options.weights)
    describeWeights(model, info, out);
  if (options.chatTemplates)
    describeTemplates(model, out);
  return out;
}

static void jsonTensors(const lathe_model_t *model, size_t entry, size_t count,
                        TensorQuery query, const char *key,
                        runtime::JsonWriter &json) {
  json.key(key).beginArray();
  for (size_t i = 0; i < count; ++i) {
    lathe_tensor_info_t tensor;
    if (query(model, entry, i, &tensor))
      continue;
    json.beginObject()
        .field("name", tensor.name)
        .field("dtype", lathe_dtype_name(tensor.dtype));
    json.key("dims").beginArray();
    for (uint32_t d = 0; d < tensor.rank; ++d) {
      lathe_symbol_info_t symbol;
      if (tensor.dims[d] < 0 && tensor.symbols[d] >= 0 &&
          !lathe_model_symbol(model, static_cast<size_t>(tensor.symbols[d]),
                              &symbol))
        json.value(symbol.name);
      else
        json.value(tensor.dims[d]);
    }
    json.endArray().endObject();
  }
  json.endArray();
}

/// \p launches is what --launches counts.
static std::string jsonModel(const lathe_model_t *model,
                             const lathe_model_info_t &info,
                             const InspectOptions &options,
                             const std::vector<CountedEntry> &launches) {
  runtime::JsonWriter json;
  json.beginObject()
      .field("schema", "lathe.inspect.v1")
      .field("family", info.family);
  json.field("context", info.context).field("vocabulary", info.vocabulary);
  json.field("file_bytes", info.file_bytes)
      .field("weight_bytes", info.weight_bytes);
  json.field("weight_count", info.weight_count)
      .field("kernels", static_cast<uint64_t>(info.kernel_count));
  json.field("target", info.target)
      .field("producer", info.producer)
      .field("source", info.source);
  json.field("options", info.options).key("chat_templates").beginArray();
  lathe_chat_template_t found;
  for (size_t i = 0; !lathe_model_chat_template(model, i, &found); ++i)
    json.beginObject()
        .field("name", found.name)
        .field("text", std::string_view(found.text, found.text_bytes))
        .endObject();
  json.endArray().key("targets").beginArray();
  for (size_t i = 0; i < info.target_count; ++i)
    json.value(lathe_model_target(model, i));
  json.endArray().key("entries").beginArray();
  for (size_t e = 0; e < info.entry_count; ++e) {
    lathe_entry_info_t entry;
    if (lathe_model_entry(model, e, &entry))
      continue;
    json.beginObject().field("name", entry.name);
    json.field("commands", static_cast<uint64_t>(entry.command_count));
    jsonTensors(model, e, entry.input_count, lathe_model_input, "inputs", json);
    jsonTensors(model, e, entry.output_count, lathe_model_output, "outputs",
                json);
    json.key("plans").beginArray();
    for (size_t p = 0; p < entry.plan_count; ++p) {
      lathe_plan_info_t plan;
      if (lathe_model_plan(model, e, p, &plan))
        continue;
      json.beginObject()
          .field("arena_bytes", plan.arena_bytes)
          .field("live_bytes", plan.live_bytes);
      json.endObject();
    }
    json.endArray().endObject();
  }
  json.endArray();
  if (options.launches.launches)
    writeLaunches(launches, options.launches.past, json);
  return json.endObject().take() + "\n";
}

/// Lists the tensors of a safetensors file.
static Exit inspectTensors(const InspectOptions &options) {
  runtime::Result<runtime::SafeTensors> file =
      runtime::SafeTensors::open(options.file);
  if (!file.isOk())
    return fail(file.takeStatus());
  std::string out;
  runtime::JsonWriter json;
  json.beginObject()
      .field("schema", "lathe.inspect.v1")
      .key("tensors")
      .beginArray();
  for (const runtime::Tensor &tensor : file->tensors()) {
    out += std::string(tensor.name) + ": " +
           std::string(runtime::elementName(tensor.type)) + " " +
           shapeText(tensor.shape.data(), tensor.shape.size()) + "\n";
    json.beginObject()
        .field("name", tensor.name)
        .field("dtype", runtime::elementName(tensor.type));
    json.key("shape").beginArray();
    for (int64_t dim : tensor.shape)
      json.value(dim);
    json.endArray().endObject();
  }
  json.endArray().endObject();
  return print(options.json ? json.take() + "\n" : out);
}

static Exit inspect(const InspectOptions &options) {
  bool isArtifact = !options.file.ends_with(".safetensors") &&
                    !options.file.ends_with(".gguf");
  if (options.launches.launches && !isArtifact)
    return fail(Exit::Usage, options.file + ": --launches: only an artifact "
                                            "has launches (compile it first)");
  if (options.file.ends_with(".safetensors"))
    return inspectTensors(options);
  if (options.file.ends_with(".gguf"))
    return inspectGguf(options.file, options.json);
  RunOptions run;
  run.model = options.file;
  run.inspectOnly = true;
  ModelPtr model;
  lathe_model_info_t info;
  if (Exit exit = openModel(run, model, info); exit != Exit::Done)
    return exit;
  std::vector<CountedEntry> launches;
  if (options.launches.launches)
    if (Exit exit = countLaunches(model.get(), options.launches, launches);
        exit != Exit::Done)
      return exit;
  if (options.json)
    return print(jsonModel(model.get(), info, options, launches));
  return print(options.launches.launches
                   ? describeLaunches(launches, options.launches.past)
                   : describeModel(model.get(), info, options));
}

void tools::addInspectCommand(CLI::App &app, Exit &result) {
  CLI::App *command = app.add_subcommand(
      "inspect", "Look inside an artifact, a safetensors or a GGUF file");
  auto options = std::make_shared<InspectOptions>();
  command
      ->add_option("FILE", options->file,
                   "model.lathe, a checkpoint, a .safetensors or a .gguf file")
      ->required();
  command->add_flag("--weights", options->weights, "List the weights")
      ->envname("LATHE_INSPECT_WEIGHTS");
  command->add_flag("--kernels", options->kernels, "List the kernels");
  command->add_flag("--chat-templates", options->chatTemplates,
                    "List the texts of the chat templates, as JSON strings");
  addLaunchesFlags(*command, options->launches);
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &result] { result = inspect(*options); });
}
