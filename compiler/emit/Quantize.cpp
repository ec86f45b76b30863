//===- Quantize.cpp - The numbers of lathe.quantize -----------------------===//
//
// Written so that compilers may vectorise it and every machine still gives the
// same bits: sums are those of eight lanes, and nothing is contracted.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/Quantize.h"

#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

using namespace lathe;

#pragma STDC FP_CONTRACT OFF

/// Below it a group is zeros: its reciprocal could overflow.
static constexpr float kLeast = 0x1p-100f;

/// Adding it rounds to a whole number, which then stands in the low bits.
static constexpr float kRounder = 12582912.0f;

static inline int32_t roundEven(float value) {
  return std::bit_cast<int32_t>(value + kRounder) -
         std::bit_cast<int32_t>(kRounder);
}

/// The bits of the magnitude, which are in the order of the numbers, NaNs last.
static inline int32_t magnitudeOf(float value) {
  return std::bit_cast<int32_t>(value) & 0x7fffffff;
}

static inline int32_t largestMagnitude(std::span<const float> values) {
  int32_t most = 0;
  for (float value : values)
    most = std::max(most, magnitudeOf(value));
  return most;
}

//===----------------------------------------------------------------------===//
// Signed bytes
//===----------------------------------------------------------------------===//

/// Writes one row in the layout of \p rows.
static void quantizeBytes(std::span<const float> row, const QuantRows &rows,
                          std::byte *target) {
  for (int64_t g = 0; g < rows.groups(); ++g) {
    std::span<const float> values = row.subspan(g * rows.group(), rows.group());
    float most = std::bit_cast<float>(largestMagnitude(values));
    float scale = most / 127.0f;
    float inverse = most < kLeast ? 0.0f : 127.0f / most;
    auto *quanta = reinterpret_cast<int8_t *>(target + g * rows.group());
    for (int64_t k = 0; k < rows.group(); ++k)
      quanta[k] = static_cast<int8_t>(roundEven(values[k] * inverse));
    if (!std::isfinite(most))
      scale = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(target + rows.scalesOffset() + 4 * g, &scale, sizeof scale);
  }
  int64_t terms = rows.sumTerms();
  for (int64_t first = 0; first < int64_t(row.size()); first += terms) {
    int32_t sum = 0;
    for (int64_t k = first; k < first + terms; ++k)
      sum += int8_t(target[k]);
    std::memcpy(target + rows.sumsOffset() + first / terms * rows.sumBytes(),
                &sum, rows.sumBytes());
  }
}

static HostTensor quantizeToBytes(const HostTensor &input, int64_t group) {
  int64_t count = input.shape()[0], depth = input.shape()[1];
  QuantRows rows(group, depth);
  HostTensor result(runtime::ElementType::U8, {count, rows.rowBytes()});
  std::byte *target = result.mutableBytes().data();
  std::vector<float> values(depth);
  for (int64_t row = 0; row < count; ++row) {
    std::memcpy(values.data(), input.bytes().data() + row * depth * 4,
                depth * 4);
    quantizeBytes(values, rows, target + row * rows.rowBytes());
  }
  return std::move(result).ofRows({nullptr, group}, input.shape());
}

//===----------------------------------------------------------------------===//
// Four bits: blocks of Q4_0
//===----------------------------------------------------------------------===//

namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kBlockBytes = 2 + kGroup / 2;
constexpr int64_t kZero = 8;
constexpr int32_t kCandidates = 17;

using Group = std::span<const float, kGroup>;

} // namespace

/// Where \p value lies on the grid of \p inverse, before it is rounded. Clamped
/// here: then whole numbers stay in range.
static inline float stepsOf(float value, float inverse) {
  return std::min(std::max(value * inverse, -8.0f), 7.0f);
}

static inline float inverseOf(float scale) {
  return scale == 0 ? 0.0f : 1.0f / scale;
}

