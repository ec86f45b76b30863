//===- ModelSamplingTest.cpp - Tests of runtime/tools/ModelSampling.h -----===//

#include "runtime/tools/ModelSampling.h"

#include <gtest/gtest.h>

using namespace lathe::runtime;
using namespace lathe::tools;

namespace {

using Strings = std::vector<std::string>;

Result<ModelSampling> read(const std::string &fields) {
  return readModelSampling("{" + fields + "}", "m");
}

/// The sampling of a text that is good.
ModelSampling good(const std::string &fields) {
  Result<ModelSampling> sampling = read(fields);
  EXPECT_TRUE(sampling.isOk()) << fields << ": " << sampling.status().message();
  return sampling.isOk() ? std::move(*sampling) : ModelSampling();
}

/// Expects a failure that begins with the field's name.
void expectFails(const std::string &fields, StatusCode code,
                 const std::string &name) {
  Result<ModelSampling> sampling = read(fields);
  ASSERT_FALSE(sampling.isOk()) << fields;
  EXPECT_EQ(sampling.status().code(), code) << fields;
  EXPECT_TRUE(sampling.status().message().starts_with("m: " + name + ": "))
      << sampling.status().message();
}

TEST(ModelSamplingTest, AModelThatSaysNothingIsGreedy) {
  ModelSampling sampling = good("");
  EXPECT_EQ(sampling.temperature, 0);
  EXPECT_EQ(sampling.topK, 0);
  EXPECT_EQ(sampling.topP, 0);
  EXPECT_EQ(sampling.minP, 0);
  EXPECT_EQ(sampling.repetitionPenalty, 1);
  EXPECT_TRUE(sampling.stops.empty());
}

TEST(ModelSamplingTest, AModelThatSamplesHasTheFormatsDefaults) {
  for (std::string fields :
       {R"("do_sample": true)",
        R"("do_sample": true, "temperature": null, "top_k": null)"}) {
    ModelSampling sampling = good(fields);
    EXPECT_EQ(sampling.temperature, 1);
    EXPECT_EQ(sampling.topK, 50);
    EXPECT_EQ(sampling.topP, 1);
    EXPECT_EQ(sampling.minP, 0);
  }
}

TEST(ModelSamplingTest, TakesWhatTheModelSays) {
  ModelSampling sampling = good(
      R"("do_sample": true, "temperature": 0.5, "top_k": 20, "top_p": 0.75,
         "min_p": 0.125, "repetition_penalty": 1.25)");
  EXPECT_EQ(sampling.temperature, 0.5f);
  EXPECT_EQ(sampling.topK, 20);
  EXPECT_EQ(sampling.topP, 0.75f);
  EXPECT_EQ(sampling.minP, 0.125f);
  EXPECT_EQ(sampling.repetitionPenalty, 1.25f);
}

TEST(ModelSamplingTest, GreedyKeepsThePenaltyAndNoneOfTheSampling) {
  ModelSampling sampling =
      good(R"("do_sample": false, "temperature": 0.5, "top_k": 20,
              "repetition_penalty": 1.25, "stop_strings": "end")");
  EXPECT_EQ(sampling.temperature, 0);
  EXPECT_EQ(sampling.topK, 0);
  EXPECT_EQ(sampling.repetitionPenalty, 1.25f);
  EXPECT_EQ(sampling.stops, Strings{"end"});
}

TEST(ModelSamplingTest, StopStringsAreOneOrAList) {
  EXPECT_EQ(good(R"("stop_strings": "a")").stops, Strings{"a"});
  EXPECT_EQ(good(R"("stop_strings": ["a", "b"])").stops, (Strings{"a", "b"}));
  EXPECT_TRUE(good(R"("stop_strings": [])").stops.empty());
  EXPECT_TRUE(good(R"("stop_strings": null)").stops.empty());
  expectFails(R"("stop_strings": 3)", StatusCode::InvalidFile, "stop_strings");
  expectFails(R"("stop_strings": ["a", ""])", StatusCode::InvalidFile,
              "stop_strings[1]");
  expectFails(R"("stop_strings": ["a\u0000b"])", StatusCode::InvalidFile,
              "stop_strings[0]");
}

TEST(ModelSamplingTest, RefusesByNameWhatItDoesNotDo) {
  for (const char *field :
       {"encoder_no_repeat_ngram_size", "encoder_repetition_penalty",
        "guidance_scale", "min_length", "min_new_tokens",
        "no_repeat_ngram_size", "num_beam_groups", "num_beams",
        "num_return_sequences", "penalty_alpha", "forced_bos_token_id",
        "forced_eos_token_id", "max_time"})
    expectFails("\"" + std::string(field) + "\": 3", StatusCode::Unsupported,
                field);
  for (const char *field :
       {"bad_words_ids", "begin_suppress_tokens", "constraints",
        "exponential_decay_length_penalty", "force_words_ids",
        "forced_decoder_ids", "sequence_bias", "suppress_tokens"})
    expectFails("\"" + std::string(field) + "\": [[3, 4]]",
                StatusCode::Unsupported, field);
  for (const char *field : {"remove_invalid_values", "token_healing"})
    expectFails("\"" + std::string(field) + "\": true", StatusCode::Unsupported,
                field);
  expectFails(R"("dola_layers": "low")", StatusCode::Unsupported,
              "dola_layers");
  expectFails(R"("watermarking_config": {"bias": 2})", StatusCode::Unsupported,
              "watermarking_config");
}

TEST(ModelSamplingTest, WhatShapesDrawsIsRefusedWhereTheModelDraws) {
  for (const char *field :
       {"epsilon_cutoff", "eta_cutoff", "top_h", "typical_p"}) {
    std::string text = "\"" + std::string(field) + "\": 0.5";
    expectFails(text + ", \"do_sample\": true", StatusCode::Unsupported, field);
    good(text);
    good(text + ", \"do_sample\": false");
  }
}

TEST(ModelSamplingTest, ANeutralValueAsksForNothing) {
  ModelSampling sampling =
      good(R"("do_sample": true, "typical_p": 1.0, "epsilon_cutoff": 0.0,
      "eta_cutoff": 0, "no_repeat_ngram_size": 0, "min_new_tokens": null,
      "min_length": 0, "num_beams": 1, "num_return_sequences": 1,
      "guidance_scale": 1.0, "bad_words_ids": null, "suppress_tokens": [],
      "sequence_bias": {}, "remove_invalid_values": false,
      "encoder_repetition_penalty": 1, "penalty_alpha": 0)");
  EXPECT_TRUE(sampling.unknown.empty());
}

TEST(ModelSamplingTest, PassesOverLengthsAndSpeed) {
  ModelSampling sampling =
      good(R"("max_length": 4096, "max_new_tokens": 7, "use_cache": true,
      "transformers_version": "4.40.0", "_from_model_config": true,
      "eos_token_id": [1, 2], "cache_implementation": "hybrid")");
  EXPECT_TRUE(sampling.unknown.empty());
}

TEST(ModelSamplingTest, NamesWhatNobodyKnows) {
  EXPECT_EQ(good(R"("b_field": 1, "do_sample": true, "a_field": [])").unknown,
            (Strings{"b_field", "a_field"}));
}

TEST(ModelSamplingTest, RefusesNumbersOutOfTheirRange) {
  for (auto [field, value] :
       std::initializer_list<std::pair<const char *, const char *>>{
           {"temperature", "0"},
           {"temperature", "-1"},
           {"temperature", "1e7"},
           {"temperature", "1e-60"},
           {"temperature", "\"hot\""},
           {"top_k", "-1"},
           {"top_k", "1073741825"},
           {"top_k", "0.5"},
           {"top_p", "0"},
           {"top_p", "1.5"},
           {"min_p", "-0.5"},
           {"min_p", "1.5"},
           {"repetition_penalty", "0"},
           {"do_sample", "1"}})
    expectFails(
        "\"" + std::string(field) + "\": " + value +
            (std::string(field) == "do_sample" ? "" : ", \"do_sample\": true"),
        StatusCode::InvalidFile, field);
  EXPECT_EQ(good(R"("do_sample": true, "top_k": 0)").topK, 0);
  EXPECT_EQ(good(R"("do_sample": true, "top_k": 1073741824)").topK, 1 << 30);
  EXPECT_EQ(good(R"("do_sample": true, "temperature": 1e6)").temperature, 1e6f);
  EXPECT_EQ(good(R"("do_sample": true, "top_p": 1)").topP, 1);
  EXPECT_EQ(good(R"("do_sample": true, "min_p": 1)").minP, 1);
}

TEST(ModelSamplingTest, RefusesBrokenText) {
  Result<ModelSampling> list = readModelSampling("[]", "m");
  ASSERT_FALSE(list.isOk());
  EXPECT_EQ(list.status().code(), StatusCode::InvalidFile);
  Result<ModelSampling> cut = readModelSampling("{\"do_sample\":", "m");
  ASSERT_FALSE(cut.isOk());
  EXPECT_EQ(cut.status().code(), StatusCode::InvalidFile);
}

} // namespace
