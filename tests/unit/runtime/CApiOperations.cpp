//===- CApiOperations.cpp - Each function of lathe.h, called --------------===//

#include "tests/unit/runtime/CApiOperations.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace lathe::testing;

World::World() {
  EXPECT_EQ(lathe_model_open(LATHE_TEXT_ARTIFACT, nullptr, &model), LATHE_OK)
      << lathe_message();
  lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
  options.threads = 2;
  options.slots = 2;
  EXPECT_EQ(lathe_context_create(model, &options, &context), LATHE_OK);
  EXPECT_EQ(lathe_stream_create(model, 0, &stream), LATHE_OK);
  EXPECT_EQ(lathe_generator_create(context, &generator), LATHE_OK);
}
World::~World() {
  lathe_generator_free(generator);
  lathe_stream_free(stream);
  lathe_context_free(context);
  lathe_model_free(model);
}

lathe_status_t World::setInput() {
  static const float x[4] = {1, 1, 1, 1};
  static const int64_t dims[] = {1, 4};
  return lathe_context_set_input(context, kScale, 0, x, dims, 2);
}
void World::run() {
  EXPECT_EQ(setInput(), LATHE_OK);
  EXPECT_EQ(lathe_context_call(context, kScale), LATHE_OK);
}
lathe_status_t World::add(int64_t maxTokens, int64_t *sequence) {
  static const int32_t prompt[] = {1, 2, 3};
  static const char *const stops[] = {"no such text", "nor this"};
  static const int32_t stopIds[] = {99};
  lathe_request_t request = LATHE_INIT(lathe_request_t);
  request.prompt = prompt;
  request.prompt_count = 3;
  request.max_tokens = maxTokens;
  request.ignore_eos = 1;
  request.stop_strings = stops;
  request.stop_string_count = 2;
  request.stop_ids = stopIds;
  request.stop_id_count = 1;
  request.sampling.temperature = 5;
  request.sampling.top_p = 0.99f;
  request.sampling.repetition_penalty = 1.5f;
  return lathe_generator_add(generator, &request, sequence);
}

namespace {

/// The bytes of the test artifact, 64-byte aligned.
struct FileBytes {
  FileBytes() {
    std::ifstream file(LATHE_TEXT_ARTIFACT, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(file)), {});
    size = content.size();
    data = std::aligned_alloc(64, (size + 63) / 64 * 64);
    std::memcpy(data, content.data(), size);
  }
  ~FileBytes() { std::free(data); }
  void *data;
  size_t size;
};

/// Frees what \p open opened.
lathe_status_t closed(lathe_status_t status, lathe_model_t *model) {
  EXPECT_EQ(status == LATHE_OK, model != nullptr);
  lathe_model_free(model);
  return status;
}

const FileBytes &fileBytes() {
  static const FileBytes bytes;
  return bytes;
}

