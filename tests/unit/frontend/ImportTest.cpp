//===- ImportTest.cpp - Tests of frontend/Import.h ------------------------===//

#include "frontend/Import.h"

#include "dialects/lathe/Lathe.h"
#include "runtime/formats/Checkpoint.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

using namespace lathe;
using namespace mlir;
using runtime::Checkpoint;
using runtime::CheckpointTensor;
using runtime::ElementType;
using runtime::SafeTensorsWriter;
using runtime::StatusCode;
using runtime::TensorSpec;

namespace {

const std::string kGolden = LATHE_SOURCE_DIR "/tests/data/golden/";

/// A checkpoint directory of its own, made of a golden one: the same config
/// and tensors of the same shapes, which a test may change before it imports.
class ImportTest : public testing::Test {
protected:
  ImportTest() : context(MLIRContext::Threading::DISABLED) {
    directory = testing::TempDir() + "lathe-import-" +
                testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
  }
  ~ImportTest() override { std::filesystem::remove_all(directory); }

  void begin(const std::string &golden) {
    std::filesystem::copy_file(
        kGolden + golden + "/config.json", directory + "/config.json",
        std::filesystem::copy_options::overwrite_existing);
    auto checkpoint = Checkpoint::open(kGolden + golden);
    ASSERT_TRUE(checkpoint.isOk()) << checkpoint.status().message();
    specs.clear();
    for (const CheckpointTensor &entry : checkpoint->tensors())
      specs.push_back({std::string(entry.tensor->name), entry.tensor->type,
                       entry.tensor->shape});
  }
  TensorSpec &spec(const std::string &name) {
    auto found = std::find_if(specs.begin(), specs.end(),
                              [&](TensorSpec &s) { return s.name == name; });
    EXPECT_NE(found, specs.end()) << name;
    return *found;
  }
  void add(const std::string &name, std::vector<int64_t> shape) {
    specs.push_back({name, ElementType::F32, std::move(shape)});
  }
  void drop(const std::string &name) {
    std::erase_if(specs, [&](TensorSpec &s) { return s.name == name; });
  }
  void write(const std::string &name, const std::string &text) {
    std::filesystem::create_directories(
        std::filesystem::path(directory + "/" + name).parent_path());
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
  }
  /// Puts \p to in place of \p from in config.json.
  void edit(const std::string &from, const std::string &to) {
    std::ifstream in(directory + "/config.json");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    size_t place = text.find(from);
    ASSERT_NE(place, std::string::npos) << from;
    text.replace(place, from.size(), to);
    write("config.json", text);
  }

  /// Writes the tensors, each filled with one byte, and imports.
  runtime::Result<OwningOpRef<ModuleOp>> import() {
    auto writer =
        SafeTensorsWriter::create(directory + "/model.safetensors", specs);
    EXPECT_TRUE(writer.isOk());
    for (const TensorSpec &spec : specs) {
      size_t bytes = elementBytes(spec.type);
      for (int64_t size : spec.shape)
        bytes *= size_t(size);
      std::vector<std::byte> data(bytes, std::byte(fill[spec.name]));
      EXPECT_TRUE(writer->write(data).isOk());
    }
    EXPECT_TRUE(writer->finish().isOk());
    notes.clear();
    options.notes = &notes;
    return importCheckpoint(context, directory, options);
  }
  OwningOpRef<ModuleOp> importOk() {
    auto module = import();
    EXPECT_TRUE(module.isOk()) << module.status().message();
    return module.isOk() ? std::move(*module) : OwningOpRef<ModuleOp>();
  }
  void expectError(StatusCode code, const std::string &message) {
    auto module = import();
    ASSERT_FALSE(module.isOk());
    EXPECT_EQ(module.status().code(), code) << module.status().message();
    EXPECT_NE(module.status().message().find(message), std::string::npos)
        << module.status().message();
    EXPECT_EQ(module.status().message().rfind(directory, 0), 0u)
        << module.status().message();
  }

