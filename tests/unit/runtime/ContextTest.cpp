//===- ContextTest.cpp - Tests of runtime/Context.h and Executor.h --------===//

#include "runtime/Context.h"

#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

using namespace lathe;
using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;

namespace {

enum Entry : size_t { kScale, kFill, kTable, kFail, kStep, kStepGreedy };

class ContextTest : public ::testing::Test {
protected:
  void SetUp() override { open(ArtifactBuilder::create()); }

  void open(const ArtifactBuilder &builder) {
    context.reset();
    model.reset();
    bytes = builder.build();
    Result<std::shared_ptr<const Artifact>> artifact =
        Artifact::openMemory(bytes.span(), "test.lathe");
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    Result<std::shared_ptr<const Model>> made = Model::create(*artifact);
    ASSERT_TRUE(made.isOk()) << made.status().message();
    model = *made;
    context = create({});
  }

  std::unique_ptr<Context> create(const ContextOptions &options) {
    Result<std::unique_ptr<Context>> made = Context::create(model, options);
    EXPECT_TRUE(made.isOk()) << made.status().message();
    return std::move(*made);
  }

  Status scale(Context &target, std::vector<float> x) {
    int64_t dims[] = {static_cast<int64_t>(x.size() / 4), 4};
    LATHE_RETURN_IF_ERROR(target.setInput(kScale, 0, x.data(), dims));
    return target.call(kScale);
  }

  std::vector<float> floats(Context &target, size_t entry) {
    TensorView view = *target.output(entry, 0);
    const float *data = reinterpret_cast<const float *>(view.data);
    return {data, data + view.bytes / sizeof(float)};
  }

  MappedMemory bytes;
  std::shared_ptr<const Model> model;
  std::unique_ptr<Context> context;
};

TEST_F(ContextTest, RunsLaunchesAndCopies) {
  ASSERT_TRUE(scale(*context, {1, 1, 1, 1, 2, 2, 2, 2}).isOk());
  EXPECT_EQ(floats(*context, kScale),
            (std::vector<float>{1, 2, 3, 4, 2, 4, 6, 8}));
  TensorView view = *context->output(kScale, 0);
  EXPECT_EQ(view.dims[0], 2);
  EXPECT_EQ(view.dims[1], 4);
  EXPECT_STREQ(view.name, "y");
}

TEST_F(ContextTest, TakesTheVariantOfTheRange) {
  ASSERT_TRUE(scale(*context, std::vector<float>(8 * 4, 1)).isOk());
  EXPECT_EQ(floats(*context, kScale)[0], 1);
  ASSERT_TRUE(scale(*context, std::vector<float>(9 * 4, 1)).isOk());
  EXPECT_EQ(floats(*context, kScale)[0], 1001);
}

TEST_F(ContextTest, SkipsALaunchUpToItsBound) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  // The one that makes what is copied to the result.
  builder.entry("scale").commands[0]->action.AsLaunch()->skipped_to = 4;
  open(builder);
  ASSERT_TRUE(scale(*context, std::vector<float>(5 * 4, 1)).isOk());
  EXPECT_EQ(floats(*context, kScale)[1], 2);
  ASSERT_TRUE(scale(*context, std::vector<float>(4 * 4, 100)).isOk());
  EXPECT_EQ(floats(*context, kScale)[1], 2);
}

TEST_F(ContextTest, GivesEachLaunchANumberOfItsOwn) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  builder.kernel("scale").name = "once";
  open(builder);
  for (uint32_t threads : {1u, 3u}) {
    ContextOptions options;
    options.threads = threads;
    std::unique_ptr<Context> own = create(options);
    for (int call = 0; call < 3; ++call) {
      ASSERT_TRUE(scale(*own, std::vector<float>(8 * 4, 1)).isOk());
      std::vector<float> firsts = floats(*own, kScale);
      float count = std::accumulate(firsts.begin(), firsts.end(), 0.0f);
      EXPECT_GE(count, 1);
      EXPECT_LE(count, float(threads));
    }
  }
}