std::vector<Operation> modelOperations() {
  auto nothing = [](World &) {};
  std::vector<Operation> all = {
      {"lathe_model_open", LATHE_OK, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
         options.threads = 2;
         return closed(lathe_model_open(LATHE_TEXT_ARTIFACT, &options, &model),
                       model);
       },
       nothing},
      {"lathe_model_open", LATHE_NOT_FOUND, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         return closed(
             lathe_model_open("/nowhere/at/all.lathe", nullptr, &model), model);
       },
       nothing},
      {"lathe_model_open", LATHE_UNSUPPORTED, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
         options.target = "a machine of a name that is not short";
         return closed(lathe_model_open(LATHE_TEXT_ARTIFACT, &options, &model),
                       model);
       },
       nothing},
      {"lathe_model_open_fd", LATHE_OK, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         int fd = open(LATHE_TEXT_ARTIFACT, O_RDONLY);
         lathe_status_t status =
             lathe_model_open_fd(fd, "a name of some length", nullptr, &model);
         close(fd);
         return closed(status, model);
       },
       nothing},
      {"lathe_model_open_memory", LATHE_OK, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         return closed(lathe_model_open_memory(fileBytes().data,
                                               fileBytes().size, nullptr,
                                               nullptr, &model),
                       model);
       },
       nothing},
      {"lathe_model_open_memory", LATHE_INVALID_FILE, nothing,
       [](World &) {
         lathe_model_t *model = nullptr;
         return closed(lathe_model_open_memory(fileBytes().data, 100, nullptr,
                                               nullptr, &model),
                       model);
       },
       nothing},
      {"lathe_model_find_entry", LATHE_OK, nothing,
       [](World &w) {
         size_t index;
         return lathe_model_find_entry(w.model, "step_greedy", &index);
       },
       nothing},
      {"lathe_model_find_entry", LATHE_NOT_FOUND, nothing,
       [](World &w) {
         size_t index;
         return lathe_model_find_entry(w.model, "embed", &index);
       },
       nothing},
  };
  // The others look something up; index 0 exists, 99 does not.
  using Query = std::function<lathe_status_t(World &, size_t)>;
  const std::pair<const char *, Query> queries[] = {
      {"lathe_model_info",
       [](World &w, size_t i) {
         lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
         info.struct_size = i == 0 ? sizeof(info) : 0;
         return lathe_model_info(w.model, &info);
       }},
      {"lathe_model_symbol",
       [](World &w, size_t i) {
         lathe_symbol_info_t info;
         return lathe_model_symbol(w.model, i, &info);
       }},
      {"lathe_model_entry",
       [](World &w, size_t i) {
         lathe_entry_info_t info;
         return lathe_model_entry(w.model, i, &info);
       }},
      {"lathe_model_input",
       [](World &w, size_t i) {
         lathe_tensor_info_t info;
         return lathe_model_input(w.model, kStep, i, &info);
       }},
      {"lathe_model_output",
       [](World &w, size_t i) {
         lathe_tensor_info_t info;
         return lathe_model_output(w.model, i, 0, &info);
       }},
      {"lathe_model_plan",
       [](World &w, size_t i) {
         lathe_plan_info_t info;
         return lathe_model_plan(w.model, 0, i, &info);
       }},
      {"lathe_model_weight",
       [](World &w, size_t i) {
         lathe_tensor_t tensor;
         return lathe_model_weight(w.model, i, &tensor);
       }},
      {"lathe_model_chat_template",
       [](World &w, size_t i) {
         lathe_chat_template_t found;
         return lathe_model_chat_template(w.model, i, &found);
       }},
      {"lathe_model_command",
       [](World &w, size_t i) {
         lathe_command_info_t info = LATHE_INIT(lathe_command_info_t);
         lathe_traffic_t traffic[8];
         return lathe_model_command(w.model, kScale, i, nullptr, &info, traffic,
                                    8);
       }},
      {"lathe_context_state",
       [](World &w, size_t i) {
         lathe_tensor_t tensor;
         return lathe_context_state(w.context, i, &tensor);
       }},
      {"lathe_context_set_symbol",
       [](World &w, size_t i) {
         return lathe_context_set_symbol(w.context, i, 1);
       }},
      {"lathe_generator_stats",
       [](World &w, size_t i) {
         lathe_generator_stats_t stats = LATHE_INIT(lathe_generator_stats_t);
         stats.struct_size = i == 0 ? sizeof(stats) : 0;
         return lathe_generator_stats(w.generator, &stats);
       }},
  };
  for (const auto &[name, query] : queries)
    for (size_t index : {0, 99})
      all.push_back(
          {name, index == 0 ? LATHE_OK : LATHE_INVALID_ARGUMENT, nothing,
           [query, index](World &w) { return query(w, index); }, nothing});
  return all;
}

