//===- Quantize.cpp - The numbers of lathe.quantize -----------------------===//
//
// Written so that compilers may vectorise it and every machine still gives the
// same bits: sums are those of eight lanes, and nothing is contracted.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/Quantize.h"

#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include "llvm/Support/Parallel.h"

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

static int32_t roundEven(float value) {
  return std::bit_cast<int32_t>(value + kRounder) -
         std::bit_cast<int32_t>(kRounder);
}

/// The element of \p values with the largest magnitude; a NaN where there is
/// one.
static float mostExtreme(std::span<const float> values) {
  uint32_t most = 0;
  float found = 0;
  for (float value : values) {
    // The bits of magnitudes are in the order of the numbers, NaNs last.
    uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffff;
    if (magnitude > most) {
      most = magnitude;
      found = value;
    }
  }
  return found;
}

//===----------------------------------------------------------------------===//
// Signed bytes
//===----------------------------------------------------------------------===//

/// Writes one row in the layout of \p rows.
static void quantizeBytes(std::span<const float> row, const QuantRows &rows,
                          std::byte *target) {
  for (int64_t g = 0; g < rows.groups(); ++g) {
    std::span<const float> values = row.subspan(g * rows.group(), rows.group());
    float most = std::fabs(mostExtreme(values));
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
  llvm::parallelFor(0, count, [&](size_t row) {
    std::vector<float> values(depth);
    std::memcpy(values.data(), input.bytes().data() + row * depth * 4,
                depth * 4);
    quantizeBytes(values, rows, target + row * rows.rowBytes());
  });
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

/// A group of numbers and the best way found to store it.
struct Nibbles {
  uint16_t scale = 0;
  std::array<uint8_t, kGroup> quanta = {};
  float error = std::numeric_limits<float>::infinity();
};

} // namespace

/// Keeps in \p best the quanta for the scale \p candidate, rounded to f16, if
/// they leave less error than what it has.
static void tryScale(std::span<const float, kGroup> values, float candidate,
                     Nibbles &best) {
  constexpr int64_t kLanes = 8;
  uint16_t code = runtime::floatToHalf(candidate);
  float scale = runtime::halfToFloat(code);
  float inverse = scale == 0 ? 0.0f : 1.0f / scale;
  std::array<int32_t, kGroup> quanta;
  std::array<float, kLanes> errors = {};
  for (int64_t first = 0; first < kGroup; first += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      float value = values[first + lane];
      // Clamped before it is rounded: whole numbers stay in range.
      float steps = std::min(std::max(value * inverse, -8.0f), 7.0f);
      int32_t q = roundEven(steps);
      float off = value - scale * static_cast<float>(q);
      errors[lane] += off * off;
      quanta[first + lane] = q + kZero;
    }
  float error = 0;
  for (float part : errors)
    error += part;
  if (!(error < best.error))
    return;
  best.error = error;
  best.scale = code;
  for (int64_t k = 0; k < kGroup; ++k)
    best.quanta[k] = static_cast<uint8_t>(quanta[k]);
}

/// Writes a block: the scale, then each of the first sixteen quanta in the low
/// half of a byte, the others in the high halves.
static void quantizeBlock(std::span<const float, kGroup> values,
                          std::byte *target) {
  float most = mostExtreme(values);
  Nibbles best;
  best.quanta.fill(kZero);
  if (!std::isfinite(most))
    best.scale = runtime::floatToHalf(std::numeric_limits<float>::quiet_NaN());
  else if (std::fabs(most) >= kLeast)
    for (int32_t i = 0; i < kCandidates; ++i)
      tryScale(values, most / -(7.0f + static_cast<float>(i) / 8.0f), best);
  std::memcpy(target, &best.scale, sizeof best.scale);
  for (int64_t k = 0; k < kGroup / 2; ++k)
    target[2 + k] =
        std::byte(best.quanta[k] | best.quanta[k + kGroup / 2] << 4);
}

static HostTensor quantizeToNibbles(const HostTensor &input) {
  int64_t rows = input.shape()[0], blocks = input.shape()[1] / kGroup;
  HostTensor result(runtime::ElementType::U8, {rows, blocks * kBlockBytes});
  std::byte *target = result.mutableBytes().data();
  llvm::parallelFor(0, rows, [&](size_t row) {
    for (int64_t block = row * blocks; block < int64_t(row + 1) * blocks;
         ++block) {
      std::array<float, kGroup> values;
      std::memcpy(values.data(), input.bytes().data() + block * kGroup * 4,
                  kGroup * 4);
      quantizeBlock(values, target + block * kBlockBytes);
    }
  });
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
