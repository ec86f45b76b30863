//===- GeneratorTest.cpp - Tests of runtime/Generator.h -------------------===//
//
// On the fake decoder of ArtifactBuilder, whose next id depends on every token
// of the sequence and its position: a wrong page, position or slot shows.
//
//===----------------------------------------------------------------------===//

#include "runtime/Generator.h"

#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <map>

using namespace lathe;
using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;
using lathe::testing::expectedNext;

namespace {

class GeneratorTest : public ::testing::Test {
protected:
  void SetUp() override { load(ArtifactBuilder::create()); }

  void load(const ArtifactBuilder &builder) {
    bytes = builder.build();
    Result<std::shared_ptr<const Artifact>> artifact =
        Artifact::openMemory(bytes.span(), "test.lathe");
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    model = *Model::create(*artifact);
    make(/*slots=*/4, /*context=*/32);
  }

  void make(int64_t slots, int64_t positions) {
    ContextOptions options;
    options.slots = slots;
    options.context = positions;
    options.threads = 1;
    generator.reset();
    context = std::move(*Context::create(model, options));
    generator = std::move(*Generator::create(*context));
  }

  /// Runs to the end; the ids of each sequence.
  std::map<int64_t, std::vector<int32_t>> run() {
    std::map<int64_t, std::vector<int32_t>> ids;
    while (generator->active() > 0) {
      Result<std::span<const GeneratedToken>> tokens = generator->step();
      EXPECT_TRUE(tokens.isOk()) << tokens.status().message();
      if (!tokens.isOk())
        break;
      for (const GeneratedToken &token : *tokens) {
        ids[token.sequence].push_back(token.id);
        finish[token.sequence] = token.finish;
      }
    }
    return ids;
  }

  static GenerationRequest request(std::vector<int32_t> prompt,
                                   int64_t maxTokens) {
    GenerationRequest result;
    result.prompt = std::move(prompt);
    result.maxTokens = maxTokens;
    result.ignoreEos = true;
    return result;
  }

  /// What the fake decoder writes after \p ids.
  static std::vector<int32_t> expected(std::vector<int32_t> ids,
                                       int64_t count) {
    std::vector<int32_t> written;
    for (int64_t i = 0; i < count; ++i) {
      written.push_back(expectedNext(ids));
      ids.push_back(written.back());
    }
    return written;
  }

  MappedMemory bytes;
  std::shared_ptr<const Model> model;
  std::unique_ptr<Context> context;
  std::unique_ptr<Generator> generator;
  std::map<int64_t, Finish> finish;
};

TEST_F(GeneratorTest, WritesWhatTheModelSays) {
  int64_t sequence = *generator->add(request({1, 2, 3}, 10));
  EXPECT_EQ(run()[sequence], expected({1, 2, 3}, 10));
  EXPECT_EQ(finish[sequence], Finish::Length);
  EXPECT_EQ(generator->stats().promptTokens, 3u);
  EXPECT_EQ(generator->stats().newTokens, 10u);
  EXPECT_EQ(generator->stats().decodeTokens, 9u);
}

TEST_F(GeneratorTest, MixesPromptsAndSingleTokens) {
  std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3, 4, 5, 6}, {7, 7, 7}};
  std::map<int64_t, std::vector<int32_t>> ids;
  for (const std::vector<int32_t> &prompt : prompts) {
    ASSERT_TRUE(generator->add(request(prompt, 8)).isOk());
    Result<std::span<const GeneratedToken>> tokens = generator->step();
    for (const GeneratedToken &token : *tokens)
      ids[token.sequence].push_back(token.id);
  }
  for (auto &[sequence, more] : run())
    ids[sequence].insert(ids[sequence].end(), more.begin(), more.end());
  for (size_t i = 0; i < prompts.size(); ++i)
    EXPECT_EQ(ids[static_cast<int64_t>(i)], expected(prompts[i], 8));
}

TEST_F(GeneratorTest, SamplingWithoutTemperatureEqualsGreedy) {
  GenerationRequest sampled = request({1, 2, 3}, 10);
  sampled.sampling.repetitionPenalty = 1;
  ASSERT_TRUE(generator->add(std::move(sampled)).isOk());
  // Another sequence that samples makes the call use `step` for both.
  GenerationRequest warm = request({4}, 10);
  warm.sampling.temperature = 1;
  ASSERT_TRUE(generator->add(std::move(warm)).isOk());
  EXPECT_EQ(run()[0], expected({1, 2, 3}, 10));
}

TEST_F(GeneratorTest, SplitsPromptsThatDoNotFitIntoACall) {
  // A call takes 8 tokens here, so the prompt needs four.
  ArtifactBuilder builder = ArtifactBuilder::create();
  builder.program.symbols[lathe::testing::kTokens]->maximum = 8;
  load(builder);
  std::vector<int32_t> prompt;
  for (int32_t i = 0; i < 25; ++i)
    prompt.push_back(i % 16);
  ASSERT_TRUE(generator->add(request({5}, 6)).isOk());
  ASSERT_TRUE(generator->add(request(prompt, 5)).isOk());
  auto ids = run();
  EXPECT_EQ(ids[0], expected({5}, 6));
  EXPECT_EQ(ids[1], expected(prompt, 5));
}