  /// "logits pooler_output": the results of entry \p name; "" without one.
  static std::string results(ModuleOp module, StringRef name) {
    auto entry = module.lookupSymbol<func::FuncOp>(name);
    std::string names;
    for (unsigned i = 0; entry && i < entry.getNumResults(); ++i)
      names += (i ? " " : "") +
               entry.getResultAttrOfType<StringAttr>(i, "lathe.name").str();
    return names;
  }
  static RankedTensorType resultType(ModuleOp module, StringRef name) {
    auto entry = module.lookupSymbol<func::FuncOp>(name);
    return cast<RankedTensorType>(entry.getResultTypes()[0]);
  }
  static Attribute modelField(ModuleOp module, StringRef name) {
    return module->getAttrOfType<DictionaryAttr>("lathe.model").get(name);
  }
  template <typename Op>
  static std::vector<Op> all(ModuleOp module, StringRef entry) {
    std::vector<Op> ops;
    module.lookupSymbol<func::FuncOp>(entry).walk(
        [&](Op op) { ops.push_back(op); });
    return ops;
  }

  MLIRContext context;
  std::string directory;
  std::vector<TensorSpec> specs;
  std::map<std::string, int> fill;
  std::vector<std::string> notes;
  ImportOptions options;
};

TEST_F(ImportTest, ImportsEachGoldenCheckpointWithoutNotesButThatOfLongRope) {
  size_t count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(kGolden)) {
    if (!entry.is_directory())
      continue;
    notes.clear();
    options.notes = &notes;
    auto module = importCheckpoint(context, entry.path().string(), options);
    EXPECT_TRUE(module.isOk()) << module.status().message();
    bool longRope = entry.path().filename() == "phi3-longrope";
    EXPECT_EQ(notes.size(), longRope ? 1u : 0u) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 25u);
}

//===----------------------------------------------------------------------===//
// Entries and heads
//===----------------------------------------------------------------------===//

TEST_F(ImportTest, CausalModelsHaveStepsOverACache) {
  begin("llama-gqa");
  auto module = importOk();
  EXPECT_EQ(results(*module, "forward"), "logits");
  EXPECT_EQ(results(*module, "forward_hidden"),
            "logits hidden.0 hidden.1 hidden.2");
  EXPECT_EQ(results(*module, "step"), "logits");
  EXPECT_EQ(results(*module, "step_greedy"), "next");
  EXPECT_EQ(symbolOfDim(resultType(*module, "step"), 0), "rows");
  EXPECT_TRUE(module->lookupSymbol<StateOp>("layers.1.values"));
  EXPECT_EQ(all<CachedAttentionOp>(*module, "step").size(), 2u);
}

TEST_F(ImportTest, BaseModelsOfDecodersGiveTheirLastRows) {
  begin("llama-gqa");
  edit("LlamaForCausalLM", "LlamaModel");
  drop("lm_head.weight");
  for (TensorSpec &spec : specs)
    spec.name = spec.name.substr(6); // Saved alone, without "model.".
  auto module = importOk();
  EXPECT_EQ(results(*module, "forward"), "last_hidden_state");
  EXPECT_EQ(results(*module, "step"), "");
  EXPECT_TRUE(notes.empty());
}

TEST_F(ImportTest, DecodersClassifyByTheirLastToken) {
  begin("llama-gqa");
  edit("LlamaForCausalLM", "LlamaForSequenceClassification");
  drop("lm_head.weight");
  add("score.weight", {5, 48});
  auto module = importOk();
  EXPECT_EQ(results(*module, "forward"), "logits");
  EXPECT_EQ(symbolOfDim(resultType(*module, "forward"), 0), "sequences");
  EXPECT_EQ(resultType(*module, "forward").getDimSize(1), 5);
  EXPECT_EQ(all<PoolOp>(*module, "forward")[0].getKind(), PoolKind::Last);
  EXPECT_EQ(results(*module, "step"), "");
}

TEST_F(ImportTest, BertFillsMasksWithATiedHead) {
  begin("bert-seqcls");
  edit("BertForSequenceClassification", "BertForMaskedLM");
  drop("classifier.weight");
  drop("classifier.bias");
  add("cls.predictions.transform.dense.weight", {48, 48});
  add("cls.predictions.transform.dense.bias", {48});
  add("cls.predictions.transform.LayerNorm.gamma", {48});
  add("cls.predictions.transform.LayerNorm.beta", {48});
  add("cls.predictions.bias", {200});
  auto module = importOk();
  EXPECT_EQ(results(*module, "forward"), "logits");
  EXPECT_EQ(resultType(*module, "forward").getDimSize(1), 200);
  LinearOp head = all<LinearOp>(*module, "forward").back();
  EXPECT_EQ(head.getWeight().getDefiningOp<GetOp>().getSymbol(),
            "bert.embeddings.word_embeddings.weight");
  EXPECT_EQ(head.getBias().getDefiningOp<GetOp>().getSymbol(),
            "cls.predictions.bias");
}

