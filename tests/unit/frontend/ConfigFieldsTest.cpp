//===- ConfigFieldsTest.cpp - What happens to each field of a config ------===//
//
// config-fields.json lists what the config classes of transformers have, so
// what a config.json may hold. The table below says of each field whether it is
// read, refused by name, or says nothing of what a trained model computes; the
// tests fail for a field that the table does not know, and for a row that is
// not true.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace lathe;
using runtime::Json;
using runtime::JsonValue;
using runtime::Result;
using runtime::StatusCode;

namespace {

enum class Fate {
  Read,     ///< Another value gives another TransformerConfig.
  Refused,  ///< Unsupported, with the field's name; false, 0 and null pass.
  Harmless, ///< Another value changes nothing and gives no note.
};

/// \p value of \p field, where the rest of the config is \p rest. Rows without
/// families stand for all that have the field; `{}` is the prefix of the
/// family's classes.
struct Row {
  std::string_view field;
  Fate fate;
  std::string value;
  std::string rest = {};
  std::vector<std::string_view> families = {};
};

const std::string kSlides = R"("use_sliding_window": true)";
const std::string kSlidesFrom1 =
    R"("use_sliding_window": true, "max_window_layers": 1)";
const std::string kFactors = R"("rope_parameters": {"rope_type": "llama3",
    "factor": 2, "low_freq_factor": 1, "high_freq_factor": 4})";

const std::vector<Row> kRows = {
    // Which model it is.
    {"architectures", Fate::Read, R"(["{}ForTokenClassification"])"},
    {"id2label", Fate::Read, R"({"0": "a", "1": "b", "2": "c"})"},
    {"is_encoder_decoder", Fate::Refused, "true"},
    {"is_decoder", Fate::Refused, "true"},
    {"add_cross_attention", Fate::Refused, "true"},

    // Sizes.
    {"vocab_size", Fate::Read, "77"},
    {"hidden_size", Fate::Read, "1536"},
    {"n_embd", Fate::Read, "1536"},
    {"dim", Fate::Read, "1536"},
    {"intermediate_size", Fate::Read, "100"},
    {"n_inner", Fate::Read, "100"},
    {"hidden_dim", Fate::Read, "100"},
    {"num_hidden_layers", Fate::Read, "3"},
    {"n_layer", Fate::Read, "3"},
    {"n_layers", Fate::Read, "3"},
    {"num_attention_heads", Fate::Read, "64"},
    {"n_head", Fate::Read, "64"},
    {"n_heads", Fate::Read, "64"},
    {"num_key_value_heads", Fate::Read, "2"},
    {"head_dim", Fate::Read, "96"},
    {"max_position_embeddings", Fate::Read, "100"},
    {"n_positions", Fate::Read, "100"},
    {"type_vocab_size", Fate::Read, "5"},

    // What is computed.
    {"hidden_act", Fate::Read, R"("relu")"},
    {"hidden_activation", Fate::Read, R"("relu")"},
    {"activation", Fate::Read, R"("relu")"},
    {"activation_function", Fate::Read, R"("relu")"},
    {"layer_norm_eps", Fate::Read, "0.5"},
    {"layer_norm_epsilon", Fate::Read, "0.5"},
    {"rms_norm_eps", Fate::Read, "0.5"},
    {"attention_bias", Fate::Read, "true"},
    {"mlp_bias", Fate::Read, "true"},
    {"rope_parameters", Fate::Read, R"({"rope_type": "linear", "factor": 2})"},
    {"original_max_position_embeddings", Fate::Read, "77", kFactors},
    {"sliding_window", Fate::Read, "77", kSlidesFrom1, {"qwen2", "qwen3"}},
    {"sliding_window", Fate::Read, "77"},
    {"use_sliding_window", Fate::Read, "true", R"("max_window_layers": 1)"},
    {"max_window_layers", Fate::Read, "5", kSlides},
    {"layer_types",
     Fate::Read,
     R"(["sliding_attention"])",
     R"("num_hidden_layers": 1, )" + kSlides,
     {"qwen2", "qwen3"}},
    {"layer_types",
     Fate::Read,
     R"(["full_attention"])",
     R"("num_hidden_layers": 1)",
     {"gemma2"}},
    {"attn_logit_softcapping", Fate::Read, "7"},
    {"final_logit_softcapping", Fate::Read, "7"},
    {"query_pre_attn_scalar", Fate::Read, "7"},
    {"scale_attn_weights", Fate::Read, "false"},
    {"scale_attn_by_inverse_layer_idx", Fate::Read, "true"},
    {"use_bidirectional_attention", Fate::Refused, "true"},
    {"tie_word_embeddings",
     Fate::Read,
     "false",
     "",
     {"bert", "distilbert", "gemma2", "gpt2", "roberta"}},
    {"tie_word_embeddings", Fate::Read, "true"},
    {"bos_token_id", Fate::Read, "7"},
    {"eos_token_id", Fate::Read, "7"},
    {"pad_token_id", Fate::Read, "7"},

    // Training.
    {"attention_dropout", Fate::Harmless, "0.5"},
    {"attention_probs_dropout_prob", Fate::Harmless, "0.5"},
    {"attn_pdrop", Fate::Harmless, "0.5"},
    {"classifier_dropout", Fate::Harmless, "0.5"},
    {"dropout", Fate::Harmless, "0.5"},
    {"embd_pdrop", Fate::Harmless, "0.5"},
    {"hidden_dropout_prob", Fate::Harmless, "0.5"},
    {"qa_dropout", Fate::Harmless, "0.5"},
    {"resid_pdrop", Fate::Harmless, "0.5"},
    {"seq_classif_dropout", Fate::Harmless, "0.5"},
    {"summary_first_dropout", Fate::Harmless, "0.5"},
    {"initializer_range", Fate::Harmless, "0.5"},
    {"problem_type", Fate::Harmless, R"("regression")"},

    // How the reference goes about it: memory, cache, results beside the
    // logits;
    // heads that no class of ours has.
    {"chunk_size_feed_forward", Fate::Harmless, "4"},
    {"dtype", Fate::Harmless, R"("bfloat16")"},
    {"label2id", Fate::Harmless, R"({"a": 0})"},
    {"output_attentions", Fate::Harmless, "true"},
    {"output_hidden_states", Fate::Harmless, "true"},
    {"pretraining_tp", Fate::Harmless, "2"},
    {"reorder_and_upcast_attn", Fate::Harmless, "true"},
    {"return_dict", Fate::Harmless, "true"},
    {"sinusoidal_pos_embds", Fate::Harmless, "true"},
    {"summary_activation", Fate::Harmless, R"("tanh")"},
    {"summary_proj_to_labels", Fate::Harmless, "true"},
    {"summary_type", Fate::Harmless, R"("first")"},
    {"summary_use_proj", Fate::Harmless, "true"},
    {"transformers_version", Fate::Harmless, R"("1.0")"},
    {"use_cache", Fate::Harmless, "true"},
    {"_name_or_path", Fate::Harmless, R"("a/b")"},
};

