//===- Comparison.cpp - A fast artifact against its slow twin -------------===//

#include "runtime/tools/Comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace lathe::tools;

void Comparison::record(lathe_context_t *twin) {
  lathe_context_observe(twin, onTwin, this);
}

void Comparison::check(const lathe_model_t *model, lathe_context_t *context) {
  lathe_tensor_t weight;
  for (size_t i = 0; lathe_model_weight(model, i, &weight) == LATHE_OK; ++i)
    weights.insert(weight.data);
  lathe_context_observe(context, onChecked, this);
}

void Comparison::onTwin(void *self, const lathe_launch_t *launch) {
  if (!launch->finished)
    return;
  auto &values = static_cast<Comparison *>(self)->values;
  for (size_t i = 0; i < launch->operand_count; ++i) {
    const lathe_tensor_t &tensor = launch->operands[i];
    auto *data = static_cast<const std::byte *>(tensor.data);
    // Assigned, not kept from the first launch: a value that is updated in
    // place counts as it is last.
    values[tensor.name] = {tensor.dtype, {data, data + tensor.bytes}};
  }
}

/// True if the launch computes \p tensor: it bears the launch's name.
static bool isResult(const lathe_launch_t &launch,
                     const lathe_tensor_t &tensor) {
  return std::strcmp(launch.name, tensor.name) == 0;
}

void Comparison::onChecked(void *self, const lathe_launch_t *launch) {
  auto &comparison = *static_cast<Comparison *>(self);
  for (size_t i = 0; i < launch->operand_count; ++i) {
    const lathe_tensor_t &tensor = launch->operands[i];
    bool result = isResult(*launch, tensor) || i + 1 == launch->operand_count;
    auto found = comparison.values.find(tensor.name);
    if (found == comparison.values.end() ||
        found->second.bytes.size() != tensor.bytes)
      continue;
    if (launch->finished && result)
      comparison.compare(*launch, tensor);
    // Weights are read-only, and may have another layout in the twin.
    else if (!launch->finished && !result &&
             !comparison.weights.contains(tensor.data) &&
             tensor.dtype == found->second.dtype &&
             std::memcmp(tensor.data, found->second.bytes.data(),
                         tensor.bytes) != 0)
      std::memcpy(tensor.data, found->second.bytes.data(), tensor.bytes);
  }
}

void Comparison::compare(const lathe_launch_t &launch,
                         const lathe_tensor_t &tensor) {
  const Value &twin = values.at(tensor.name);
  if (tensor.dtype != LATHE_F32 || twin.dtype != LATHE_F32)
    return;
  size_t count = tensor.bytes / sizeof(float);
  auto *got = static_cast<const float *>(tensor.data);
  std::vector<float> expected(count);
  std::memcpy(expected.data(), twin.bytes.data(), tensor.bytes);
  double largest = 0, difference = 0;
  for (size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::fabs(double(expected[i])));
    double d = std::fabs(double(got[i]) - expected[i]);
    // A NaN fails every comparison, so it is asked for by name.
    difference = std::isnan(d) ? INFINITY : std::max(difference, d);
  }
  ++compared;
  double share = difference == 0 ? 0 : difference / std::max(largest, 1e-30);
  if (share > worst || worstName.empty()) {
    worst = share;
    worstName = tensor.name;
  }
  if (share <= bound || !firstBad.empty())
    return;
  char text[64];
  std::snprintf(text, sizeof(text), "%.3g", share);
  firstBad = std::string(tensor.name) + ": computed by kernel '" +
             launch.kernel + "', differs from the twin by " + text +
             " of its largest element";
}

Exit Comparison::report() const {
  if (!firstBad.empty())
    return fail(Exit::CheckFailed, firstBad);
  if (compared == 0)
    return fail(Exit::CheckFailed, "no value has a name in both artifacts "
                                   "(compile both from the same model)");
  std::fprintf(stderr,
               "%zu values compared; the largest difference is %.3g of the "
               "largest element, in %s\n",
               compared, worst, worstName.c_str());
  return Exit::Done;
}