std::vector<Operation> textOperations() {
  auto nothing = [](World &) {};
  return {
      {"lathe_tokenizer_encode", LATHE_OK, nothing,
       [](World &w) {
         int32_t ids[64] = {};
         size_t count = 0;
         lathe_status_t status =
             lathe_tokenizer_encode(w.model, "abcabcabcabcabcabcabcabcabc", 27,
                                    LATHE_ADD_SPECIAL, ids, 64, &count);
         EXPECT_TRUE(status != LATHE_OK || (count == 27 && ids[26] == 2));
         return status;
       },
       nothing},
      {"lathe_tokenizer_decode", LATHE_OK, nothing,
       [](World &w) {
         const int32_t ids[] = {0, 13, 14, 15, 12, 1, 13, 0};
         char text[64];
         size_t bytes = 0;
         lathe_status_t status =
             lathe_tokenizer_decode(w.model, ids, 8, 0, text, 64, &bytes);
         EXPECT_TRUE(status != LATHE_OK ||
                     std::string(text, bytes) == "a€ b\uFFFDa");
         return status;
       },
       nothing},
      {"lathe_tokenizer_decode", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) {
         const int32_t ids[] = {16};
         size_t bytes = 0;
         return lathe_tokenizer_decode(w.model, ids, 1, 0, nullptr, 0, &bytes);
       },
       nothing},
      {"lathe_stream_create", LATHE_OK, nothing,
       [](World &w) {
         lathe_stream_t *stream = nullptr;
         lathe_status_t status = lathe_stream_create(w.model, 0, &stream);
         EXPECT_EQ(status == LATHE_OK, stream != nullptr);
         lathe_stream_free(stream);
         return status;
       },
       nothing},
  };
}

std::vector<Operation> contextOperations() {
  auto nothing = [](World &) {};
  return {
      {"lathe_context_create", LATHE_OK, nothing,
       [](World &w) {
         lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
         const char *const names[] = {"pages"};
         const int64_t values[] = {8};
         options.threads = 3;
         options.symbol_names = names;
         options.symbol_values = values;
         options.symbol_count = 1;
         lathe_context_t *context = nullptr;
         lathe_status_t status =
             lathe_context_create(w.model, &options, &context);
         EXPECT_EQ(status == LATHE_OK, context != nullptr);
         lathe_context_free(context);
         return status;
       },
       nothing},
      {"lathe_context_create", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) {
         lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
         options.slots = 1000;
         lathe_context_t *context = nullptr;
         return lathe_context_create(w.model, &options, &context);
       },
       nothing},
      {"lathe_context_set_input", LATHE_OK, nothing,
       [](World &w) { return w.setInput(); }, nothing},
      {"lathe_context_set_input", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) {
         const float x[4] = {};
         const int64_t dims[] = {1, 5};
         return lathe_context_set_input(w.context, kScale, 0, x, dims, 2);
       },
       nothing},
      {"lathe_context_map_input", LATHE_OK, nothing,
       [](World &w) {
         const int64_t dims[] = {1, 4};
         lathe_tensor_t tensor;
         return lathe_context_map_input(w.context, kScale, 0, dims, 2, &tensor);
       },
       nothing},
      {"lathe_context_call", LATHE_OK,
       [](World &w) { EXPECT_EQ(w.setInput(), LATHE_OK); },
       [](World &w) { return lathe_context_call(w.context, kScale); }, nothing},
      {"lathe_context_call", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) { return lathe_context_call(w.context, kScale); },
       [](World &w) { w.run(); }},
      {"lathe_context_call", LATHE_DEVICE_ERROR, nothing,
       [](World &w) { return lathe_context_call(w.context, 3); },
       [](World &w) { w.run(); }},
      {"lathe_context_cancel", LATHE_CANCELLED,
       [](World &w) { EXPECT_EQ(w.setInput(), LATHE_OK); },
       [](World &w) {
         lathe_context_cancel(w.context);
         return lathe_context_call(w.context, kScale);
       },
       [](World &w) { w.run(); }},
      {"lathe_context_output", LATHE_OK, [](World &w) { w.run(); },
       [](World &w) {
         lathe_tensor_t y;
         return lathe_context_output(w.context, kScale, 0, &y);
       },
       nothing},
      {"lathe_context_output", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) {
         lathe_tensor_t y;
         return lathe_context_output(w.context, kScale, 0, &y);
       },
       nothing},
      {"lathe_context_reset", LATHE_OK, nothing,
       [](World &w) { return lathe_context_reset(w.context); }, nothing},
      {"lathe_context_save", LATHE_OK, nothing,
       [](World &w) {
         static char data[1 << 16];
         return lathe_context_save(w.context, data,
                                   lathe_context_saved_bytes(w.context));
       },
       nothing},
      {"lathe_context_load", LATHE_OK, nothing,
       [](World &w) {
         static char data[1 << 16];
         size_t bytes = lathe_context_saved_bytes(w.context);
         lathe_status_t status = lathe_context_save(w.context, data, bytes);
         return status ? status : lathe_context_load(w.context, data, bytes);
       },
       nothing},
      {"lathe_context_load", LATHE_INVALID_FILE, nothing,
       [](World &w) {
         static const char data[1 << 16] = {};
         return lathe_context_load(w.context, data,
                                   lathe_context_saved_bytes(w.context));
       },
       nothing},
      {"lathe_context_time_workers", LATHE_OK, nothing,
       [](World &w) { return lathe_context_time_workers(w.context, 1); },
       [](World &w) { w.run(); }},
      {"lathe_context_observe", LATHE_OK, nothing,
       [](World &w) {
         return lathe_context_observe(
             w.context, [](void *, const lathe_launch_t *) {}, nullptr);
       },
       [](World &w) { w.run(); }},
  };
}

