//===- CApiTest.cpp - Tests of runtime/include/lathe.h and lathe.hpp ------===//

#include "runtime/include/lathe.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

class CApiTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, nullptr, &model), LATHE_OK)
        << lathe_message();
    lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
    options.threads = 2;
    options.slots = 2;
    ASSERT_EQ(lathe_context_create(model, &options, &context), LATHE_OK)
        << lathe_message();
  }
  void TearDown() override {
    lathe_context_free(context);
    lathe_model_free(model);
  }

  size_t entry(const char *name) {
    size_t index = 99;
    EXPECT_EQ(lathe_model_find_entry(model, name, &index), LATHE_OK);
    return index;
  }

  lathe_model_t *model = nullptr;
  lathe_context_t *context = nullptr;
};

TEST_F(CApiTest, DescribesTheModel) {
  lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
  ASSERT_EQ(lathe_model_info(model, &info), LATHE_OK);
  EXPECT_STREQ(info.family, "test");
  EXPECT_EQ(info.context, 32);
  EXPECT_EQ(info.eos_count, 1u);
  EXPECT_EQ(info.eos_ids[0], 0);
  EXPECT_EQ(info.weight_bytes, 16u);
  EXPECT_EQ(info.page_positions, 4);
  EXPECT_EQ(info.has_tokenizer, 0);
  EXPECT_STREQ(info.generation_config, "");
  EXPECT_STREQ(info.target, lathe_machine_target(0));
  EXPECT_STREQ(info.chat_template, "{{ messages }}\n");
  ASSERT_EQ(info.chat_template_count, 2u);
  lathe_chat_template_t chatTemplate;
  ASSERT_EQ(lathe_model_chat_template(model, 1, &chatTemplate), LATHE_OK);
  EXPECT_STREQ(chatTemplate.name, "tool use");
  EXPECT_STREQ(chatTemplate.text, "{{ tools }}");
  EXPECT_EQ(chatTemplate.text_bytes, 11u);
  EXPECT_EQ(lathe_model_chat_template(model, 2, &chatTemplate),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(lathe_message(), "chat template 2 of 2 does not exist");
  ASSERT_EQ(info.entry_count, 6u);
  EXPECT_STREQ(lathe_model_kernel(model, 0), "scale");
  EXPECT_EQ(lathe_model_kernel(model, info.kernel_count), nullptr);

  lathe_entry_info_t scale;
  ASSERT_EQ(lathe_model_entry(model, 0, &scale), LATHE_OK);
  EXPECT_STREQ(scale.name, "scale");
  EXPECT_EQ(scale.command_count, 3u);
  lathe_tensor_info_t input;
  ASSERT_EQ(lathe_model_input(model, 0, 0, &input), LATHE_OK);
  EXPECT_STREQ(input.name, "x");
  EXPECT_EQ(input.dtype, LATHE_F32);
  ASSERT_EQ(input.rank, 2u);
  EXPECT_EQ(input.dims[0], -1);
  EXPECT_EQ(input.symbols[0], 0);
  EXPECT_EQ(input.maximum[0], 64);
  EXPECT_EQ(input.dims[1], 4);
  EXPECT_EQ(input.symbols[1], -1);
  lathe_tensor_info_t tokens;
  ASSERT_EQ(lathe_model_input(model, 4, 0, &tokens), LATHE_OK);
  EXPECT_EQ(tokens.limit, 16);
  lathe_plan_info_t plan;
  ASSERT_EQ(lathe_model_plan(model, 0, 1, &plan), LATHE_OK);
  EXPECT_EQ(plan.bounds[0], 64);
  lathe_tensor_t weight;
  ASSERT_EQ(lathe_model_weight(model, 0, &weight), LATHE_OK);
  EXPECT_EQ(static_cast<const float *>(weight.data)[3], 4);
  lathe_symbol_info_t symbol;
  ASSERT_EQ(lathe_model_symbol(model, 2, &symbol), LATHE_OK);
  EXPECT_STREQ(symbol.name, "pages");
  EXPECT_EQ(symbol.fixed_at_load, 1);
}

TEST_F(CApiTest, RefusesIndicesPastTheEnd) {
  lathe_entry_info_t entryInfo;
  lathe_tensor_info_t tensorInfo;
  lathe_plan_info_t plan;
  lathe_symbol_info_t symbol;
  lathe_tensor_t tensor;
  EXPECT_EQ(lathe_model_entry(model, 6, &entryInfo), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(lathe_message(), "entry 6 of 6 does not exist");
  EXPECT_EQ(lathe_model_input(model, 0, 1, &tensorInfo),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_output(model, 6, 0, &tensorInfo),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_plan(model, 0, 2, &plan), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_symbol(model, 5, &symbol), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_weight(model, 1, &tensor), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_state(context, 2, &tensor), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_call(context, 6), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_output(context, 0, 0, &tensor),
            LATHE_INVALID_ARGUMENT);
  size_t index;
  EXPECT_EQ(lathe_model_find_entry(model, "embed", &index), LATHE_NOT_FOUND);
  EXPECT_NE(std::string(lathe_message()).find("there are: scale, fill"),
            std::string::npos);
}

TEST_F(CApiTest, RunsAnEntry) {
  std::vector<float> x = {1, 1, 1, 1, 2, 2, 2, 2};
  int64_t dims[] = {2, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  lathe_tensor_t y;
  ASSERT_EQ(lathe_context_output(context, 0, 0, &y), LATHE_OK);
  EXPECT_EQ(static_cast<float *>(y.data)[7], 8);
  EXPECT_EQ(y.bytes, 32u);
  EXPECT_EQ(lathe_context_symbol(context, 0), 2);
}

TEST_F(CApiTest, MapsAnInputInPlace) {
  int64_t dims[] = {1, 4};
  lathe_tensor_t x;
  ASSERT_EQ(lathe_context_map_input(context, 0, 0, dims, 2, &x), LATHE_OK);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data) % 64, 0u);
  std::fill_n(static_cast<float *>(x.data), 4, 3.0f);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  lathe_tensor_t y;
  ASSERT_EQ(lathe_context_output(context, 0, 0, &y), LATHE_OK);
  EXPECT_EQ(static_cast<float *>(y.data)[3], 12);
}

TEST_F(CApiTest, ObservesLaunchesByName) {
  struct Seen {
    std::vector<std::string> names;
    float operand = 0;
  } seen;
  lathe_context_observe(
      context,
      [](void *user, const lathe_launch_t *launch) {
        Seen &self = *static_cast<Seen *>(user);
        if (!launch->finished)
          return;
        self.names.push_back(std::string(launch->name) + ":" + launch->kernel);
        if (launch->operand_count == 3)
          self.operand = static_cast<float *>(launch->operands[2].data)[1];
      },
      &seen);
  std::vector<float> x(4, 1);
  int64_t dims[] = {1, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  EXPECT_EQ(seen.names, (std::vector<std::string>{"t:scale", "total:count"}));
  EXPECT_EQ(seen.operand, 2);
}

TEST_F(CApiTest, CountsTheWorkOfObservedLaunches) {
  std::vector<lathe_launch_t> seen;
  lathe_context_observe(
      context,
      [](void *user, const lathe_launch_t *launch) {
        static_cast<std::vector<lathe_launch_t> *>(user)->push_back(*launch);
      },
      &seen);
  // Two sequences: one at its places 0 and 1, one at its place 4.
  const int32_t tokens[] = {1, 2, 3}, positions[] = {0, 1, 4},
                sequences[] = {0, 0, 1}, rows[] = {2}, pageTable[16] = {};
  const std::pair<const int32_t *, std::vector<int64_t>> inputs[] = {
      {tokens, {3}},
      {positions, {3}},
      {sequences, {3}},
      {rows, {1}},
      {pageTable, {2, 8}}};
  size_t step = entry("step");
  for (size_t i = 0; i < std::size(inputs); ++i)
    ASSERT_EQ(lathe_context_set_input(context, step, i, inputs[i].first,
                                      inputs[i].second.data(),
                                      inputs[i].second.size()),
              LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, step), LATHE_OK) << lathe_message();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].has_cost, 0);
  EXPECT_EQ(seen[1].bytes_read, 36u);
  EXPECT_EQ(seen[1].bytes_written, 12u);
  // 1 + 2 + 5 pairs, and keys at 2 and 5 places.
  EXPECT_EQ(seen[3].has_cost, 1);
  EXPECT_EQ(seen[3].flops, 16u + 2 * 8);
  EXPECT_EQ(seen[3].bytes_read, 12u + 12 + 4 + 4 * 7);
  EXPECT_EQ(seen[3].bytes_written, 64u);
  // Before it has run nothing is said.
  EXPECT_EQ(seen[0].arithmetic, LATHE_ARITHMETIC_F32);
  EXPECT_EQ(seen[1].arithmetic, LATHE_ARITHMETIC_BF16);
  EXPECT_EQ(seen[3].arithmetic, LATHE_ARITHMETIC_BYTES);
}

