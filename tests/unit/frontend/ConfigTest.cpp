//===- ConfigTest.cpp - Tests of frontend/models/Family.h -----------------===//

#include "frontend/models/Family.h"

#include <gtest/gtest.h>

using namespace lathe;
using runtime::Json;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

struct ConfigTest : testing::Test {
  /// Reads \p text as a config.json.
  Result<TransformerConfig> tryRead(const std::string &text) {
    Result<Json> json = Json::parse(text, "config.json");
    if (!json.isOk())
      return json.takeStatus();
    return readConfig(*json, notes);
  }
  TransformerConfig read(const std::string &text) {
    Result<TransformerConfig> config = tryRead(text);
    EXPECT_TRUE(config.isOk()) << config.status().message();
    return config.isOk() ? *config : TransformerConfig();
  }
  /// A config of \p family with \p fields.
  TransformerConfig readFamily(const std::string &family,
                               const std::string &fields = "") {
    return read(withFields(family, fields));
  }
  static std::string withFields(const std::string &family,
                                const std::string &fields) {
    return "{\"model_type\": \"" + family + "\"" +
           (fields.empty() ? "" : ", " + fields) + "}";
  }
  void expectError(const std::string &text, StatusCode code,
                   const std::string &message) {
    Result<TransformerConfig> config = tryRead(text);
    ASSERT_FALSE(config.isOk()) << text;
    EXPECT_EQ(config.status().code(), code) << config.status().message();
    EXPECT_NE(config.status().message().find(message), std::string::npos)
        << config.status().message();
  }
  void expectInvalid(const std::string &family, const std::string &fields,
                     const std::string &message) {
    expectError(withFields(family, fields), StatusCode::InvalidFile, message);
  }
  void expectUnsupported(const std::string &family, const std::string &fields,
                         const std::string &message) {
    expectError(withFields(family, fields), StatusCode::Unsupported, message);
  }

  std::vector<std::string> notes;
};

TEST_F(ConfigTest, QuotesOnlyTheBeginningOfALongName) {
  std::string name;
  for (int i = 0; i < 5000; ++i)
    name += "ü";
  Status status = tryRead("{\"model_type\": \"" + name + "\"}").takeStatus();
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_LE(status.message().size(), 2000u);
  EXPECT_TRUE(status.message().ends_with("ü…")) << status.message();
}

//===----------------------------------------------------------------------===//
// Defaults: what the reference assumes for a config that says nothing
//===----------------------------------------------------------------------===//

TEST_F(ConfigTest, LlamaHasAsManyKeyHeadsAsHeadsUnlessSaid) {
  TransformerConfig config = readFamily("llama");
  EXPECT_EQ(config.hidden, 4096);
  EXPECT_EQ(config.vocabulary, 32000);
  EXPECT_EQ(config.kvHeads, 32);
  EXPECT_EQ(config.headSize, 128);
  EXPECT_EQ(config.context, 2048);
  EXPECT_EQ(config.rope->theta, 10000.0);
  EXPECT_FALSE(config.tiedHead);
  EXPECT_EQ(config.head, HeadKind::CausalLm);
  EXPECT_EQ(config.bosIds, std::vector<int64_t>{1});
  EXPECT_EQ(config.eosIds, std::vector<int64_t>{2});
  EXPECT_EQ(config.padId, std::nullopt);
  EXPECT_EQ(config.windows, std::vector<int64_t>(32, 0));
}

TEST_F(ConfigTest, MistralSlidesUnlessItsWindowIsNull) {
  EXPECT_EQ(readFamily("mistral").windows, std::vector<int64_t>(32, 4096));
  EXPECT_EQ(readFamily("mistral", R"("sliding_window": null)").windows,
            std::vector<int64_t>(32, 0));
  EXPECT_EQ(readFamily("mistral").kvHeads, 8);
  EXPECT_EQ(readFamily("mistral", R"("num_key_value_heads": null)").kvHeads,
            32);
  EXPECT_EQ(readFamily("mistral").context, 131072);
}

