//===- GeneratorTextTest.cpp - Text and stop strings of a generator -------===//
//
// The fake decoder of ArtifactBuilder with a tokenizer of 16 letters.
//
//===----------------------------------------------------------------------===//

#include "runtime/Generator.h"
#include "tests/unit/runtime/ArtifactBuilder.h"
#include "tests/unit/runtime/LetterTokenizer.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;
using lathe::testing::expectedNext;
using lathe::testing::letterTables;

namespace {

class GeneratorTextTest : public ::testing::Test {
protected:
  void SetUp() override {
    ArtifactBuilder builder = ArtifactBuilder::create();
    builder.tokenizer = letterTables();
    builder.program.tokenizer = 3;
    bytes = builder.build();
    Result<std::shared_ptr<const Artifact>> artifact =
        Artifact::openMemory(bytes.span(), "t");
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    Result<std::shared_ptr<const Model>> model = Model::create(*artifact);
    ASSERT_TRUE(model.isOk()) << model.status().message();
    context = std::move(*Context::create(*model));
    generator = std::move(*Generator::create(*context));

    std::vector<int32_t> ids = {1, 2, 3};
    for (int i = 0; i < 12; ++i) {
      ids.push_back(expectedNext(ids));
      expected += char('a' + ids.back());
    }
  }

  /// The text with these stop strings; `finish` and `tokens` say how it ended.
  std::string run(std::vector<std::string> stops) {
    GenerationRequest request;
    request.prompt = {1, 2, 3};
    request.maxTokens = 12;
    request.ignoreEos = true;
    request.stopStrings = std::move(stops);
    EXPECT_TRUE(generator->add(std::move(request)).isOk());
    std::string text;
    tokens = 0;
    while (generator->active() > 0) {
      Result<std::span<const GeneratedToken>> step = generator->step();
      for (const GeneratedToken &token : *step) {
        text += token.text;
        finish = token.finish;
        ++tokens;
      }
    }
    return text;
  }

  MappedMemory bytes;
  std::unique_ptr<Context> context;
  std::unique_ptr<Generator> generator;
  std::string expected; ///< All 12 letters.
  Finish finish = Finish::Running;
  size_t tokens = 0;
};

TEST_F(GeneratorTextTest, WritesTheTextOfTheIds) {
  EXPECT_EQ(run({}), expected);
  EXPECT_EQ(finish, Finish::Length);
}

TEST_F(GeneratorTextTest, EndsBeforeAStopStringOverSeveralTokens) {
  std::string stop = expected.substr(5, 3);
  size_t place = expected.find(stop);
  EXPECT_EQ(run({"zz", stop}), expected.substr(0, place));
  EXPECT_EQ(finish, Finish::StopString);
  EXPECT_EQ(tokens, place + stop.size());
}

TEST_F(GeneratorTextTest, GivesBackWhatOnlyBeganAStopString) {
  EXPECT_EQ(run({expected.substr(3, 2) + "z", expected.substr(11) + "z"}),
            expected);
  EXPECT_EQ(finish, Finish::Length);
}

TEST_F(GeneratorTextTest, TakesTheFirstOfSeveralStopStrings) {
  std::string late = expected.substr(6, 2), early = expected.substr(4, 3);
  size_t place = std::min(expected.find(late), expected.find(early));
  EXPECT_EQ(run({late, early}), expected.substr(0, place));
}

TEST_F(GeneratorTextTest, LeavesOutEmptyStopStrings) {
  EXPECT_EQ(run({""}), expected);
}

} // namespace