TEST_F(ImportTest, RobertaClassifiesByTwoLayers) {
  begin("roberta");
  edit("RobertaModel", "RobertaForSequenceClassification");
  for (TensorSpec &spec : specs)
    spec.name = "roberta." + spec.name;
  drop("roberta.pooler.dense.weight");
  drop("roberta.pooler.dense.bias");
  add("classifier.dense.weight", {48, 48});
  add("classifier.dense.bias", {48});
  add("classifier.out_proj.weight", {2, 48});
  add("classifier.out_proj.bias", {2});
  auto module = importOk();
  EXPECT_EQ(resultType(*module, "forward").getDimSize(1), 2);
  EXPECT_EQ(all<ActivationOp>(*module, "forward").back().getKind(),
            ActivationKind::Tanh);
}

TEST_F(ImportTest, DistilBertClassifiesByRelu) {
  begin("distilbert");
  edit("DistilBertModel", "DistilBertForSequenceClassification");
  for (TensorSpec &spec : specs)
    spec.name = "distilbert." + spec.name;
  for (const char *name : {"pre_classifier", "classifier"}) {
    int64_t rows = name[0] == 'p' ? 48 : 3;
    add(std::string(name) + ".weight", {rows, 48});
    add(std::string(name) + ".bias", {rows});
  }
  auto module = importOk();
  EXPECT_EQ(resultType(*module, "forward").getDimSize(1), 3);
  EXPECT_EQ(all<ActivationOp>(*module, "forward").back().getKind(),
            ActivationKind::Relu);
}

TEST_F(ImportTest, LabelsEachTokenWhereItIsAsked) {
  begin("bert-seqcls");
  edit("BertForSequenceClassification", "BertForTokenClassification");
  auto module = importOk();
  EXPECT_EQ(symbolOfDim(resultType(*module, "forward"), 0), "tokens");
  EXPECT_EQ(resultType(*module, "forward").getDimSize(1), 3);
}

//===----------------------------------------------------------------------===//
// Sentence encoders
//===----------------------------------------------------------------------===//

const char kModules[] = R"([
  {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "path": "1_Pooling",
   "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "path": "2_Normalize",
   "type": "sentence_transformers.models.Normalize"}])";

TEST_F(ImportTest, SentenceEncodersEmbed) {
  begin("bert-base-gelu");
  write("modules.json", kModules);
  write("sentence_bert_config.json", R"({"max_seq_length": 20})");
  write("1_Pooling/config.json", R"({"word_embedding_dimension": 48,
      "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false})");
  auto module = importOk();
  EXPECT_EQ(results(*module, "embed"), "embedding");
  EXPECT_EQ(all<PoolOp>(*module, "embed")[0].getKind(), PoolKind::Mean);
  EXPECT_EQ(all<L2NormalizeOp>(*module, "embed").size(), 1u);
  EXPECT_EQ(cast<IntegerAttr>(modelField(*module, "embed_tokens")).getInt(),
            20);
}

TEST_F(ImportTest, ModelsWithoutPoolingDoNotEmbed) {
  begin("bert-base-gelu");
  auto module = importOk();
  EXPECT_EQ(results(*module, "embed"), "");
  EXPECT_EQ(results(*module, "forward"), "last_hidden_state pooler_output");
}

