//===- GgufConfigTest.cpp - Tests of frontend/models/GgufConfig.h ---------===//

#include "frontend/models/GgufConfig.h"

#include "tests/unit/formats/GgufBytes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

using namespace lathe;
using runtime::GgmlType;
using runtime::Gguf;
using runtime::GgufKind;
using runtime::Result;
using runtime::StatusCode;

namespace {

/// A llama in a file, whose values and tensors a test changes.
struct GgufConfigTest : testing::Test {
  GgufConfigTest() {
    text("general.architecture", "llama");
    integer("llama.context_length", 64);
    integer("llama.embedding_length", 32);
    integer("llama.block_count", 2);
    integer("llama.feed_forward_length", 48);
    integer("llama.attention.head_count", 4);
    number("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    tensors["token_embd.weight"] = {32, 10};
  }

  void text(const std::string &key, const std::string &value) {
    values[key] = GgufBytes().key(key, GgufKind::String).name(value).text;
  }
  void integer(const std::string &key, uint32_t value) {
    values[key] = GgufBytes().key(key, GgufKind::U32).add(value).text;
  }
  void number(const std::string &key, float value) {
    values[key] = GgufBytes().key(key, GgufKind::F32).add(value).text;
  }
  void flag(const std::string &key, bool value) {
    values[key] = GgufBytes().key(key, GgufKind::Bool).add(value).text;
  }
  void integers(const std::string &key, std::vector<int32_t> list) {
    GgufBytes bytes;
    bytes.key(key, GgufKind::Array).add(GgufKind::I32);
    bytes.add(uint64_t(list.size()));
    for (int32_t entry : list)
      bytes.add(entry);
    values[key] = bytes.text;
  }

  Result<TransformerConfig> tryRead() {
    GgufBytes head;
    head.add(uint32_t(0x46554747)).add(uint32_t(3));
    head.add(uint64_t(tensors.size())).add(uint64_t(values.size()));
    for (const auto &[key, value] : values)
      head.text += value;
    std::string data;
    for (const auto &[name, dims] : tensors) {
      head.tensor(name, dims, GgmlType::F32, data.size());
      size_t count = 1;
      for (int64_t dim : dims)
        count *= size_t(dim);
      for (size_t i = 0; i < count; ++i)
        data.append(reinterpret_cast<const char *>(&element), sizeof(element));
      data.resize((data.size() + 31) / 32 * 32);
    }
    head.text.resize((head.text.size() + 31) / 32 * 32);
    bytes = head.text + data;
    Result<Gguf> file =
        Gguf::parse(std::as_bytes(std::span(bytes.data(), bytes.size())), "f");
    EXPECT_TRUE(file.isOk()) << file.status().message();
    if (!file.isOk())
      return file.takeStatus();
    return readGgufConfig(*file, notes);
  }
  TransformerConfig read() {
    Result<TransformerConfig> config = tryRead();
    EXPECT_TRUE(config.isOk()) << config.status().message();
    return config.isOk() ? *config : TransformerConfig();
  }
  void expectFault(const std::string &message,
                   StatusCode code = StatusCode::InvalidFile) {
    Result<TransformerConfig> config = tryRead();
    ASSERT_FALSE(config.isOk()) << message;
    EXPECT_EQ(config.status().message(), "f: " + message);
    EXPECT_EQ(config.status().code(), code) << message;
  }
  void expectUnsupported(const std::string &message) {
    expectFault(message, StatusCode::Unsupported);
  }

  std::map<std::string, std::string> values;
  std::map<std::string, std::vector<int64_t>> tensors;
  float element = 2.0f; ///< Of every tensor.
  std::string bytes;
  std::vector<std::string> notes;
};

TEST_F(GgufConfigTest, ReadsALlama) {
  TransformerConfig config = read();
  EXPECT_EQ(config.family, "llama");
  EXPECT_EQ(config.vocabulary, 10);
  EXPECT_EQ(config.hidden, 32);
  EXPECT_EQ(config.layers, 2);
  EXPECT_EQ(config.intermediate, 48);
  EXPECT_EQ(config.heads, 4);
  EXPECT_EQ(config.kvHeads, 4);
  EXPECT_EQ(config.headSize, 8);
  EXPECT_EQ(config.context, 64);
  EXPECT_EQ(config.normEpsilon, 1e-5f);
  EXPECT_EQ(config.rope->theta, 10000.0);
  EXPECT_TRUE(config.interleavedHeads);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_FALSE(config.queryKeyValueBias);
  EXPECT_TRUE(notes.empty());
}

TEST_F(GgufConfigTest, ReadsHeadsIdsAndAHeadOfItsOwn) {
  integer("llama.attention.head_count_kv", 2);
  integer("llama.attention.key_length", 6);
  integer("llama.attention.value_length", 6);
  integer("tokenizer.ggml.bos_token_id", 1);
  integer("tokenizer.ggml.eos_token_id", 2);
  integer("tokenizer.ggml.eot_token_id", 3);
  tensors["output.weight"] = {32, 10};
  tensors["blk.0.attn_q.bias"] = {24};
  TransformerConfig config = read();
  EXPECT_EQ(config.kvHeads, 2);
  EXPECT_EQ(config.headSize, 6);
  EXPECT_EQ(config.bosIds, std::vector<int64_t>{1});
  EXPECT_EQ(config.eosIds, (std::vector<int64_t>{2, 3}));
  EXPECT_FALSE(config.tiedHead);
  EXPECT_TRUE(config.queryKeyValueBias);
}

TEST_F(GgufConfigTest, ReadsTheKindsOfRope) {
  number("llama.rope.freq_base", 5e5f);
  text("llama.rope.scaling.type", "linear");
  number("llama.rope.scaling.factor", 4.0f);
  TransformerConfig config = read();
  EXPECT_EQ(config.rope->theta, 5e5);
  EXPECT_EQ(config.rope->kind, RopeKind::Linear);
  EXPECT_EQ(config.rope->factor, 4.0);

  text("llama.rope.scaling.type", "yarn");
  integer("llama.rope.scaling.original_context_length", 16);
  config = read();
  EXPECT_EQ(config.rope->kind, RopeKind::Yarn);
  EXPECT_EQ(config.rope->originalContext, 16);
  EXPECT_DOUBLE_EQ(*config.rope->attentionFactor, 0.1 * std::log(4.0) + 1.0);

  text("llama.rope.scaling.type", "longrope");
  expectUnsupported(
      "llama.rope.scaling.type: rope of kind \"longrope\" is not supported");
}

TEST_F(GgufConfigTest, ReadsTheFactorsOfRope) {
  tensors["rope_freqs.weight"] = {4};
  EXPECT_EQ(read().rope->divisors, (std::vector<double>{2, 2, 2, 2}));
  tensors["rope_freqs.weight"] = {5};
  expectFault(
      "rope_freqs.weight: expected an F32 for each of the 4 pairs of a head");
  tensors["rope_freqs.weight"] = {4};
  element = 0.0f;
  expectFault("rope_freqs.weight: element 0 is no number above 0 and below "
              "1e30");
}

TEST_F(GgufConfigTest, ReadsCountsOfEachLayer) {
  integers("llama.attention.head_count_kv", {2, 2});
  EXPECT_EQ(read().kvHeads, 2);
  integers("llama.attention.head_count_kv", {2, 4});
  expectUnsupported("llama.attention.head_count_kv: layers of different sizes "
                    "are not supported");
  integers("llama.attention.head_count_kv", {2});
  expectFault("llama.attention.head_count_kv: expected one for each of the 2 "
              "layers, got 1");
  integers("llama.attention.head_count_kv", {-2, -2});
  expectFault("llama.attention.head_count_kv: expected from 1 to 2147483648, "
              "got -2");
}

TEST_F(GgufConfigTest, RefusesOtherArchitectures) {
  text("general.architecture", "mamba");
  expectUnsupported("general.architecture: \"mamba\" is not supported (llama, "
                    "qwen2 and qwen3 are)");
  values.erase("general.architecture");
  expectFault("general.architecture: is missing");
}

TEST_F(GgufConfigTest, RefusesMissingKeys) {
  for (const char *key :
       {"llama.context_length", "llama.embedding_length", "llama.block_count",
        "llama.feed_forward_length", "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon"}) {
    std::string kept = values[key];
    values.erase(key);
    expectFault(std::string(key) + ": is missing");
    values[key] = kept;
  }
}

TEST_F(GgufConfigTest, RefusesValuesOutOfRange) {
  integer("llama.block_count", 0);
  expectFault("llama.block_count: expected from 1 to 4096, got 0");
  integer("llama.block_count", 4097);
  expectFault("llama.block_count: expected from 1 to 4096, got 4097");
  integer("llama.block_count", 2);
  number("llama.attention.layer_norm_rms_epsilon", NAN);
  EXPECT_EQ(tryRead().status().code(), StatusCode::InvalidFile);
  number("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  integer("llama.attention.head_count", 5);
  expectFault("llama.attention.head_count: 5 does not divide the "
              "embedding_length, 32");
  integer("llama.attention.head_count", 4);
  integer("llama.attention.head_count_kv", 3);
  expectFault("llama.attention.head_count_kv: 3 does not divide "
              "llama.attention.head_count, 4");
  integer("llama.attention.head_count_kv", 4);
  integer("tokenizer.ggml.bos_token_id", 10);
  expectFault("tokenizer.ggml.bos_token_id: expected from 0 to 9, got 10");
}

TEST_F(GgufConfigTest, RefusesAVocabularyPastTheTable) {
  integer("llama.vocab_size", 10);
  EXPECT_EQ(read().vocabulary, 10);
  integer("llama.vocab_size", 11);
  expectFault("llama.vocab_size: 11 is more than the rows of "
              "token_embd.weight, 10");
  tensors["token_embd.weight"] = {320};
  expectFault("token_embd.weight: expected a matrix");
}

TEST_F(GgufConfigTest, RefusesWhatIsNotDone) {
  integer("llama.expert_count", 8);
  expectUnsupported("llama.expert_count: 8 is not supported");
  integer("llama.expert_count", 0);
  integer("llama.attention.sliding_window", 16);
  expectUnsupported("llama.attention.sliding_window: 16 is not supported");
  integer("llama.attention.sliding_window", 0);
  flag("llama.attention.causal", false);
  expectUnsupported("llama.attention.causal: 0 is not supported");
  flag("llama.attention.causal", true);
  integer("llama.rope.dimension_count", 4);
  expectUnsupported("llama.rope.dimension_count: 4 of the 8 elements of a "
                    "head are not supported");
  integer("llama.rope.dimension_count", 8);
  integer("split.count", 2);
  expectUnsupported("split.count: 2 is not supported");
  integer("split.count", 1);
  EXPECT_EQ(read().heads, 4);
}

TEST_F(GgufConfigTest, RefusesUnknownKeysOfTheArchitecture) {
  number("llama.logit_scale", 2.0f);
  expectUnsupported("llama.logit_scale: is not known for this architecture");
}

TEST_F(GgufConfigTest, NotesKeysOfOthers) {
  text("general.name", "x");
  text("mine.a", "x");
  text("mine.b", "x");
  read();
  EXPECT_EQ(notes, std::vector<std::string>{
                       "f: mine.a: is not known and has no effect, nor 1 "
                       "other keys"});
}

} // namespace