TEST_F(GeneratorTest, TakesTurnsWhereNotAllFitIntoACall) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  builder.program.symbols[lathe::testing::kTokens]->maximum = 2;
  load(builder);
  for (int32_t id = 1; id <= 4; ++id)
    ASSERT_TRUE(generator->add(request({id}, 6)).isOk());
  auto ids = run();
  for (int32_t id = 1; id <= 4; ++id)
    EXPECT_EQ(ids[id - 1], expected({id}, 6));
}

TEST_F(GeneratorTest, UsesSlotsAndPagesAgain) {
  make(/*slots=*/2, /*context=*/16);
  for (int round = 0; round < 5; ++round) {
    int32_t id = round + 1;
    ASSERT_TRUE(generator->add(request({id}, 16)).isOk());
    ASSERT_TRUE(generator->add(request({id, id}, 3)).isOk());
    auto ids = run();
    EXPECT_EQ(ids[2 * round], expected({id}, 16));
    EXPECT_EQ(ids[2 * round + 1], expected({id, id}, 3));
  }
}

TEST_F(GeneratorTest, SaysWhenNoSlotIsFree) {
  make(/*slots=*/1, /*context=*/32);
  ASSERT_TRUE(generator->add(request({1}, 4)).isOk());
  EXPECT_EQ(generator->add(request({1}, 4)).status().code(),
            StatusCode::ResourceExhausted);
  run();
  EXPECT_TRUE(generator->add(request({1}, 4)).isOk());
}

TEST_F(GeneratorTest, RefusesWhatDoesNotFitTheContext) {
  make(/*slots=*/1, /*context=*/10);
  EXPECT_EQ(generator->add(request({1, 2, 3}, 9)).status().message(),
            "max_tokens: a prompt of 3 and 9 new tokens need 11 positions, the "
            "context holds 10");
  EXPECT_EQ(generator->add(request(std::vector<int32_t>(11, 1), 1))
                .status()
                .message(),
            "prompt: has 11 tokens, the context holds 10");
  ASSERT_TRUE(generator->add(request({1, 2, 3}, 8)).isOk());
  EXPECT_EQ(run()[0], expected({1, 2, 3}, 8));
  ASSERT_TRUE(generator->add(request({1, 2, 3}, 0)).isOk());
  EXPECT_EQ(run()[1], expected({1, 2, 3}, 8));
}

TEST_F(GeneratorTest, RefusesBadPrompts) {
  EXPECT_EQ(generator->add(request({}, 1)).status().message(),
            "prompt: is empty, at least one token is needed");
  EXPECT_EQ(generator->add(request({16}, 1)).status().message(),
            "prompt: holds id 16, the vocabulary has 16");
  EXPECT_FALSE(generator->add(request({-1}, 1)).isOk());
  EXPECT_FALSE(generator->add(request({1}, -1)).isOk());
}

TEST_F(GeneratorTest, StopsAtStopIds) {
  std::vector<int32_t> all = expected({1, 2, 3}, 10);
  GenerationRequest stopping = request({1, 2, 3}, 10);
  stopping.stopIds = {all[4]};
  size_t length = static_cast<size_t>(
                      std::find(all.begin(), all.end(), all[4]) - all.begin()) +
                  1;
  ASSERT_TRUE(generator->add(std::move(stopping)).isOk());
  EXPECT_EQ(run()[0].size(), length);
  EXPECT_EQ(finish[0], Finish::StopId);
}

TEST_F(GeneratorTest, RemovesASequence) {
  int64_t first = *generator->add(request({1}, 20));
  int64_t second = *generator->add(request({2}, 6));
  ASSERT_TRUE(generator->step().isOk());
  ASSERT_TRUE(generator->remove(first).isOk());
  EXPECT_EQ(generator->remove(first).code(), StatusCode::NotFound);
  std::vector<int32_t> rest = expected({2}, 6);
  rest.erase(rest.begin());
  auto ids = run();
  EXPECT_EQ(ids[second], rest);
  EXPECT_EQ(ids.count(first), 0u);
}

TEST_F(GeneratorTest, RefusesAModelWithoutSteps) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  builder.program.entries.resize(4);
  bytes = builder.build();
  model = *Model::create(*Artifact::openMemory(bytes.span(), "test.lathe"));
  std::unique_ptr<Context> plain = std::move(*Context::create(model));
  EXPECT_EQ(Generator::create(*plain).status().message(),
            "test.lathe: has no entry 'step': it cannot generate");
}

} // namespace