TEST_F(CApiTest, TimesWorkersOnlyWhenAsked) {
  struct Seen {
    size_t workers = 0;
    int64_t tiles = 0;
  } seen;
  lathe_context_observe(
      context,
      [](void *user, const lathe_launch_t *launch) {
        Seen &self = *static_cast<Seen *>(user);
        self.workers = std::max(self.workers, launch->worker_count);
        for (size_t i = 0; i < launch->worker_count; ++i) {
          EXPECT_LE(launch->workers[i].begin, launch->workers[i].end);
          EXPECT_LE(launch->workers[i].end, launch->nanoseconds);
          self.tiles += launch->workers[i].tiles;
        }
      },
      &seen);
  std::vector<float> x(4 * 64, 1);
  int64_t dims[] = {64, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  EXPECT_EQ(seen.workers, 0u);
  ASSERT_EQ(lathe_context_time_workers(context, 1), LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  EXPECT_EQ(seen.workers, 2u);
  EXPECT_EQ(seen.tiles, 64 + 1);
  ASSERT_EQ(lathe_context_time_workers(context, 0), LATHE_OK);
  seen = {};
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  EXPECT_EQ(seen.workers, 0u);
}

TEST_F(CApiTest, SaysNothingOfAKernelWithoutACost) {
  std::vector<int> seen;
  lathe_context_observe(
      context,
      [](void *user, const lathe_launch_t *launch) {
        if (launch->finished)
          static_cast<std::vector<int> *>(user)->push_back(launch->has_cost);
      },
      &seen);
  std::vector<float> x(4 * 9, 1);
  int64_t dims[] = {9, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  EXPECT_EQ(seen, (std::vector<int>{0, 0}));
}

TEST_F(CApiTest, CountsTheWorkOfACommand) {
  lathe_command_info_t info = LATHE_INIT(lathe_command_info_t);
  lathe_traffic_t traffic[6];
  ASSERT_EQ(lathe_model_command(model, 0, 0, nullptr, &info, traffic, 6),
            LATHE_OK);
  EXPECT_STREQ(info.name, "t");
  EXPECT_STREQ(info.kernel, "scale");
  EXPECT_EQ(info.has_cost, 1);
  EXPECT_EQ(info.flops, 4u);
  EXPECT_EQ(info.bytes_read, 32u);
  ASSERT_EQ(info.operand_count, 3u);
  EXPECT_STREQ(traffic[1].name, "w");
  EXPECT_EQ(traffic[1].memory, LATHE_WEIGHT);
  EXPECT_EQ(traffic[2].memory, LATHE_TEMPORARY);
  EXPECT_EQ(traffic[2].bytes_written, 16u);

  // A copy, and the variant that runs above 8 tokens.
  const int64_t symbols[] = {9, -1, -1, -1, -1};
  lathe_call_shape_t shape = LATHE_INIT(lathe_call_shape_t);
  shape.symbols = symbols;
  ASSERT_EQ(lathe_model_command(model, 0, 2, &shape, &info, traffic, 1),
            LATHE_OK);
  EXPECT_STREQ(info.name, "y");
  EXPECT_EQ(info.kernel, nullptr);
  EXPECT_EQ(info.bytes_read, 9u * 16);
  EXPECT_EQ(info.bytes_written, 9u * 16);
  EXPECT_EQ(info.operand_count, 2u);
  EXPECT_STREQ(traffic[0].name, "t");
  ASSERT_EQ(lathe_model_command(model, 0, 0, &shape, &info, nullptr, 0),
            LATHE_OK);
  EXPECT_STREQ(info.kernel, "scale_wide");
  EXPECT_EQ(info.has_cost, 0);
  EXPECT_EQ(info.is_skipped, 0);
  ASSERT_EQ(lathe_model_command(model, 1, 0, &shape, &info, traffic, 6),
            LATHE_OK);
  EXPECT_EQ(info.bytes_read, 0u);
  EXPECT_EQ(info.bytes_written, 8u);
}

TEST_F(CApiTest, CountsTheKeysOfACacheFromThePast) {
  const int64_t symbols[] = {2, 1, -1, -1, -1};
  lathe_call_shape_t shape = LATHE_INIT(lathe_call_shape_t);
  shape.symbols = symbols;
  shape.past = 10;
  lathe_command_info_t info = LATHE_INIT(lathe_command_info_t);
  lathe_traffic_t traffic[6];
  ASSERT_EQ(
      lathe_model_command(model, entry("step"), 1, &shape, &info, traffic, 6),
      LATHE_OK);
  EXPECT_EQ(info.flops, 16u + 2 * (11 + 12));
  EXPECT_EQ(info.arithmetic, LATHE_ARITHMETIC_BYTES);
  EXPECT_EQ(traffic[4].memory, LATHE_STATE);
  EXPECT_EQ(traffic[4].bytes_read, 4u * 12);
  EXPECT_EQ(info.bytes_read, 8u + 8 + 4 + 48);
}

TEST_F(CApiTest, TellsAnOlderCallerWhatItsStructHolds) {
  lathe_command_info_t info = {};
  info.struct_size = offsetof(lathe_command_info_t, arithmetic);
  info.arithmetic = LATHE_ARITHMETIC_FORCE_INT;
  ASSERT_EQ(
      lathe_model_command(model, entry("step"), 1, nullptr, &info, nullptr, 0),
      LATHE_OK);
  EXPECT_EQ(info.struct_size, offsetof(lathe_command_info_t, arithmetic));
  EXPECT_EQ(info.operand_count, 6u);
  EXPECT_EQ(info.arithmetic, LATHE_ARITHMETIC_FORCE_INT);
}

TEST_F(CApiTest, RefusesToCountWhatIsNotThere) {
  lathe_command_info_t info = LATHE_INIT(lathe_command_info_t);
  EXPECT_EQ(lathe_model_command(model, 6, 0, nullptr, &info, nullptr, 0),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_command(model, 0, 3, nullptr, &info, nullptr, 0),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(lathe_message(), "command 3 of 3 does not exist");
  EXPECT_EQ(lathe_model_command(model, 0, 0, nullptr, &info, nullptr, 1),
            LATHE_INVALID_ARGUMENT);
  const int64_t symbols[] = {65, -1, -1, -1, -1};
  lathe_call_shape_t shape = LATHE_INIT(lathe_call_shape_t);
  shape.symbols = symbols;
  EXPECT_EQ(lathe_model_command(model, 0, 0, &shape, &info, nullptr, 0),
            LATHE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(lathe_message())
                .find("symbol 'tokens': is 65, expected 1 to 64"),
            std::string::npos);
  shape.struct_size = 0;
  EXPECT_EQ(lathe_model_command(model, 0, 0, &shape, &info, nullptr, 0),
            LATHE_INVALID_ARGUMENT);
}

TEST_F(CApiTest, SavesAndLoads) {
  std::vector<float> x(4);
  int64_t dims[] = {1, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  ASSERT_EQ(lathe_context_call(context, 0), LATHE_OK);
  std::vector<std::byte> saved(lathe_context_saved_bytes(context));
  ASSERT_EQ(lathe_context_save(context, saved.data(), saved.size()), LATHE_OK);
  ASSERT_EQ(lathe_context_reset(context), LATHE_OK);
  ASSERT_EQ(lathe_context_load(context, saved.data(), saved.size()), LATHE_OK);
  lathe_tensor_t total;
  ASSERT_EQ(lathe_context_state(context, 0, &total), LATHE_OK);
  EXPECT_EQ(static_cast<int32_t *>(total.data)[0], 1);
  EXPECT_EQ(lathe_context_save(context, saved.data(), 3),
            LATHE_INVALID_ARGUMENT);
  saved.back() ^= std::byte(1);
  EXPECT_EQ(lathe_context_load(context, saved.data(), saved.size()),
            LATHE_INVALID_FILE);
}

TEST_F(CApiTest, CancelsFromAnotherThread) {
  std::thread([&] { lathe_context_cancel(context); }).join();
  std::vector<float> x(4);
  int64_t dims[] = {1, 4};
  ASSERT_EQ(lathe_context_set_input(context, 0, 0, x.data(), dims, 2),
            LATHE_OK);
  EXPECT_EQ(lathe_context_call(context, 0), LATHE_CANCELLED);
  EXPECT_EQ(lathe_context_call(context, 0), LATHE_OK);
}

TEST_F(CApiTest, Generates) {
  lathe_generator_t *generator = nullptr;
  ASSERT_EQ(lathe_generator_create(context, &generator), LATHE_OK);
  int32_t prompt[] = {1, 2, 3};
  lathe_request_t request = LATHE_INIT(lathe_request_t);
  request.prompt = prompt;
  request.prompt_count = 3;
  request.max_tokens = 5;
  request.ignore_eos = 1;
  int64_t sequence = -1;
  ASSERT_EQ(lathe_generator_add(generator, &request, &sequence), LATHE_OK);
  EXPECT_EQ(sequence, 0);
  std::vector<int32_t> ids;
  lathe_finish_t finish = LATHE_RUNNING;
  while (lathe_generator_active(generator) > 0) {
    const lathe_token_t *tokens;
    size_t count;
    ASSERT_EQ(lathe_generator_step(generator, &tokens, &count), LATHE_OK);
    for (size_t i = 0; i < count; ++i) {
      ids.push_back(tokens[i].id);
      finish = tokens[i].finish;
      EXPECT_EQ(tokens[i].text_bytes, 0u);
    }
  }
  // 1*1 + 2*2 + 3*3 = 14; then 14 * 1 more; ...
  ASSERT_EQ(ids.size(), 5u);
  EXPECT_EQ(ids[0], 14);
  EXPECT_EQ(ids[1], 28 % 16);
  EXPECT_EQ(finish, LATHE_LENGTH);
  lathe_generator_stats_t stats = LATHE_INIT(lathe_generator_stats_t);
  ASSERT_EQ(lathe_generator_stats(generator, &stats), LATHE_OK);
  EXPECT_EQ(stats.new_tokens, 5u);
  EXPECT_EQ(lathe_generator_remove(generator, sequence), LATHE_NOT_FOUND);
  lathe_generator_free(generator);
}

TEST_F(CApiTest, SaysThatThereIsNoTokenizer) {
  size_t count;
  EXPECT_EQ(lathe_tokenizer_encode(model, "a", 1, 0, nullptr, 0, &count),
            LATHE_NOT_FOUND);
  EXPECT_EQ(lathe_tokenizer_size(model), 0u);
  lathe_stream_t *stream;
  EXPECT_EQ(lathe_stream_create(model, 0, &stream), LATHE_NOT_FOUND);
}

TEST_F(CApiTest, NullIsAnErrorAndNoCrash) {
  EXPECT_EQ(lathe_model_open(nullptr, nullptr, &model), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_model_open("x", nullptr, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_create(nullptr, nullptr, &context),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_call(nullptr, 0), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_set_input(context, 0, 0, nullptr, nullptr, 0),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_generator_create(nullptr, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(lathe_context_threads(nullptr), 0u);
  lathe_context_cancel(nullptr);
  lathe_stream_free(nullptr);
  lathe_generator_free(nullptr);
}

TEST_F(CApiTest, TakesOlderAndNewerStructs) {
  lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
  info.pad_id = 77;
  info.struct_size = offsetof(lathe_model_info_t, pad_id);
  ASSERT_EQ(lathe_model_info(model, &info), LATHE_OK);
  EXPECT_EQ(info.vocabulary, 16);
  EXPECT_EQ(info.pad_id, 77);
  info.struct_size = 0;
  EXPECT_EQ(lathe_model_info(model, &info), LATHE_INVALID_ARGUMENT);
}

TEST(CApiOpenTest, OpensPathsDescriptorsAndMemory) {
  int fd = open(LATHE_TEST_ARTIFACT, O_RDONLY);
  lathe_model_t *model = nullptr;
  EXPECT_EQ(lathe_model_open_fd(fd, "fd", nullptr, &model), LATHE_OK);
  close(fd);
  lathe_model_free(model);
  std::ifstream file(LATHE_TEST_ARTIFACT, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  void *copy = std::aligned_alloc(64, (bytes.size() + 63) / 64 * 64);
  std::memcpy(copy, bytes.data(), bytes.size());
  EXPECT_EQ(lathe_model_open_memory(copy, bytes.size(), "m", nullptr, &model),
            LATHE_OK);
  lathe_model_free(model);
  EXPECT_EQ(lathe_model_open_memory(copy, 100, "m", nullptr, &model),
            LATHE_INVALID_FILE);
  EXPECT_EQ(model, nullptr);
  std::free(copy);
}

TEST(CApiOpenTest, SaysWhatIsHereAndWhatTheFileIsFor) {
  lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
  options.target = "pdp-11";
  lathe_model_t *model = nullptr;
  EXPECT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, &options, &model),
            LATHE_UNSUPPORTED);
  EXPECT_NE(std::string(lathe_message())
                .find("'pdp-11' was asked for, but "
                      "this machine runs "),
            std::string::npos);
}

TEST(CApiOpenTest, LooksInsideWhatThisMachineCannotRun) {
  lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
  options.target = "pdp-11";
  options.inspect_only = 1;
  lathe_model_t *model = nullptr;
  ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, &options, &model), LATHE_OK)
      << lathe_message();
  lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
  ASSERT_EQ(lathe_model_info(model, &info), LATHE_OK);
  EXPECT_STREQ(info.target, "");
  EXPECT_STREQ(lathe_model_kernel(model, 0), "scale");
  lathe_tensor_t weight;
  ASSERT_EQ(lathe_model_weight(model, 0, &weight), LATHE_OK);
  EXPECT_EQ(static_cast<const float *>(weight.data)[3], 4);
  lathe_context_t *context = nullptr;
  EXPECT_EQ(lathe_context_create(model, nullptr, &context),
            LATHE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(lathe_message()).find("without inspect_only"),
            std::string::npos);
  EXPECT_EQ(context, nullptr);
  lathe_model_free(model);
}

/// Executable mappings of this process that are of no file.
static size_t executableMappings() {
  std::ifstream maps("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find(" r-xp ") != std::string::npos &&
             line.find(" 00:00 0 ") != std::string::npos &&
             line.find('[') == std::string::npos;
  return count;
}

TEST(CApiOpenTest, LookingInsideMapsNothingExecutable) {
  size_t before = executableMappings();
  lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
  lathe_model_t *model = nullptr;
  ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, &options, &model), LATHE_OK);
  EXPECT_GT(executableMappings(), before);
  lathe_model_free(model);
  options.inspect_only = 1;
  ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, &options, &model), LATHE_OK);
  EXPECT_EQ(executableMappings(), before);
  lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
  ASSERT_EQ(lathe_model_info(model, &info), LATHE_OK);
  EXPECT_STREQ(info.target, lathe_machine_target(0));
  lathe_model_free(model);
}

TEST(CApiOpenTest, RunsEachTargetOfThisMachine) {
  for (size_t i = 0; lathe_machine_target(i); ++i) {
    lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
    options.target = lathe_machine_target(i);
    lathe_model_t *model = nullptr;
    ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, &options, &model),
              LATHE_OK);
    lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
    lathe_model_info(model, &info);
    EXPECT_STREQ(info.target, options.target);
    lathe_model_free(model);
  }
}