TEST_F(ConfigTest, Qwen2SlidesOnlyWhereItIsTold) {
  TransformerConfig config = readFamily("qwen2");
  EXPECT_EQ(config.windows, std::vector<int64_t>(32, 0));
  EXPECT_TRUE(config.queryKeyValueBias);
  EXPECT_FALSE(config.outputBias);
  config = readFamily("qwen2", R"("num_hidden_layers": 4,
      "use_sliding_window": true, "sliding_window": 16,
      "max_window_layers": 3)");
  EXPECT_EQ(config.windows, (std::vector<int64_t>{0, 0, 0, 16}));
}

TEST_F(ConfigTest, Qwen3NormalisesHeadsOfTheirOwnSize) {
  TransformerConfig config = readFamily("qwen3");
  EXPECT_TRUE(config.queryKeyNorm);
  EXPECT_EQ(config.headSize, 128);
  EXPECT_FALSE(config.queryKeyValueBias);
}

TEST_F(ConfigTest, Gemma2SlidesOnEvenLayers) {
  TransformerConfig config = readFamily("gemma2", R"("num_hidden_layers": 3)");
  EXPECT_EQ(config.windows, (std::vector<int64_t>{4096, 0, 4096}));
  EXPECT_EQ(config.normPlace, NormPlace::Sandwich);
  EXPECT_EQ(config.normOffset, 1.0f);
  EXPECT_EQ(config.embeddingScale, 48.0f); // sqrt(2304)
  EXPECT_EQ(config.attentionScales[0], 0.0625f);
  EXPECT_EQ(config.attentionSoftcap, 50.0f);
  EXPECT_EQ(config.logitSoftcap, 30.0f);
  EXPECT_EQ(config.activation, MlpActivation::GeluTanh);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_EQ(readFamily("gemma2", R"("attn_logit_softcapping": null)")
                .attentionSoftcap,
            0.0f);
}

TEST_F(ConfigTest, Phi3CutsItsTensorsByRows) {
  TransformerConfig config =
      readFamily("phi3", R"("hidden_size": 48, "num_attention_heads": 6,
                            "num_key_value_heads": 2)");
  EXPECT_EQ(config.names.query.end, 48);
  EXPECT_EQ(config.names.key.begin, 48);
  EXPECT_EQ(config.names.value.begin, 64);
  EXPECT_EQ(config.names.value.end, 80);
  EXPECT_EQ(config.names.up.begin, 8192);
  EXPECT_EQ(config.normEpsilon, 1e-5f);
}

TEST_F(ConfigTest, Gpt2IsFourTimesAsWideInsideUnlessSaid) {
  TransformerConfig config = readFamily("gpt2", R"("n_inner": null)");
  EXPECT_EQ(config.intermediate, 4 * 768);
  EXPECT_EQ(config.eosIds, std::vector<int64_t>{50256});
  EXPECT_TRUE(config.tiedHead);
  EXPECT_TRUE(config.transposedWeights);
  EXPECT_EQ(readFamily("gpt2", R"("n_inner": 100)").intermediate, 100);
}

TEST_F(ConfigTest, Gpt2MayDivideScoresByTheLayersNumber) {
  TransformerConfig config = readFamily(
      "gpt2", R"("n_layer": 2, "scale_attn_by_inverse_layer_idx": true)");
  EXPECT_EQ(config.attentionScales, (std::vector<float>{0.125f, 0.0625f}));
  config = readFamily("gpt2", R"("scale_attn_weights": false)");
  EXPECT_EQ(config.attentionScales[11], 1.0f);
}

TEST_F(ConfigTest, BertHasTypesAndNoCausalMask) {
  TransformerConfig config = readFamily("bert");
  EXPECT_EQ(config.head, HeadKind::None);
  EXPECT_EQ(config.tokenTypes, 2);
  EXPECT_EQ(config.context, 512);
  EXPECT_FALSE(config.causal);
  EXPECT_EQ(config.normPlace, NormPlace::Post);
}

