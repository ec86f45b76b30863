//===- Sampler.cpp - The next token from its logits -----------------------===//

#include "runtime/Sampler.h"

#include <algorithm>
#include <cmath>

using namespace lathe::runtime;

std::array<uint32_t, 4> lathe::runtime::philox(std::array<uint32_t, 4> counter,
                                               std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = kMultiplier0 * counter[0];
    uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    // The key's schedule wraps around on purpose.
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

double lathe::runtime::uniformDraw(uint64_t seed, uint64_t index) {
  std::array<uint32_t, 4> bits = philox(
      {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  uint64_t word = static_cast<uint64_t>(bits[0]) << 32 | bits[1];
  return static_cast<double>(word >> 11) * 0x1p-53;
}

int32_t lathe::runtime::argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best] ||
        (std::isnan(logits[best]) && !std::isnan(logits[i])))
      best = i;
  return static_cast<int32_t>(best);
}

static Status outOfRange(const char *name, double value, const char *range) {
  return Status::error(StatusCode::InvalidArgument,
                       std::string(name) + ": is " + std::to_string(value) +
                           ", expected " + range);
}

Result<Sampler> Sampler::create(const SamplingOptions &options,
                                int64_t vocabulary) {
  // Written so that NaN fails each of them.
  if (!(options.temperature >= 0 && std::isfinite(options.temperature)))
    return outOfRange("temperature", options.temperature, "0 or more");
  if (options.topK < 0)
    return outOfRange("top_k", options.topK, "0 or more");
  if (!(options.topP >= 0 && options.topP <= 1))
    return outOfRange("top_p", options.topP, "0 to 1");
  if (!(options.minP >= 0 && options.minP <= 1))
    return outOfRange("min_p", options.minP, "0 to 1");
  if (!(options.repetitionPenalty >= 0 &&
        std::isfinite(options.repetitionPenalty)))
    return outOfRange("repetition_penalty", options.repetitionPenalty,
                      "0 or more");
  Sampler sampler;
  sampler.options = options;
  if (sampler.hasPenalty())
    sampler.seen.resize(static_cast<size_t>(vocabulary));
  return sampler;
}

bool Sampler::hasPenalty() const {
  return options.repetitionPenalty != 0 && options.repetitionPenalty != 1;
}

bool Sampler::isGreedy() const {
  return options.temperature == 0 && !hasPenalty();
}

void Sampler::observe(int32_t id) {
  if (id >= 0 && static_cast<size_t>(id) < seen.size())
    seen[static_cast<size_t>(id)] = true;
}

/// Orders by falling logit, equal ones by rising id: a total order, so that
/// every sort gives the same list.
static bool isBefore(const std::pair<float, int32_t> &lhs,
                     const std::pair<float, int32_t> &rhs) {
  return lhs.first != rhs.first ? lhs.first > rhs.first
                                : lhs.second < rhs.second;
}

void Sampler::collect(std::span<const float> logits) {
  candidates.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    float logit = logits[i];
    if (std::isnan(logit))
      continue;
    if (i < seen.size() && seen[i])
      logit = logit > 0 ? logit / options.repetitionPenalty
                        : logit * options.repetitionPenalty;
    candidates.emplace_back(logit, static_cast<int32_t>(i));
  }
}

/// Drops what could not be drawn in a lifetime, so that little is left to sort.
void Sampler::dropUnlikely() {
  // exp(-41.6) is 2^-60.
  constexpr float kNegligible = 41.6f;
  float largest =
      std::min_element(candidates.begin(), candidates.end(), isBefore)->first;
  float limit = largest - kNegligible * options.temperature;
  // An infinite largest logit leaves only its equals.
  std::erase_if(candidates, [&](const std::pair<float, int32_t> &candidate) {
    return candidate.first != largest && !(candidate.first >= limit);
  });
}

Result<int32_t> Sampler::next(std::span<const float> logits) {
  collect(logits);
  if (candidates.empty())
    return Status::error(StatusCode::DeviceError,
                         "none of " + std::to_string(logits.size()) +
                             " logits is a number");
  if (options.temperature == 0)
    return std::min_element(candidates.begin(), candidates.end(), isBefore)
        ->second;

  dropUnlikely();
  size_t kept = candidates.size();
  if (options.topK > 0)
    kept = std::min(kept, static_cast<size_t>(options.topK));
  auto keptEnd = candidates.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(candidates.begin(), keptEnd, candidates.end(), isBefore);
  candidates.resize(kept);
  return draw();
}

/// Cuts the sorted candidates by top-p and min-p and draws one of them.
int32_t Sampler::draw() {
  // Relative to the largest, which becomes 1: no overflow.
  double largest = candidates.front().first;
  double total = 0;
  weights.clear();
  for (const auto &[logit, id] : candidates) {
    // Of infinite logits, the largest ones share all.
    double weight = logit == candidates.front().first
                        ? 1.0
                        : std::exp((logit - largest) / options.temperature);
    weights.push_back(weight);
    total += weight;
  }
  if (options.topP > 0 && options.topP < 1) {
    double sum = 0;
    size_t count = 0;
    while (count < weights.size() && sum < options.topP * total)
      sum += weights[count++];
    weights.resize(std::max<size_t>(count, 1));
  }
  while (weights.back() < options.minP)
    weights.pop_back();

  double sum = 0;
  for (double weight : weights)
    sum += weight;
  double goal = uniformDraw(options.seed, draws++) * sum;
  size_t chosen = 0;
  for (double passed = weights[0];
       passed <= goal && chosen + 1 < weights.size(); passed += weights[chosen])
    ++chosen;
  return candidates[chosen].second;
}