/// The sum of the squares of what is lost of \p values with \p scale.
[[gnu::always_inline]] static inline float errorOf(Group values, float scale) {
  constexpr int64_t kLanes = 8;
  float inverse = inverseOf(scale);
  std::array<float, kLanes> errors = {};
  for (int64_t first = 0; first < kGroup; first += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      float value = values[first + lane];
      float quantum = stepsOf(value, inverse) + kRounder - kRounder;
      float off = value - scale * quantum;
      errors[lane] += off * off;
    }
  float error = 0;
  for (float part : errors)
    error += part;
  return error;
}

/// The scale, as an f16, that leaves the least error of those that take
/// \p most, the number with the largest magnitude, to -7 to -9.
[[gnu::always_inline]] static inline uint16_t bestScale(Group values,
                                                        float most) {
  uint16_t best = 0;
  float least = std::numeric_limits<float>::infinity();
  for (int32_t i = 0; i < kCandidates; ++i) {
    uint16_t code = runtime::floatToHalf(most / -(7.0f + float(i) / 8.0f));
    float error = errorOf(values, runtime::halfToFloat(code));
    if (error < least) {
      least = error;
      best = code;
    }
  }
  return best;
}

/// Writes a block: the scale, then each of the first sixteen quanta in the low
/// half of a byte, the others in the high halves.
[[gnu::always_inline]] static inline void quantizeBlock(Group values,
                                                        std::byte *target) {
  int32_t magnitude = largestMagnitude(values);
  bool isFinite = std::isfinite(std::bit_cast<float>(magnitude));
  uint16_t scale =
      runtime::floatToHalf(std::numeric_limits<float>::quiet_NaN());
  std::array<int32_t, kGroup> quanta;
  quanta.fill(kZero);
  if (isFinite) {
    float most = *std::ranges::find_if(
        values, [&](float value) { return magnitudeOf(value) == magnitude; });
    scale = std::fabs(most) < kLeast ? 0 : bestScale(values, most);
    float inverse = inverseOf(runtime::halfToFloat(scale));
    for (int64_t k = 0; k < kGroup; ++k)
      quanta[k] += roundEven(stepsOf(values[k], inverse));
  }
  std::memcpy(target, &scale, sizeof scale);
  for (int64_t k = 0; k < kGroup / 2; ++k)
    target[2 + k] = std::byte(quanta[k] | quanta[k + kGroup / 2] << 4);
}

/// Quantises \p blocks groups of f32 at \p source, at any alignment.
[[gnu::always_inline]] static inline void
quantizeBlocks(const std::byte *source, int64_t blocks, std::byte *target) {
  for (int64_t block = 0; block < blocks; ++block) {
    std::array<float, kGroup> values;
    std::memcpy(values.data(), source + block * sizeof values, sizeof values);
    quantizeBlock(values, target + block * kBlockBytes);
  }
}

// The same code twice: with the vectors that x86-64 had in its first year it
// takes twice as long as with those of x86-64-v3, and weights are large.
static void quantizeBlocksPlain(const std::byte *source, int64_t blocks,
                                std::byte *target) {
  quantizeBlocks(source, blocks, target);
}
#ifdef __x86_64__
[[gnu::target("avx2")]] static void
quantizeBlocksAvx2(const std::byte *source, int64_t blocks, std::byte *target) {
  quantizeBlocks(source, blocks, target);
}
#endif

static auto pickQuantizeBlocks() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2"))
    return quantizeBlocksAvx2;
#endif
  return quantizeBlocksPlain;
}

static HostTensor quantizeToNibbles(const HostTensor &input) {
  int64_t rows = input.shape()[0], blocks = input.shape()[1] / kGroup;
  HostTensor result(runtime::ElementType::U8, {rows, blocks * kBlockBytes});
  pickQuantizeBlocks()(input.bytes().data(), rows * blocks,
                       result.mutableBytes().data());
  return std::move(result).ofRows(
      {runtime::findBlockLayout(runtime::GgmlType::Q4_0)}, input.shape());
}

HostTensor lathe::quantize(const HostTensor &input, QuantAttr quant) {
  if (quant.getQuantum().isSignedInteger())
    return quantizeToBytes(input, quant.getGroup());
  assert(quant.bits() == 4 && quant.getGroup() == kGroup &&
         quant.getScale().isF16() && "the op's verifier and the pass agree");
  return quantizeToNibbles(input);
}