TEST_F(ImportTest, RefusesPoolingThatItDoesNotDo) {
  begin("bert-base-gelu");
  write("modules.json", kModules);
  write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true,
                                     "pooling_mode_max_tokens": true})");
  expectError(StatusCode::Unsupported,
              "1_Pooling/config.json: pooling_mode_max_tokens: several");
  write("1_Pooling/config.json",
        R"({"pooling_mode_weightedmean_tokens": true})");
  expectError(StatusCode::Unsupported, "pooling_mode_weightedmean_tokens");
  write("1_Pooling/config.json", R"({"pooling_mode": "attention"})");
  expectError(StatusCode::Unsupported, "pooling_mode: \"attention\"");
  write("1_Pooling/config.json", R"({"word_embedding_dimension": 7,
                                     "pooling_mode_mean_tokens": true})");
  expectError(StatusCode::InvalidFile, "word_embedding_dimension: expected "
                                       "hidden_size, 48, got 7");
  write("modules.json", R"([{"type": "sentence_transformers.models.Dense"}])");
  expectError(StatusCode::Unsupported, "modules.json: [0].type");
  write("modules.json", R"([{"type": "Pooling", "path": "../x"}])");
  expectError(StatusCode::InvalidFile, "expected the name of a folder");
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

TEST_F(ImportTest, RejectsAMissingTensor) {
  begin("llama-gqa");
  drop("model.layers.1.mlp.up_proj.weight");
  expectError(StatusCode::InvalidFile,
              "/model.safetensors: model.layers.1.mlp.up_proj.weight: there "
              "is no such tensor");
}

TEST_F(ImportTest, RejectsATensorOfAnotherShape) {
  begin("llama-gqa");
  spec("model.embed_tokens.weight").shape = {161, 48};
  expectError(StatusCode::InvalidFile,
              "model.embed_tokens.weight: has the shape [161, 48], but "
              "config.json asks for [160, 48]");
}

TEST_F(ImportTest, RefusesWeightsThatAreNoFloats) {
  begin("llama-gqa");
  spec("model.norm.weight").type = ElementType::I8;
  expectError(StatusCode::Unsupported,
              "model.norm.weight: elements of type I8 are not supported");
}

TEST_F(ImportTest, RejectsLabelsThatDoNotFitTheClassifier) {
  begin("bert-seqcls");
  spec("classifier.weight").shape = {4, 48};
  expectError(StatusCode::InvalidFile, "classifier.weight: has the shape "
                                       "[4, 48]");
}

TEST_F(ImportTest, NotesTensorsThatNothingReads) {
  begin("llama-gqa");
  add("model.layers.0.self_attn.rotary_emb.inv_freq", {4});
  importOk();
  EXPECT_TRUE(notes.empty());
  add("model.layers.0.extra.weight", {4});
  importOk();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0],
            "model.safetensors: model.layers.0.extra.weight: is not used");
}

TEST_F(ImportTest, TiesAHeadThatIsStoredTwice) {
  begin("llama-linear-rope-tied");
  add("lm_head.weight", {160, 48});
  auto module = importOk();
  EXPECT_FALSE(module->lookupSymbol("lm_head.weight"));
  EXPECT_TRUE(notes.empty());
}

TEST_F(ImportTest, KeepsAHeadThatCameApartFromItsEmbeddings) {
  begin("llama-linear-rope-tied");
  add("lm_head.weight", {160, 48});
  fill["lm_head.weight"] = 1;
  auto module = importOk();
  EXPECT_TRUE(module->lookupSymbol("lm_head.weight"));
}

TEST_F(ImportTest, RejectsAnUntiedModelWithoutAHead) {
  begin("llama-gqa");
  drop("lm_head.weight");
  expectError(StatusCode::InvalidFile, "lm_head.weight: there is no such");
}

TEST_F(ImportTest, ReadsOldNamesOfNorms) {
  begin("bert-base-gelu");
  for (TensorSpec &spec : specs) {
    spec.name = "bert." + spec.name;
    for (auto [from, to] : {std::pair("LayerNorm.weight", "LayerNorm.gamma"),
                            std::pair("LayerNorm.bias", "LayerNorm.beta")})
      if (spec.name.ends_with(from))
        spec.name.replace(spec.name.size() - strlen(from), strlen(from), to);
  }
  auto module = importOk();
  EXPECT_TRUE(notes.empty());
  EXPECT_TRUE(module->lookupSymbol("bert.embeddings.LayerNorm.gamma"));
}

TEST_F(ImportTest, KeepsTheElementTypesOfTheFile) {
  begin("llama3-rope-bf16");
  auto module = importOk();
  auto norm = module->lookupSymbol<ParameterOp>("model.norm.weight");
  EXPECT_TRUE(cast<RankedTensorType>(norm.getType()).getElementType().isBF16());
  EXPECT_TRUE(resultType(*module, "forward").getElementType().isF32());
}