TEST_F(ContextTest, FillsWithAByte) {
  ASSERT_TRUE(context->call(kFill).isOk());
  TensorView view = *context->output(kFill, 0);
  EXPECT_EQ(std::vector<std::byte>(view.data, view.data + view.bytes),
            std::vector<std::byte>(8, std::byte(5)));
}

TEST_F(ContextTest, RunsRelocatedCode) {
  ASSERT_TRUE(context->call(kTable).isOk());
  const int32_t *z =
      reinterpret_cast<const int32_t *>(context->output(kTable, 0)->data);
  EXPECT_EQ(z[0], 7);
  EXPECT_EQ(z[1], 8);
}

TEST_F(ContextTest, ReportsAKernelThatFails) {
  Status status = context->call(kFail);
  EXPECT_EQ(status.code(), StatusCode::DeviceError);
  EXPECT_EQ(status.message(), "test.lathe: entry 'fail': command 0 ('z'): "
                              "failed with code 7");
}

TEST_F(ContextTest, KeepsStatesFromCallToCall) {
  ASSERT_TRUE(scale(*context, std::vector<float>(4)).isOk());
  ASSERT_TRUE(scale(*context, std::vector<float>(12)).isOk());
  EXPECT_EQ(*reinterpret_cast<int32_t *>(context->state(0).data), 4);
  context->reset();
  EXPECT_EQ(*reinterpret_cast<int32_t *>(context->state(0).data), 0);
}

TEST_F(ContextTest, ContextsShareAModelAndNoStates) {
  std::unique_ptr<Context> other = create({});
  ASSERT_TRUE(scale(*context, std::vector<float>(4)).isOk());
  EXPECT_EQ(*reinterpret_cast<int32_t *>(other->state(0).data), 0);
}

TEST_F(ContextTest, ContextsOutliveTheirModel) {
  model.reset();
  EXPECT_TRUE(scale(*context, std::vector<float>(4)).isOk());
}

TEST_F(ContextTest, SavesAndLoadsStates) {
  ASSERT_TRUE(scale(*context, std::vector<float>(12)).isOk());
  std::vector<std::byte> saved(context->savedBytes());
  context->save(saved);
  std::unique_ptr<Context> other = create({});
  ASSERT_TRUE(other->load(saved).isOk());
  EXPECT_EQ(*reinterpret_cast<int32_t *>(other->state(0).data), 3);
}

TEST_F(ContextTest, RefusesADamagedSavedState) {
  std::vector<std::byte> saved(context->savedBytes());
  context->save(saved);
  for (size_t i = 0; i < saved.size(); ++i) {
    saved[i] ^= std::byte(1);
    EXPECT_EQ(context->load(saved).code(), StatusCode::InvalidFile) << i;
    saved[i] ^= std::byte(1);
  }
  EXPECT_EQ(context->load(std::span(saved).first(saved.size() - 1)).code(),
            StatusCode::InvalidArgument);
}

TEST_F(ContextTest, RefusesASavedStateOfAnotherSize) {
  ContextOptions options;
  options.slots = 2;
  std::unique_ptr<Context> larger = create(options);
  std::vector<std::byte> saved(larger->savedBytes());
  larger->save(saved);
  EXPECT_EQ(context->load(saved).code(), StatusCode::InvalidArgument);
}

TEST_F(ContextTest, RefusesMoreThanWasCompiledFor) {
  Status status = scale(*context, std::vector<float>(65 * 4));
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_EQ(status.message(),
            "test.lathe: entry 'scale': input 'x': dimension 0 is 65, the "
            "model was compiled for 1 to 64");
  EXPECT_TRUE(scale(*context, std::vector<float>(64 * 4)).isOk());
}

TEST_F(ContextTest, RefusesAnInputOfAnotherRankOrWidth) {
  float x[8] = {};
  int64_t rank1[] = {8};
  EXPECT_EQ(context->setInput(kScale, 0, x, rank1).code(),
            StatusCode::InvalidArgument);
  int64_t narrow[] = {2, 3};
  EXPECT_EQ(context->setInput(kScale, 0, x, narrow).code(),
            StatusCode::InvalidArgument);
}