std::vector<Operation> generatorOperations() {
  auto nothing = [](World &) {};
  return {
      {"lathe_generator_create", LATHE_OK, nothing,
       [](World &w) {
         lathe_generator_t *generator = nullptr;
         lathe_status_t status = lathe_generator_create(w.context, &generator);
         EXPECT_EQ(status == LATHE_OK, generator != nullptr);
         lathe_generator_free(generator);
         return status;
       },
       nothing},
      {"lathe_generator_add", LATHE_OK, nothing,
       [](World &w) {
         int64_t sequence = -1;
         size_t before = lathe_generator_active(w.generator);
         lathe_status_t status = w.add(9, &sequence);
         EXPECT_EQ(sequence, status == LATHE_OK ? 0 : -1);
         EXPECT_EQ(lathe_generator_active(w.generator),
                   before + (status == LATHE_OK));
         return status;
       },
       // Slot and pages that a failure had kept would be missing now.
       [](World &w) {
         int64_t sequence = -1;
         EXPECT_EQ(w.add(29, &sequence), LATHE_OK) << lathe_message();
         EXPECT_EQ(sequence, 1);
       }},
      {"lathe_generator_add", LATHE_INVALID_ARGUMENT, nothing,
       [](World &w) {
         int64_t sequence = -1;
         return w.add(1000, &sequence);
       },
       nothing},
      {"lathe_generator_remove", LATHE_OK,
       [](World &w) {
         int64_t sequence = -1;
         EXPECT_EQ(w.add(9, &sequence), LATHE_OK);
       },
       [](World &w) { return lathe_generator_remove(w.generator, 0); },
       nothing},
      {"lathe_generator_remove", LATHE_NOT_FOUND, nothing,
       [](World &w) { return lathe_generator_remove(w.generator, 7); },
       nothing},
  };
}

} // namespace

std::vector<Operation> lathe::testing::allOperations() {
  std::vector<Operation> all;
  for (auto list : {modelOperations, textOperations, contextOperations,
                    generatorOperations})
    for (Operation &operation : list())
      all.push_back(std::move(operation));
  return all;
}
