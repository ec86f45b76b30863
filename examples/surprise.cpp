// Says how surprised a decoder is by each word of a text, through the C++
// header.
//
//     surprise model.lathe "The cat sat on the moon"
//
// Runs the entry `forward` on the text's tokens and prints each token with the
// probability that the model gave it, in bits: -log2 p.
//
// Build: c++ -std=c++20 surprise.cpp $(pkg-config --cflags --libs lathe) -o
// surprise

#include "lathe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

/// Prints the library's message if a call failed.
static bool failed(lathe_status_t status) {
  if (status != LATHE_OK)
    std::fprintf(stderr, "error: %s\n", lathe_message());
  return status != LATHE_OK;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: surprise MODEL TEXT\n");
    return 2;
  }
  lathe::ModelHandle model;
  lathe::ContextHandle context;
  std::vector<int32_t> tokens;
  size_t forward = 0;
  if (failed(model.open(argv[1])) || failed(context.create(model)) ||
      failed(model.findEntry("forward", forward)) ||
      failed(model.encode(argv[2], LATHE_ADD_SPECIAL, tokens)))
    return 1;

  // One sequence, number 0, at positions 0, 1, 2 …
  std::vector<int32_t> positions(tokens.size()), sequences(tokens.size(), 0);
  std::iota(positions.begin(), positions.end(), 0);
  std::array size = {static_cast<int64_t>(tokens.size())};
  const std::vector<int32_t> *inputs[] = {&tokens, &positions, &sequences};
  for (size_t i = 0; i < 3; ++i)
    if (failed(context.setInput(forward, i, std::span(*inputs[i]), size)))
      return 1;
  lathe_tensor_t logits;
  if (failed(context.call(forward)) ||
      failed(context.output(forward, 0, logits)))
    return 1;

  auto *rows = static_cast<const float *>(logits.data);
  int64_t vocabulary = logits.dims[1];
  for (size_t t = 1; t < tokens.size(); ++t) {
    // Row t - 1 predicts token t.
    const float *row = rows + static_cast<int64_t>(t - 1) * vocabulary;
    double largest = *std::max_element(row, row + vocabulary), sum = 0;
    for (int64_t v = 0; v < vocabulary; ++v)
      sum += std::exp(row[v] - largest);
    double bits = (std::log(sum) + largest - row[tokens[t]]) / std::log(2.0);
    std::string text;
    if (failed(model.decode(std::span(&tokens[t], 1), 0, text)))
      return 1;
    std::printf("%6.2f  %s\n", bits, text.c_str());
  }
  return 0;
}