TEST_F(ContextTest, RefusesACallWithoutItsInput) {
  EXPECT_EQ(context->call(kScale).message(),
            "test.lathe: entry 'scale': input 'x': was not set");
}

class StepTest : public ContextTest {
protected:
  /// Sets the inputs of a step of one sequence; \p rows may be wrong.
  Status set(std::vector<int32_t> tokens, std::vector<int32_t> positions,
             std::vector<int32_t> rows) {
    std::vector<int32_t> sequences(tokens.size());
    std::vector<int32_t> table = {0, 1, 2, 3, 4, 5, 6, 7};
    size_t input = 0;
    for (std::vector<int32_t> *values :
         {&tokens, &positions, &sequences, &rows, &table}) {
      int64_t dims[] = {static_cast<int64_t>(values->size()), 8};
      if (input == 4)
        dims[0] = 1;
      LATHE_RETURN_IF_ERROR(
          context->setInput(kStep, input, values->data(),
                            std::span(dims).first(input == 4 ? 2 : 1)));
      ++input;
    }
    return context->call(kStep);
  }
};

TEST_F(StepTest, RunsWithASymbolOfEachInput) {
  EXPECT_TRUE(set({1, 2, 3}, {0, 1, 2}, {2}).isOk());
  EXPECT_EQ(context->output(kStep, 0)->dims[0], 1);
  EXPECT_EQ(context->output(kStep, 0)->dims[1], 16);
}

TEST_F(StepTest, RefusesInputsThatContradictEachOther) {
  EXPECT_EQ(set({1, 2, 3}, {0, 1}, {0}).message(),
            "test.lathe: entry 'step': input 'positions': dimension 0 is 2, "
            "but 'tokens' is 3 by another input");
}

