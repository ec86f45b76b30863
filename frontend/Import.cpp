//===- Import.cpp - A checkpoint directory to a module of IR --------------===//

#include "frontend/Import.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/models/Builder.h"
#include "frontend/models/ChatTemplates.h"
#include "frontend/models/Family.h"
#include "frontend/models/GenerationConfig.h"
#include "frontend/models/GgufConfig.h"
#include "frontend/models/Rope.h"
#include "frontend/models/SentenceModules.h"
#include "frontend/weights/GgufWeights.h"
#include "frontend/weights/ModelWeights.h"
#include "runtime/formats/Checkpoint.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

#include <algorithm>

using namespace mlir;
using namespace lathe;
using runtime::Checkpoint;
using runtime::Json;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Most positions and tokens of a call that may be asked for.
static constexpr int64_t kLongestContext = 1 << 24;

/// Leaves out ids that are no tokens: small models often carry the ids of the
/// large ones that their configs were copied from.
static void dropForeignIds(TransformerConfig &config,
                           std::vector<std::string> &notes) {
  auto drop = [&](const char *key, std::vector<int64_t> &ids) {
    size_t count = ids.size();
    std::erase_if(ids, [&](int64_t id) { return id >= config.vocabulary; });
    if (ids.size() != count)
      notes.push_back(config.file + ": " + key + ": is not below vocab_size, " +
                      std::to_string(config.vocabulary) + ", and left out");
  };
  drop("bos_token_id", config.bosIds);
  drop("eos_token_id", config.eosIds);
  if (config.padId && *config.padId >= config.vocabulary)
    config.padId = std::nullopt;
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

static Status invalidOption(std::string message) {
  return Status::error(StatusCode::InvalidArgument, std::move(message));
}

/// Chooses the context: what is asked for, else all that the model can do.
static Result<int64_t> chooseContext(const TransformerConfig &config,
                                     const ImportOptions &options,
                                     std::vector<std::string> &notes) {
  int64_t natural = ropeContext(config);
  if (!options.context) {
    if (natural < config.context)
      notes.push_back(config.file + ": rope_scaling: the context is " +
                      std::to_string(natural) + ", not " +
                      std::to_string(config.context) +
                      ", because longrope takes other factors beyond that "
                      "(a longer --context takes them)");
    return natural;
  }
  int64_t context = *options.context;
  if (context < 1 || context > kLongestContext)
    return invalidOption("context: expected from 1 to " +
                         std::to_string(kLongestContext) + ", got " +
                         std::to_string(context));
  if (config.positionRows && context > config.context)
    return Status::error(
        StatusCode::Unsupported,
        config.file + ": " + config.contextField + ": a context of " +
            std::to_string(context) + " goes past the " +
            std::to_string(config.context) +
            " positions of the model (give a smaller --context)");
  if (context > config.context)
    notes.push_back(config.file + ": " + config.contextField +
                    ": the context of " + std::to_string(context) +
                    " goes past the " + std::to_string(config.context) +
                    " positions that the model is made for");
  if (std::string note = ropeNote(config, context); !note.empty())
    notes.push_back(config.file + ": rope_scaling: " + note);
  return context;
}

static Result<CacheType> chooseCache(const TransformerConfig &config,
                                     const ImportOptions &options,
                                     std::vector<std::string> &notes) {
  constexpr std::pair<StringRef, CacheType> kTypes[] = {
      {"f32", CacheType::F32},
      {"bf16", CacheType::Bf16},
      {"q8", CacheType::Q8}};
  const auto *found = llvm::find_if(
      kTypes, [&](auto &type) { return type.first == options.cacheType; });
  if (found == std::end(kTypes))
    return invalidOption("cache-type: expected f32, bf16 or q8, got '" +
                         options.cacheType + "'");
  if (config.head != HeadKind::CausalLm && found->second != CacheType::F32)
    notes.push_back(
        config.file +
        ": architectures: the model keeps no cache, so --cache-type "
        "changes nothing");
  return found->second;
}

static Result<ModelLimits> chooseLimits(const TransformerConfig &config,
                                        const ImportOptions &options,
                                        std::vector<std::string> &notes) {
  Result<int64_t> context = chooseContext(config, options, notes);
  if (!context.isOk())
    return context.takeStatus();
  ModelLimits limits;
  limits.context = *context;
  limits.maxTokens = options.maxTokens.value_or(config.causal ? 512 : 4096);
  limits.maxSlots = options.maxSlots;
  Result<CacheType> cache = chooseCache(config, options, notes);
  if (!cache.isOk())
    return cache.takeStatus();
  limits.cache = *cache;
  if (limits.maxTokens < 1 || limits.maxTokens > kLongestContext)
    return invalidOption("max-tokens: expected from 1 to " +
                         std::to_string(kLongestContext) + ", got " +
                         std::to_string(limits.maxTokens));
  if (limits.maxSlots < 1 || limits.maxSlots > (1 << 16))
    return invalidOption("slots: expected from 1 to 65536, got " +
                         std::to_string(limits.maxSlots));
  return limits;
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

namespace {
/// What a model says of its use, beside its config.
struct ModelUse {
  std::string generation; ///< JSON text of generation_config.json.
  std::vector<ChatTemplate> templates;
};
} // namespace

/// What the runtime's programs need to know of a model beside its entries.
static DictionaryAttr describeModel(MLIRContext &context,
                                    const TransformerConfig &config,
                                    const ModelLimits &limits,
                                    const ModelUse &use) {
  Builder builder(&context);
  auto ids = [&](ArrayRef<int64_t> values) -> Attribute {
    return builder.getI64ArrayAttr(values);
  };
  SmallVector<NamedAttribute> fields;
  auto add = [&](StringRef name, Attribute value) {
    fields.push_back(builder.getNamedAttr(name, value));
  };
  add("family", builder.getStringAttr(config.family));
  add("context", builder.getI64IntegerAttr(limits.context));
  add("vocabulary", builder.getI64IntegerAttr(config.vocabulary));
  add("bos_ids", ids(config.bosIds));
  add("eos_ids", ids(config.eosIds));
  if (config.padId)
    add("pad_id", builder.getI64IntegerAttr(*config.padId));
  if (config.pool != SentencePool::None) {
    int64_t tokens = config.embedTokens ? config.embedTokens : limits.context;
    add("embed_tokens",
        builder.getI64IntegerAttr(std::min(tokens, limits.context)));
  }
  add("generation_config", builder.getStringAttr(use.generation));
  if (!use.templates.empty()) {
    SmallVector<NamedAttribute> templates;
    for (const ChatTemplate &chatTemplate : use.templates)
      templates.push_back(builder.getNamedAttr(
          chatTemplate.name, builder.getStringAttr(chatTemplate.text)));
    add("chat_templates", builder.getDictionaryAttr(templates));
  }
  add("page_positions", builder.getI64IntegerAttr(kPagePositions));
  return builder.getDictionaryAttr(fields);
}

/// Verifies \p module: what a checkpoint can get wrong was checked before, so
/// a failure here is a fault of the frontend.
static Status verifyModule(ModuleOp module, const std::string &file) {
  std::string message;
  ScopedDiagnosticHandler handler(module.getContext(),
                                  [&](Diagnostic &diagnostic) {
                                    if (message.empty())
                                      message = diagnostic.str();
                                    return success();
                                  });
  if (succeeded(verify(module)))
    return Status::ok();
  return Status::error(StatusCode::Unsupported,
                       file + ": the model cannot be built: " + message);
}

/// Builds the module of \p config, whose weights \p declare declares in it.
static Result<OwningOpRef<ModuleOp>>
buildModule(MLIRContext &context, const TransformerConfig &config,
            const ModelLimits &limits, const ModelUse &use,
            llvm::function_ref<Result<ModelWeights>(ModuleOp)> declare) {
  context.loadDialect<LatheDialect, arith::ArithDialect, func::FuncDialect,
                      tensor::TensorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  (*module)->setAttr("lathe.model",
                     describeModel(context, config, limits, use));
  declareSymbols(config, limits, *module);
  Result<ModelWeights> weights = declare(*module);
  if (!weights.isOk())
    return weights.takeStatus();
  buildEntries(config, *weights, limits, *module);
  LATHE_RETURN_IF_ERROR(verifyModule(*module, config.file));
  return module;
}

static void handOver(const std::vector<std::string> &notes,
                     const ImportOptions &options) {
  if (options.notes)
    options.notes->insert(options.notes->end(), notes.begin(), notes.end());
}

static Result<TransformerConfig>
readModelConfig(const std::string &directory, std::vector<std::string> &notes) {
  Result<Json> json = Json::read(directory + "/config.json");
  if (!json.isOk())
    return json.takeStatus();
  Result<TransformerConfig> config = readConfig(*json, notes);
  if (!config.isOk())
    return config;
  LATHE_RETURN_IF_ERROR(readSentenceModules(directory, *config));
  return config;
}

Result<OwningOpRef<ModuleOp>>
lathe::importCheckpoint(MLIRContext &context, const std::string &directory,
                        const ImportOptions &options) {
  std::vector<std::string> notes;
  Result<TransformerConfig> config = readModelConfig(directory, notes);
  if (!config.isOk())
    return config.takeStatus();
  Result<std::string> generation = readGeneration(directory, *config);
  if (!generation.isOk())
    return generation.takeStatus();
  dropForeignIds(*config, notes);
  if (generation->empty())
    *generation = defaultGeneration(*config);
  Result<std::vector<ChatTemplate>> templates = readChatTemplates(directory);
  if (!templates.isOk())
    return templates.takeStatus();
  Result<ModelLimits> limits = chooseLimits(*config, options, notes);
  if (!limits.isOk())
    return limits.takeStatus();
  Result<Checkpoint> checkpoint = Checkpoint::open(directory);
  if (!checkpoint.isOk())
    return checkpoint.takeStatus();

  Result<OwningOpRef<ModuleOp>> module = buildModule(
      context, *config, *limits, {*generation, *templates},
      [&](ModuleOp module) {
        return declareWeights(
            {*config, *checkpoint, directory, limits->context}, module, notes);
      });
  if (module.isOk())
    handOver(notes, options);
  return module;
}

Result<OwningOpRef<ModuleOp>> lathe::importGguf(MLIRContext &context,
                                                const runtime::Gguf &file,
                                                const std::string &name,
                                                const ImportOptions &options) {
  std::vector<std::string> notes;
  Result<TransformerConfig> config = readGgufConfig(file, notes);
  if (!config.isOk())
    return config.takeStatus();
  Result<std::vector<ChatTemplate>> templates = readChatTemplates(file);
  if (!templates.isOk())
    return templates.takeStatus();
  Result<ModelLimits> limits = chooseLimits(*config, options, notes);
  if (!limits.isOk())
    return limits.takeStatus();
  Result<OwningOpRef<ModuleOp>> module = buildModule(
      context, *config, *limits, {defaultGeneration(*config), *templates},
      [&](ModuleOp module) {
        return declareGgufWeights({*config, file, name, limits->context},
                                  module);
      });
  if (module.isOk())
    handOver(notes, options);
  return module;
}

std::vector<std::string_view> lathe::listFamilies() {
  std::vector<std::string_view> names;
  for (const Family &family : families())
    names.push_back(family.name);
  return names;
}