TEST(CApiOpenTest, TheEnvironmentForcesATarget) {
  setenv("LATHE_CPU", "pdp-11", 1);
  lathe_model_t *model = nullptr;
  EXPECT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, nullptr, &model),
            LATHE_UNSUPPORTED);
  unsetenv("LATHE_CPU");
}

TEST(CApiNamesTest, NamesCodesAndTypes) {
  EXPECT_STREQ(lathe_status_name(LATHE_IO_ERROR), "io_error");
  EXPECT_STREQ(lathe_status_name(static_cast<lathe_status_t>(9)), "unknown");
  EXPECT_EQ(lathe_dtype_size(LATHE_BF16), 2u);
  EXPECT_STREQ(lathe_dtype_name(LATHE_I64), "i64");
  EXPECT_EQ(lathe_dtype_size(static_cast<lathe_dtype_t>(8)), 0u);
}

TEST(CppApiTest, OwnersOpenRunAndFree) {
  lathe::ModelHandle model;
  ASSERT_EQ(model.open(std::string(LATHE_TEST_ARTIFACT)), LATHE_OK);
  lathe::ContextHandle context;
  ASSERT_EQ(context.create(model), LATHE_OK);
  size_t entry = 0;
  ASSERT_EQ(model.findEntry("scale", entry), LATHE_OK);
  std::vector<float> x(4, 2);
  std::vector<int64_t> dims = {1, 4};
  ASSERT_EQ(context.setInput<float>(entry, 0, x, dims), LATHE_OK);
  ASSERT_EQ(context.call(entry), LATHE_OK);
  lathe_tensor_t y;
  ASSERT_EQ(context.output(entry, 0, y), LATHE_OK);
  EXPECT_EQ(static_cast<float *>(y.data)[1], 4);
  lathe::GeneratorHandle generator;
  ASSERT_EQ(generator.create(context), LATHE_OK);
  EXPECT_EQ(generator.active(), 0u);
  EXPECT_NE(model.open("/nowhere/m.lathe"), LATHE_OK);
  EXPECT_FALSE(model);
  EXPECT_EQ(lathe::lastMessage().substr(0, 17), "/nowhere/m.lathe:");
}

} // namespace
