//===- Forward.cpp - Times an entry of an artifact on random tokens -------===//
//
//     bench-forward MODEL ENTRY ROWS TOKENS REPETITIONS THREADS
//
// Prints the milliseconds of each call, after one that is not counted, as JSON.
//
//===----------------------------------------------------------------------===//

#include "runtime/include/lathe.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

static void check(lathe_status_t status) {
  if (status) {
    std::fprintf(stderr, "error: %s\n", lathe_message());
    std::exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 7)
    return 2;
  long rows = std::atol(argv[3]), tokens = std::atol(argv[4]);
  long repetitions = std::atol(argv[5]);
  lathe_model_t *model = nullptr;
  check(lathe_model_open(argv[1], nullptr, &model));
  lathe_context_options_t options = {};
  options.struct_size = sizeof(options);
  options.threads = static_cast<uint32_t>(std::atol(argv[6]));
  lathe_context_t *context = nullptr;
  check(lathe_context_create(model, &options, &context));
  size_t entry = 0;
  check(lathe_model_find_entry(model, argv[2], &entry));
  lathe_model_info_t info = {};
  info.struct_size = sizeof(info);
  check(lathe_model_info(model, &info));

  std::minstd_rand random(1);
  std::vector<int32_t> ids, positions, sequences, zeros;
  for (long r = 0; r < rows; ++r)
    for (long t = 0; t < tokens; ++t) {
      ids.push_back(static_cast<int32_t>(
          random() % static_cast<unsigned long>(info.vocabulary)));
      positions.push_back(static_cast<int32_t>(t));
      sequences.push_back(static_cast<int32_t>(r));
      zeros.push_back(0);
    }
  lathe_symbol_info_t symbol;
  for (size_t s = 0; lathe_model_symbol(model, s, &symbol) == LATHE_OK; ++s)
    if (!std::strcmp(symbol.name, "sequences"))
      check(lathe_context_set_symbol(context, s, rows));
  lathe_entry_info_t description;
  check(lathe_model_entry(model, entry, &description));
  int64_t size = rows * tokens;
  for (size_t i = 0; i < description.input_count; ++i) {
    lathe_tensor_info_t input;
    check(lathe_model_input(model, entry, i, &input));
    std::string_view name = input.name;
    const auto &values = name == "tokens"      ? ids
                         : name == "positions" ? positions
                         : name == "sequences" ? sequences
                                               : zeros;
    check(lathe_context_set_input(context, entry, i, values.data(), &size, 1));
  }
  std::printf("[");
  for (long i = -1; i < repetitions; ++i) {
    auto begin = std::chrono::steady_clock::now();
    check(lathe_context_call(context, entry));
    std::chrono::duration<double, std::milli> time =
        std::chrono::steady_clock::now() - begin;
    if (i >= 0)
      std::printf("%s%.4f", i ? ", " : "", time.count());
  }
  std::printf("]\n");
  lathe_context_free(context);
  lathe_model_free(model);
  return 0;
}