TEST_F(ConfigTest, RobertaPositionsBeginAfterThePadId) {
  TransformerConfig config =
      readFamily("roberta", R"("max_position_embeddings": 514)");
  EXPECT_EQ(config.positionOffset, 2);
  EXPECT_EQ(config.context, 512);
}

TEST_F(ConfigTest, DistilBertHasKeysOfItsOwn) {
  TransformerConfig config =
      readFamily("distilbert", R"("dim": 96, "n_heads": 3, "n_layers": 2,
                       "hidden_dim": 100, "activation": "relu")");
  EXPECT_EQ(config.hidden, 96);
  EXPECT_EQ(config.headSize, 32);
  EXPECT_EQ(config.layers, 2);
  EXPECT_EQ(config.intermediate, 100);
  EXPECT_EQ(config.activation, MlpActivation::Relu);
  EXPECT_EQ(config.tokenTypes, 0);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

TEST_F(ConfigTest, ReadsRopeInBothLayouts) {
  for (const char *fields :
       {R"("rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4})",
        R"("rope_theta": 500000, "rope_scaling":
            {"rope_type": "linear", "factor": 4.0})",
        R"("rope_parameters": {"rope_type": "linear", "factor": 4.0,
            "rope_theta": 500000.0})"}) {
    TransformerConfig config = readFamily("llama", fields);
    EXPECT_EQ(config.rope->kind, RopeKind::Linear) << fields;
    EXPECT_EQ(config.rope->theta, 500000.0) << fields;
    EXPECT_EQ(config.rope->factor, 4.0) << fields;
  }
}

TEST_F(ConfigTest, TakesTheTrainedLengthFromTheContextUnlessSaid) {
  TransformerConfig config = readFamily(
      "llama", R"("rope_scaling": {"rope_type": "yarn", "factor": 4})");
  EXPECT_EQ(config.rope->originalContext, 2048);
  config = readFamily("llama", R"("rope_scaling": {"rope_type": "yarn",
      "factor": 4, "original_max_position_embeddings": 512})");
  EXPECT_EQ(config.rope->originalContext, 512);
}

TEST_F(ConfigTest, TakesBothNamesOfOneKindOfRope) {
  EXPECT_EQ(readFamily("llama", R"("rope_scaling": {"type": "linear",
                                   "rope_type": "linear", "factor": 4})")
                .rope->kind,
            RopeKind::Linear);
  std::string ones = "[1";
  for (int i = 1; i < 48; ++i)
    ones += ", 1";
  ones += "]";
  EXPECT_EQ(readFamily("phi3", R"("rope_scaling": {"type": "su",
                                  "rope_type": "longrope", "short_factor": )" +
                                   ones + ", \"long_factor\": " + ones + "}")
                .rope->kind,
            RopeKind::LongRope);
}

TEST_F(ConfigTest, FindsTheHeadByTheClass) {
  auto head = [&](const char *family, const char *name) {
    return readFamily(family,
                      std::string("\"architectures\": [\"") + name + "\"]")
        .head;
  };
  EXPECT_EQ(head("bert", "BertModel"), HeadKind::None);
  EXPECT_EQ(head("bert", "BertForMaskedLM"), HeadKind::MaskedLm);
  EXPECT_EQ(head("bert", "BertForSequenceClassification"),
            HeadKind::SequenceClassification);
  EXPECT_EQ(head("roberta", "RobertaForTokenClassification"),
            HeadKind::TokenClassification);
  EXPECT_EQ(head("gpt2", "GPT2LMHeadModel"), HeadKind::CausalLm);
  EXPECT_EQ(head("llama", "LlamaModel"), HeadKind::None);
  EXPECT_EQ(head("llama", "LlamaForSequenceClassification"),
            HeadKind::SequenceClassification);
}

