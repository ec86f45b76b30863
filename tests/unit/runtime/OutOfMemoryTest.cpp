//===- OutOfMemoryTest.cpp - The C interface when memory runs out ---------===//
//
// For each function: the n-th allocation fails, n = 1, 2, … until none was left
// to fail; once alone, and once with all that follow. The function must give
// LATHE_RESOURCE_EXHAUSTED or do its work, and after the former its objects
// must be as before: the same call then does the work. Blocks are counted, so a
// leak shows also without a sanitizer.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/runtime/CApiOperations.h"
#include "tests/unit/runtime/FailingAllocator.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

using namespace lathe::testing;

namespace {

constexpr long kMostAllocations = 100000;

/// Calls \p operation with the \p n-th allocation failing. True if one failed.
bool failOnce(const Operation &operation, long n, bool forEver) {
  World world;
  operation.prepare(world);
  failAllocations(n, forEver);
  lathe_status_t status = operation.call(world);
  bool hasFailed = stopFailing();
  if (status != operation.expected) {
    EXPECT_TRUE(hasFailed);
    EXPECT_EQ(status, LATHE_RESOURCE_EXHAUSTED) << lathe_message();
    EXPECT_STRNE(lathe_message(), "");
    EXPECT_EQ(operation.call(world), operation.expected) << lathe_message();
  }
  operation.check(world);
  return hasFailed;
}

class OutOfMemoryTest : public ::testing::TestWithParam<bool> {};

TEST_P(OutOfMemoryTest, IsACodeAndChangesNothing) {
  // Also makes what lives as long as the program.
  for (const Operation &operation : allOperations())
    EXPECT_FALSE(failOnce(operation, kMostAllocations, GetParam()));
  long runs = 0;
  for (const Operation &operation : allOperations()) {
    SCOPED_TRACE(operation.function);
    for (long n = 1; n < kMostAllocations && !HasFailure(); ++n, ++runs) {
      SCOPED_TRACE(n);
      long before = liveBlocks();
      bool hasFailed = failOnce(operation, n, GetParam());
      EXPECT_EQ(liveBlocks(), before);
      if (!hasFailed)
        break;
    }
  }
  RecordProperty("runs", std::to_string(runs));
  EXPECT_GT(runs, 100);
}

/// Text of the ids, by a stream whose calls fail and are made again.
std::string streamText(World &world, long n, bool forEver, bool &hasFailed) {
  // What the test itself needs is not to fail.
  std::string text;
  text.reserve(4096);
  std::vector<int32_t> ids = {0, 13, 14, 15, 12, 1, 13, 14, 2, 15, 15, 12, 12};
  // A run of bytes that needs memory, then text that does.
  for (int i = 0; i < 40; ++i)
    ids.insert(ids.end(), {13, 14, 15});
  ids.insert(ids.end(), {3, 12, 4, 13});
  const char *piece = nullptr;
  size_t bytes = 0;
  failAllocations(n, forEver);
  auto take = [&](auto call) {
    lathe_status_t status = call();
    if (status == LATHE_RESOURCE_EXHAUSTED) {
      hasFailed |= stopFailing();
      status = call();
    }
    EXPECT_EQ(status, LATHE_OK);
    text.append(piece, bytes);
  };
  for (int32_t id : ids)
    take([&] { return lathe_stream_push(world.stream, id, &piece, &bytes); });
  take([&] { return lathe_stream_finish(world.stream, &piece, &bytes); });
  hasFailed |= stopFailing();
  return text;
}

TEST_P(OutOfMemoryTest, AStreamLosesNoText) {
  World world;
  bool none = false;
  std::string expected = streamText(world, kMostAllocations, false, none);
  std::string euros;
  for (int i = 0; i < 40; ++i)
    euros += "€";
  EXPECT_EQ(expected, "a€ b\uFFFD\uFFFDc\uFFFD\uFFFD  " + euros +
                          std::string(40, 'd') + " " + std::string(40, 'e') +
                          "\uFFFD");
  for (long n = 1; n < kMostAllocations && !HasFailure(); ++n) {
    bool hasFailed = false;
    World fresh;
    EXPECT_EQ(streamText(fresh, n, GetParam(), hasFailed), expected) << n;
    if (!hasFailed)
      return;
  }
}

/// What two sequences become, by a generator whose steps fail and are made
/// again.
std::string generatedText(long n, bool forEver, bool &hasFailed) {
  World world;
  int64_t first = -1, second = -1;
  EXPECT_EQ(world.add(12, &first), LATHE_OK);
  EXPECT_EQ(world.add(10, &second), LATHE_OK);
  std::string texts[2];
  for (std::string &text : texts)
    text.reserve(4096);
  failAllocations(n, forEver);
  for (int step = 0; lathe_generator_active(world.generator) > 0; ++step) {
    const lathe_token_t *tokens = nullptr;
    size_t count = 0;
    lathe_status_t status =
        lathe_generator_step(world.generator, &tokens, &count);
    if (status == LATHE_RESOURCE_EXHAUSTED) {
      hasFailed |= stopFailing();
      status = lathe_generator_step(world.generator, &tokens, &count);
    }
    EXPECT_EQ(status, LATHE_OK);
    if (status != LATHE_OK || step > 100)
      break;
    for (size_t i = 0; i < count; ++i) {
      std::string &text = texts[tokens[i].sequence];
      text.push_back(static_cast<char>('A' + tokens[i].id));
      text.append(tokens[i].text, tokens[i].text_bytes);
    }
  }
  hasFailed |= stopFailing();
  return texts[0] + "|" + texts[1];
}

TEST_P(OutOfMemoryTest, AGeneratorLosesNoToken) {
  bool none = false;
  std::string expected = generatedText(kMostAllocations, false, none);
  EXPECT_FALSE(none);
  for (long n = 1; n < kMostAllocations && !HasFailure(); ++n) {
    bool hasFailed = false;
    EXPECT_EQ(generatedText(n, GetParam(), hasFailed), expected) << n;
    if (!hasFailed)
      return;
  }
}

INSTANTIATE_TEST_SUITE_P(Fails, OutOfMemoryTest, ::testing::Values(false, true),
                         [](const auto &info) {
                           return info.param ? "ForEver" : "Once";
                         });

TEST(OutOfMemoryCoverageTest, FunctionsWithoutACodeNeedNoMemory) {
  World world;
  EXPECT_EQ(lathe_context_call(world.context, 99), LATHE_INVALID_ARGUMENT);
  failAllocations(1, true);
  const char *message = lathe_message();
  const char *machine = lathe_machine_target(0);
  const char *target = lathe_model_target(world.model, 0);
  const char *kernel = lathe_model_kernel(world.model, 0);
  size_t tokens = lathe_tokenizer_size(world.model);
  uint32_t threads = lathe_context_threads(world.context);
  int64_t slots = lathe_context_symbol(world.context, 3);
  uint64_t arena = lathe_context_arena_bytes(world.context);
  size_t saved = lathe_context_saved_bytes(world.context);
  size_t active = lathe_generator_active(world.generator);
  const char *names[] = {lathe_version(), lathe_status_name(LATHE_OK),
                         lathe_dtype_name(LATHE_F32)};
  size_t size = lathe_dtype_size(LATHE_F32);
  EXPECT_FALSE(stopFailing());
  EXPECT_STREQ(message, "entry 99 of 6 does not exist");
  EXPECT_STREQ(machine, target);
  EXPECT_STREQ(kernel, "scale");
  EXPECT_EQ(tokens, 16u);
  EXPECT_EQ(threads, 2u);
  EXPECT_EQ(slots, 2);
  EXPECT_EQ(arena, 0u);
  EXPECT_GT(saved, 0u);
  EXPECT_EQ(active, 0u);
  EXPECT_STREQ(names[1], "ok");
  EXPECT_EQ(size, 4u);
}

TEST(OutOfMemoryCoverageTest, AMessageWithoutMemorySaysSo) {
  failAllocations(1, true);
  lathe_status_t status = lathe_context_call(nullptr, 0);
  bool hasFailed = stopFailing();
  EXPECT_EQ(status, LATHE_INVALID_ARGUMENT);
  // Where malloc cannot be replaced, the message was kept.
  EXPECT_STREQ(lathe_message(),
               hasFailed ? "out of memory" : "context is null");
}

// A function that is new in lathe.h must come here too.
TEST(OutOfMemoryCoverageTest, EachFunctionIsTested) {
  std::ifstream file(LATHE_SOURCE_DIR "/runtime/include/lathe.h");
  std::string header((std::istreambuf_iterator<char>(file)), {});
  std::string tests;
  for (const char *name : {"OutOfMemoryTest.cpp", "CApiOperations.cpp"}) {
    std::ifstream own(std::string(LATHE_SOURCE_DIR "/tests/unit/runtime/") +
                      name);
    tests += std::string((std::istreambuf_iterator<char>(own)), {});
  }
  size_t functions = 0;
  std::regex declaration("LATHE_API [^;]*?(lathe_\\w+)\\(");
  for (std::sregex_iterator i(header.begin(), header.end(), declaration), end;
       i != end; ++i, ++functions)
    EXPECT_NE(tests.find((*i)[1].str() + "("), std::string::npos) << (*i)[1];
  EXPECT_GT(functions, 40u);
}

} // namespace