//===----------------------------------------------------------------------===//
// Options and generation_config.json
//===----------------------------------------------------------------------===//

TEST_F(ImportTest, CutsTablesToTheContext) {
  begin("gpt2");
  options.context = 16;
  auto module = importOk();
  auto table = module->lookupSymbol<DerivedOp>("positions");
  ASSERT_TRUE(table);
  EXPECT_EQ(cast<RankedTensorType>(table.getType()).getDimSize(0), 16);
  EXPECT_EQ(cast<IntegerAttr>(modelField(*module, "context")).getInt(), 16);
}

TEST_F(ImportTest, RefusesAContextPastLearnedPositions) {
  begin("gpt2");
  options.context = 65;
  expectError(StatusCode::Unsupported,
              "n_positions: a context of 65 goes past the 64");
}

TEST_F(ImportTest, NotesAContextPastWhatRopeWasTrainedFor) {
  begin("llama-gqa");
  options.context = 65;
  importOk();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("the context of 65 goes past the 64"),
            std::string::npos);
}

TEST_F(ImportTest, RejectsOptionsOutOfRange) {
  begin("llama-gqa");
  options.context = 0;
  EXPECT_EQ(import().status().code(), StatusCode::InvalidArgument);
  options.context = std::nullopt;
  options.maxTokens = 0;
  EXPECT_EQ(import().status().code(), StatusCode::InvalidArgument);
  options.maxTokens = 1;
  options.maxSlots = 0;
  EXPECT_EQ(import().status().code(), StatusCode::InvalidArgument);
  options.maxSlots = 1;
  EXPECT_TRUE(import().isOk());
  options.cacheType = "f8";
  EXPECT_EQ(import().status().code(), StatusCode::InvalidArgument);
}

TEST_F(ImportTest, TakesIdsFromTheGenerationConfigFirst) {
  begin("llama-gqa");
  std::string text = R"({"eos_token_id": [2, 5], "temperature": 0.6})";
  write("generation_config.json", text);
  auto module = importOk();
  EXPECT_EQ(cast<StringAttr>(modelField(*module, "generation_config")), text);
  EXPECT_EQ(modelField(*module, "eos_ids"),
            Builder(&context).getI64ArrayAttr({2, 5}));
  EXPECT_EQ(modelField(*module, "bos_ids"),
            Builder(&context).getI64ArrayAttr({1}));
  write("generation_config.json", "{");
  expectError(StatusCode::InvalidFile, "generation_config.json");
}

TEST_F(ImportTest, KeepsChatTemplates) {
  begin("llama-gqa");
  EXPECT_FALSE(modelField(*importOk(), "chat_templates"));
  write("chat_template.jinja", "{{ messages }}\n");
  auto module = importOk();
  auto templates =
      dyn_cast_or_null<DictionaryAttr>(modelField(*module, "chat_templates"));
  ASSERT_TRUE(templates);
  EXPECT_EQ(templates.getAs<StringAttr>("default"), "{{ messages }}\n");
  write("chat_template.jinja", "\xff");
  expectError(StatusCode::InvalidFile, "chat_template.jinja: ");
}

TEST_F(ImportTest, LeavesOutIdsThatAreNoTokens) {
  begin("llama-gqa");
  edit("\"eos_token_id\": 2", "\"eos_token_id\": [2, 32000]");
  auto module = importOk();
  EXPECT_EQ(modelField(*module, "eos_ids"),
            Builder(&context).getI64ArrayAttr({2}));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("eos_token_id: is not below vocab_size, 160"),
            std::string::npos);
}

TEST_F(ImportTest, SaysWhichFileIsMissing) {
  std::string empty = directory + "/empty";
  std::filesystem::create_directories(empty);
  auto module = importCheckpoint(context, empty);
  ASSERT_FALSE(module.isOk());
  EXPECT_EQ(module.status().code(), StatusCode::NotFound);
  EXPECT_NE(module.status().message().find("config.json"), std::string::npos);
}

TEST(ListFamilies, NamesTen) { EXPECT_EQ(listFamilies().size(), 10u); }

} // namespace