TEST_F(ConfigTest, FindsTheFamilyByTheClassWithoutModelType) {
  TransformerConfig config = read(R"({"architectures": ["Qwen2ForCausalLM"]})");
  EXPECT_EQ(config.family, "qwen2");
}

TEST_F(ConfigTest, ReadsSeveralEndsAndNone) {
  EXPECT_EQ(readFamily("llama", R"("eos_token_id": [2, 7])").eosIds,
            (std::vector<int64_t>{2, 7}));
  EXPECT_TRUE(readFamily("llama", R"("eos_token_id": null)").eosIds.empty());
  EXPECT_EQ(readFamily("llama", R"("pad_token_id": -1)").padId, std::nullopt);
}

TEST_F(ConfigTest, NotesFieldsThatNobodyKnows) {
  readFamily("llama", R"("frobnicate": 3, "attention_dropout": 0.1,
                         "quux": null, "empty": [], "off": false)");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0],
            "config.json: frobnicate: is not known and has no effect");
}

TEST_F(ConfigTest, ListsFamiliesByName) {
  std::string names;
  for (const Family &family : families())
    names += std::string(family.name) + " ";
  EXPECT_EQ(names, "bert distilbert gemma2 gpt2 llama mistral phi3 qwen2 qwen3 "
                   "roberta ");
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST_F(ConfigTest, RefusesEachFieldThatChangesTheModel) {
  struct Case {
    const char *family, *field;
  };
  for (const Case &c : std::initializer_list<Case>{
           {"llama", R"("quantization_config": {"bits": 4})"},
           {"llama", R"("compression_config": {"format": "int"})"},
           {"bert", R"("is_encoder_decoder": true)"},
           {"bert", R"("is_decoder": true)"},
           {"gpt2", R"("add_cross_attention": true)"},
           {"bert", R"("cross_attention_hidden_size": 4)"},
           {"bert", R"("pruned_heads": {"1": [0]})"},
           {"llama", R"("adapters": {"a": 1})"},
           {"qwen2", R"("num_experts": 8)"},
           {"mistral", R"("num_local_experts": 8)"},
           {"qwen3", R"("num_experts_per_tok": 8)"},
           {"llama", R"("n_routed_experts": 8)"},
           {"qwen3", R"("moe_intermediate_size": 8)"},
           {"llama", R"("alibi": true)"},
           {"gemma2", R"("use_bidirectional_attention": true)"},
           {"llama", R"("attention_sinks": 4)"},
           {"llama", R"("no_rope_layers": [1])"},
           {"llama", R"("attention_chunk_size": 8192)"},
           {"llama", R"("residual_scale": 0.5)"},
           {"llama", R"("residual_multiplier": 0.5)"},
           {"llama", R"("embedding_multiplier": 12)"},
           {"llama", R"("attention_multiplier": 0.1)"},
           {"llama", R"("logits_scaling": 8)"},
           {"llama", R"("logit_scale": 0.1)"},
           {"gpt2", R"("query_key_layer_scaling": true)"},
           {"llama", R"("vision_config": {"a": 1})"},
           {"llama", R"("text_config": {"a": 1})"},
           {"llama", R"("audio_config": {"a": 1})"},
           {"llama", R"("per_layer_config": {"a": 1})"},
           {"llama", R"("sub_configs": {"a": 1})"},
           {"llama", R"("sliding_window": 4096)"},
           {"mistral", R"("attention_bias": true)"},
           {"phi3", R"("mlp_bias": true)"},
           {"qwen2", R"("use_mrope": true)"},
       }) {
    std::string field(c.field);
    std::string key = field.substr(1, field.find('"', 1) - 1);
    expectUnsupported(c.family, c.field,
                      "config.json: " + key + ": is not supported");
  }
}

TEST_F(ConfigTest, RefusesFieldsOfOtherFamilies) {
  struct Case {
    const char *family, *field;
  };
  for (const Case &c : std::initializer_list<Case>{
           {"llama", R"("attn_logit_softcapping": 50.0)"},
           {"qwen2", R"("final_logit_softcapping": 30.0)"},
           {"mistral", R"("query_pre_attn_scalar": 256)"},
           {"bert", R"("rope_scaling": {"type": "linear", "factor": 2})"},
           {"bert", R"("rope_parameters": {"rope_theta": 2})"},
           {"gpt2", R"("rope_theta": 10000)"},
           {"gpt2", R"("partial_rotary_factor": 0.5)"},
           {"gpt2", R"("rotary_dim": 4)"},
           {"gpt2", R"("rotary_pct": 0.5)"},
           {"gpt2", R"("layer_types": ["sliding_attention"])"},
           {"bert", R"("sliding_window": 4)"},
           {"llama", R"("use_sliding_window": true)"},
           {"bert", R"("head_dim": 4)"},
           {"llama", R"("qk_norm": true)"},
           {"llama", R"("use_qk_norm": true)"},
           {"llama", R"("qk_layernorm": true)"},
           {"gpt2", R"("use_parallel_residual": true)"},
           {"gpt2", R"("parallel_attn": true)"},
           {"llama", R"("clip_qkv": 8)"},
           {"qwen3", R"("rope_local_base_freq": 10000)"},
           {"qwen2", R"("attention_bias": true)"},
           {"gemma2", R"("mlp_bias": true)"},
           {"llama", R"("use_bias": true)"},
           {"llama", R"("qkv_bias": true)"},
           {"llama", R"("bias": true)"},
           {"phi3", R"("lm_head_bias": true)"},
       }) {
    std::string field(c.field);
    std::string key = field.substr(1, field.find('"', 1) - 1);
    expectUnsupported(c.family, c.field,
                      "config.json: " + key +
                          ": is not supported in the "
                          "family " +
                          c.family);
  }
}

TEST_F(ConfigTest, RefusesWhatItsValueNames) {
  expectUnsupported("bert", R"("position_embedding_type": "relative_key")",
                    "position_embedding_type: \"relative_key\"");
  expectUnsupported("llama", R"("hidden_act": "relu2")",
                    "hidden_act: the function \"relu2\"");
  expectUnsupported("qwen2", R"("num_hidden_layers": 1,
                                "layer_types": ["linear_attention"])",
                    "layer_types: the kind \"linear_attention\" of layer 0");
  expectUnsupported("mistral", R"("num_hidden_layers": 2, "layer_types":
                                  ["full_attention", "sliding_attention"])",
                    "layer_types: layers of two kinds");
  expectUnsupported("llama", R"("rope_scaling": {"type": "proportional"})",
                    "rope_scaling.type: rope of kind \"proportional\"");
  expectUnsupported("llama", R"("partial_rotary_factor": 0.5)",
                    "partial_rotary_factor: is not supported");
  expectUnsupported("llama", R"("rope_parameters": {"full_attention":
                                {"rope_theta": 1e6}})",
                    "rope_parameters.full_attention: is not known");
  expectUnsupported("mixtral", "",
                    "model_type: \"mixtral\" is not supported "
                    "(families: bert, distilbert,");
  expectUnsupported("bert", R"("architectures": ["BertForPreTraining"])",
                    "architectures: \"BertForPreTraining\"");
  expectUnsupported("bert", R"("architectures": ["BertLMHeadModel"])",
                    "architectures: \"BertLMHeadModel\"");
  expectUnsupported("llama", R"("architectures": ["LlamaForMaskedLM"])",
                    "architectures: \"LlamaForMaskedLM\"");
  expectUnsupported("llama", R"("architectures": ["MistralForCausalLM"])",
                    "architectures: \"MistralForCausalLM\"");
}