TEST_F(StepTest, ChecksBothSidesOfALimit) {
  EXPECT_TRUE(set({15, 0}, {30, 31}, {1}).isOk());
  EXPECT_EQ(set({15, 16}, {0, 1}, {1}).message(),
            "test.lathe: entry 'step': input 'tokens': element 1 is 16, "
            "expected 0 to 15");
  EXPECT_EQ(set({-1}, {0}, {0}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(set({1}, {32}, {0}).code(), StatusCode::InvalidArgument);
}

TEST_F(StepTest, ChecksALimitThatIsASymbol) {
  EXPECT_TRUE(set({1, 1}, {0, 1}, {1}).isOk());
  EXPECT_EQ(set({1, 1}, {0, 1}, {2}).message(),
            "test.lathe: entry 'step': input 'rows': element 0 is 2, expected "
            "0 to 1");
}

TEST_F(ContextTest, SizesTheCacheByTheContext) {
  ContextOptions options;
  options.slots = 3;
  options.context = 9;
  std::unique_ptr<Context> small = create(options);
  EXPECT_EQ(small->symbol(lathe::testing::kSlotPages), 3);
  EXPECT_EQ(small->symbol(lathe::testing::kPages), 9);
  EXPECT_EQ(small->state(1).bytes, 9u * 4 * 4);
}

TEST_F(ContextTest, RefusesAContextThatTheModelCannotHold) {
  ContextOptions options;
  options.context = 33;
  Result<std::unique_ptr<Context>> made = Context::create(model, options);
  ASSERT_FALSE(made.isOk());
  EXPECT_EQ(made.status().message(),
            "test.lathe: context: 33 positions, but the model was compiled for "
            "32");
  options.context = 32;
  options.slots = 5;
  EXPECT_EQ(Context::create(model, options).status().message(),
            "test.lathe: symbol 'pages': is 40, but the model was compiled for "
            "1 to 32 (ask for fewer slots or a shorter context)");
}

TEST_F(ContextTest, RefusesToSetAnUnknownOrVariableSymbol) {
  ContextOptions options;
  options.symbols = {{"tokens", 3}};
  EXPECT_EQ(Context::create(model, options).status().code(),
            StatusCode::InvalidArgument);
  options.symbols = {{"pages", 20}};
  EXPECT_EQ(create(options)->symbol(lathe::testing::kPages), 20);
}

TEST_F(ContextTest, SetsSymbolsWithinTheirRange) {
  EXPECT_TRUE(context->setSymbol(lathe::testing::kTokens, 64).isOk());
  EXPECT_FALSE(context->setSymbol(lathe::testing::kTokens, 65).isOk());
  EXPECT_FALSE(context->setSymbol(lathe::testing::kTokens, 0).isOk());
  EXPECT_FALSE(context->setSymbol(99, 1).isOk());
}

TEST_F(ContextTest, CancelEndsTheNextCallOnly) {
  context->cancel();
  EXPECT_EQ(scale(*context, std::vector<float>(4)).code(),
            StatusCode::Cancelled);
  EXPECT_TRUE(scale(*context, std::vector<float>(4)).isOk());
}

TEST_F(ContextTest, CancelEndsACallInItsMiddle) {
  struct Hook {
    Context *context;
    int launches = 0;
  } hook{context.get()};
  context->setObserver({[](void *user, const LaunchEvent &event) {
                          Hook &self = *static_cast<Hook *>(user);
                          if (event.finished && ++self.launches == 1)
                            self.context->cancel();
                        },
                        &hook});
  EXPECT_EQ(scale(*context, std::vector<float>(4)).code(),
            StatusCode::Cancelled);
  EXPECT_EQ(hook.launches, 1);
}

TEST_F(ContextTest, ObserversSeeEachLaunchAndMayChangeIt) {
  struct Hook {
    std::vector<size_t> kernels;
    std::vector<bool> finished;
  } hook;
  context->setObserver({[](void *user, const LaunchEvent &event) {
                          Hook &self = *static_cast<Hook *>(user);
                          self.kernels.push_back(event.kernel);
                          self.finished.push_back(event.finished);
                          if (event.command == 0 && !event.finished)
                            static_cast<float *>(event.operands[0])[0] = 5;
                        },
                        &hook});
  ASSERT_TRUE(scale(*context, std::vector<float>(4)).isOk());
  EXPECT_EQ(hook.kernels, (std::vector<size_t>{0, 0, 2, 2}));
  EXPECT_EQ(hook.finished, (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(floats(*context, kScale)[0], 5);
}

TEST_F(ContextTest, TakesTheSmallestPlanThatFits) {
  EXPECT_EQ(context->usedArenaBytes(), 0u);
  ASSERT_TRUE(scale(*context, std::vector<float>(16 * 4)).isOk());
  Executor executor(*model, kScale);
  std::vector<int64_t> symbols = {16, 1, 8, 1, 8};
  EXPECT_EQ(executor.choosePlan(symbols), 0u);
  symbols[0] = 17;
  EXPECT_EQ(executor.choosePlan(symbols), 1u);
}

TEST_F(ContextTest, GivesTheSameBytesForAnyNumberOfThreads) {
  std::vector<float> x(64 * 4);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i) / 7;
  ASSERT_TRUE(scale(*context, x).isOk());
  std::vector<float> expected = floats(*context, kScale);
  for (uint32_t threads = 1; threads <= 8; ++threads) {
    ContextOptions options;
    options.threads = threads;
    std::unique_ptr<Context> other = create(options);
    ASSERT_TRUE(scale(*other, x).isOk());
    std::vector<float> y = floats(*other, kScale);
    EXPECT_EQ(std::memcmp(y.data(), expected.data(), y.size() * 4), 0);
  }
}

TEST_F(ContextTest, RunsOnAHostsPool) {
  static int calls;
  calls = 0;
  ContextOptions options;
  options.threads = 3;
  options.hostPool.function = [](void *, HostPool::Task task, void *data,
                                 uint32_t workers) {
    ++calls;
    for (uint32_t worker = workers; worker-- > 0;)
      task(data, worker);
  };
  std::unique_ptr<Context> hosted = create(options);
  ASSERT_TRUE(scale(*hosted, std::vector<float>(9 * 4, 1)).isOk());
  EXPECT_EQ(floats(*hosted, kScale)[35], 1004);
  EXPECT_GT(calls, 0);
}

} // namespace
