//===- consumer.cpp - A C++ program on the installed library --------------===//

#include <lathe.hpp>

#include <cstdio>

int main(int argc, char **argv) {
  lathe::ModelHandle model;
  lathe::ContextHandle context;
  if (argc != 2 || model.open(std::string(argv[1])) != LATHE_OK ||
      context.create(model) != LATHE_OK) {
    std::fprintf(stderr, "%s\n", lathe_message());
    return 1;
  }
  const std::vector<float> x(4, 1);
  const std::vector<int64_t> dims = {1, 4};
  lathe_tensor_t y;
  if (context.setInput<float>(0, 0, x, dims) != LATHE_OK ||
      context.call(0) != LATHE_OK || context.output(0, 0, y) != LATHE_OK) {
    std::fprintf(stderr, "%s\n", lathe_message());
    return 1;
  }
  std::printf("%s %g\n", lathe_version(), static_cast<float *>(y.data)[3]);
}