TEST_F(ConfigTest, RejectsValuesThatMakeNoModel) {
  expectInvalid("llama", R"("hidden_size": -1)",
                "config.json: hidden_size: expected an integer from 1 to "
                "2147483648, got -1");
  expectInvalid("llama", R"("hidden_size": 0)", "hidden_size: expected");
  expectInvalid("llama", R"("hidden_size": 1e30)", "hidden_size");
  expectInvalid("llama", R"("hidden_size": "48")", "hidden_size");
  expectInvalid("llama", R"("vocab_size": 9223372036854775807)", "vocab_size");
  expectInvalid("llama", R"("num_hidden_layers": 5000)", "num_hidden_layers");
  expectInvalid("llama", R"("hidden_size": 50, "num_attention_heads": 4)",
                "num_attention_heads: 4 does not divide hidden_size, 50");
  expectInvalid("llama", R"("hidden_size": 2147483648,
                            "num_attention_heads": 2)",
                "hidden_size: 2147483648 gives heads of 1073741824 elements, "
                "more than 65536");
  expectInvalid("llama", R"("num_key_value_heads": 5)",
                "num_key_value_heads: 5 does not divide num_attention_heads");
  expectInvalid("bert", R"("num_attention_heads": 7)",
                "num_attention_heads: 7 does not divide hidden_size, 768");
  expectInvalid("llama", R"("head_dim": 1)", "head_dim: rope rotates pairs");
  expectInvalid("qwen3", R"("num_attention_heads": 2147483648,
                            "num_key_value_heads": 1)",
                "head_dim: 2147483648 heads of 128 elements are too many");
  expectInvalid("llama", R"("rms_norm_eps": 0)", "rms_norm_eps: expected");
  expectInvalid("llama", R"("rope_theta": -1)", "rope_theta: expected");
  expectInvalid("llama", R"("rope_scaling": [1])", "rope_scaling");
  expectInvalid("llama", R"("rope_scaling": {"type": "linear"})",
                "rope_scaling: factor: expected a number, there is none");
  expectInvalid("llama", R"("rope_scaling": {"type": "linear", "factor": 0})",
                "rope_scaling.factor: expected a number from");
  expectInvalid("llama", R"("rope_scaling": {"type": "llama3", "factor": 8,
                            "low_freq_factor": 4, "high_freq_factor": 1})",
                "rope_scaling.high_freq_factor: expected more");
  expectInvalid("llama", R"("rope_scaling": {"type": "linear", "factor": 2,
                            "rope_type": "dynamic"})",
                "rope_scaling.type: is \"linear\", but rope_type is "
                "\"dynamic\"");
  expectInvalid("phi3", R"("rope_scaling": {"type": "longrope",
                           "short_factor": [1], "long_factor": [1]})",
                "rope_scaling.short_factor: expected a list of 48 numbers");
  expectInvalid("gemma2", R"("sliding_window": null)", "sliding_window");
  expectInvalid("qwen2", R"("layer_types": ["full_attention"])",
                "layer_types: expected one for each of the 32 layers, got 1");
  expectInvalid("qwen2", R"("num_hidden_layers": 1,
                            "layer_types": ["sliding_attention"])",
                "layer_types: layer 0 slides, but there is no window");
  expectInvalid("roberta", R"("max_position_embeddings": 2)",
                "max_position_embeddings: 2 rows leave no position");
  expectInvalid("roberta", R"("pad_token_id": null)", "pad_token_id");
  expectInvalid("llama", R"("eos_token_id": "x")", "eos_token_id");
  expectInvalid("llama", R"("eos_token_id": [-1])", "eos_token_id[0]");
  expectInvalid("llama", R"("tie_word_embeddings": 1)", "tie_word_embeddings");
  expectError("[]", StatusCode::InvalidFile, "config.json: ");
  expectError("{}", StatusCode::InvalidFile, "config.json: model_type: ");
  expectError(R"({"model_type": 3})", StatusCode::InvalidFile, "model_type");
}

} // namespace