const Row *findRow(std::string_view family, std::string_view field) {
  auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row &r) {
    bool has = r.families.empty() ||
               std::count(r.families.begin(), r.families.end(), family) > 0;
    return r.field == field && has;
  });
  return row == kRows.end() ? nullptr : &*row;
}

struct ConfigFieldsTest : testing::Test {
  Result<TransformerConfig> read(std::string_view family,
                                 const std::string &rest,
                                 const std::string &field = "") {
    notes.clear();
    std::string text = "{\"model_type\": \"" + std::string(family) + "\"";
    for (const std::string &part : {rest, field})
      text += part.empty() ? "" : ", " + part;
    Result<Json> json = Json::parse(text + "}", "config.json");
    if (!json.isOk())
      return json.takeStatus();
    return readConfig(*json, notes);
  }

  void check(const Family &family, std::string_view field, const Row &row) {
    SCOPED_TRACE(std::string(family.name) + ": " + std::string(field));
    std::string value = row.value;
    if (size_t hole = value.find("{}"); hole != std::string::npos)
      value.replace(hole, 2, family.classPrefix);
    std::string key = "\"" + std::string(field) + "\": ";
    Result<TransformerConfig> plain = read(family.name, row.rest);
    ASSERT_TRUE(plain.isOk()) << plain.status().message();
    Result<TransformerConfig> config = read(family.name, row.rest, key + value);
    EXPECT_TRUE(notes.empty());
    if (row.fate == Fate::Refused) {
      ASSERT_FALSE(config.isOk());
      EXPECT_EQ(config.status().code(), StatusCode::Unsupported);
      EXPECT_NE(config.status().message().find(field), std::string::npos);
      config = read(family.name, row.rest, key + "false");
    }
    ASSERT_TRUE(config.isOk()) << config.status().message();
    EXPECT_EQ(*config == *plain, row.fate != Fate::Read);
  }

  std::vector<std::string> notes;
};

TEST_F(ConfigFieldsTest, KnowsEachFieldOfEachFamily) {
  Result<Json> json =
      Json::read(LATHE_SOURCE_DIR "/tests/unit/frontend/config-fields.json");
  ASSERT_TRUE(json.isOk()) << json.status().message();
  JsonValue lists = *json->root().find("families");
  for (const Family &family : families()) {
    std::optional<JsonValue> fields = lists.find(family.name);
    ASSERT_TRUE(fields) << family.name;
    EXPECT_GT(fields->size(), 20u);
    for (JsonValue element : fields->elements()) {
      std::string_view field = *element.asString();
      // Every config has it, and says with it whose fields these are.
      if (field == "model_type")
        continue;
      const Row *row = findRow(family.name, field);
      if (row)
        check(family, field, *row);
      else
        ADD_FAILURE() << family.name << ": no row for " << field;
    }
  }
}

TEST_F(ConfigFieldsTest, LeavesGenerationToItsOwnConfig) {
  Result<Json> json =
      Json::read(LATHE_SOURCE_DIR "/tests/unit/frontend/config-fields.json");
  ASSERT_TRUE(json.isOk()) << json.status().message();
  JsonValue fields = *json->root().find("generation");
  EXPECT_GT(fields.size(), 50u);
  Row harmless{"", Fate::Harmless, "1"};
  for (const Family &family : families())
    for (JsonValue element : fields.elements()) {
      std::string_view field = *element.asString();
      // Ids are the model's too.
      if (!field.ends_with("_token_id") || field.starts_with("forced"))
        check(family, field, harmless);
    }
}

} // namespace
