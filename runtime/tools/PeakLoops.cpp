//===- PeakLoops.cpp - The most multiply-adds of a level ------------------===//
//
// One function an instruction, each with the target that it is for: this
// program runs on processors that do not have all of them.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/PeakLoops.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using namespace lathe::tools;

/// Sums that do not wait for each other: two units with a latency of six cycles
/// need twelve.
static constexpr size_t kChains = 12;
static constexpr size_t kSteps = 100'000;

/// What a loop has computed goes here, so that it is not left out.
static thread_local volatile float sink;

namespace {
/// The loops of a level: those of f32, bf16 and bytes.
struct LevelLoops {
  std::string_view target;
  PeakLoop loops[3];
};
} // namespace

/// A loop of instructions that do \p multiplyAdds each.
static constexpr PeakLoop chains(void (*run)(uint32_t), size_t multiplyAdds) {
  return {run, 2.0 * static_cast<double>(multiplyAdds * kChains * kSteps)};
}

// Of any vector type, and without instructions of a level, so that they become
// part of loops for each.

/// Gives each of \p sums a number of its own.
template <typename Vector>
[[gnu::always_inline]] static inline void beginChains(Vector (&sums)[kChains]) {
  for (size_t i = 0; i < kChains; ++i)
    for (size_t lane = 0; lane < sizeof(Vector) / sizeof(sums[0][0]); ++lane)
      sums[i][lane] = i;
}

/// Lets all of \p sums count.
template <typename Vector>
[[gnu::always_inline]] static inline void endChains(Vector (&sums)[kChains]) {
  for (size_t i = 1; i < kChains; ++i)
    sums[0] += sums[i];
  sink = static_cast<float>(sums[0][0]);
}

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void runFma512(uint32_t word) {
  __m512 by = _mm512_set1_ps(std::bit_cast<float>(word)), sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m512 &sum : sums)
      sum = _mm512_fmadd_ps(sum, by, by);
  endChains(sums);
}

__attribute__((target("avx2,fma"))) static void runFma256(uint32_t word) {
  __m256 by = _mm256_set1_ps(std::bit_cast<float>(word)), sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m256 &sum : sums)
      sum = _mm256_fmadd_ps(sum, by, by);
  endChains(sums);
}

__attribute__((target("avx512f,avx512bf16"))) static void
runDpbf16(uint32_t word) {
  auto by =
      reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int32_t>(word)));
  __m512 sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m512 &sum : sums)
      sum = _mm512_dpbf16_ps(sum, by, by);
  endChains(sums);
}

__attribute__((target("avx512f,avx512vnni"))) static void
runDpbusd(uint32_t word) {
  __m512i by = _mm512_set1_epi32(static_cast<int32_t>(word)), sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m512i &sum : sums)
      sum = _mm512_dpbusd_epi32(sum, by, by);
  endChains(sums);
}

// Before vpdpbusd three instructions do its work. Their products do not depend
// on the sums, so an empty statement keeps them from leaving the loop.

__attribute__((target("avx512f,avx512bw"))) static void
runMaddubs512(uint32_t word) {
  __m512i by = _mm512_set1_epi32(static_cast<int32_t>(word)), sums[kChains];
  __m512i ones = _mm512_set1_epi16(1);
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m512i &sum : sums) {
      asm("" : "+v"(by));
      __m512i pairs = _mm512_maddubs_epi16(by, by);
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, ones));
    }
  endChains(sums);
}

__attribute__((target("avx2"))) static void runMaddubs256(uint32_t word) {
  __m256i by = _mm256_set1_epi32(static_cast<int32_t>(word)), sums[kChains];
  __m256i ones = _mm256_set1_epi16(1);
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (__m256i &sum : sums) {
      asm("" : "+x"(by));
      __m256i pairs = _mm256_maddubs_epi16(by, by);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
  endChains(sums);
}

namespace {
/// What LDTILECFG reads: eight tile registers of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t startRow = 0;
  uint8_t reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);
} // namespace

/// A product takes 16 cycles, and four tiles of sums do not wait for each
/// other.
static constexpr size_t kTileSteps = 10'000;

/// A loop of tile products of \p depth terms.
static constexpr PeakLoop tiles(void (*run)(uint32_t), size_t depth) {
  return {run, 2.0 * static_cast<double>(16 * 16 * depth * 4 * kTileSteps)};
}

__attribute__((target("amx-tile"))) static void beginTiles(uint32_t word) {
  TileConfig config;
  _tile_loadconfig(&config);
  alignas(64) uint32_t numbers[16 * 16];
  std::fill(std::begin(numbers), std::end(numbers), word);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, numbers, 64);
  _tile_loadd(5, numbers, 64);
  _tile_loadd(6, numbers, 64);
  _tile_loadd(7, numbers, 64);
}

__attribute__((target("amx-tile,amx-bf16"))) static void
runTilesBf16(uint32_t word) {
  beginTiles(word);
  for (size_t step = 0; step < kTileSteps; ++step) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

__attribute__((target("amx-tile,amx-int8"))) static void
runTilesBytes(uint32_t word) {
  beginTiles(word);
  for (size_t step = 0; step < kTileSteps; ++step) {
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
  _tile_release();
}

static constexpr LevelLoops kLevels[] = {
    {"x86-64-v3", {chains(runFma256, 8), {}, chains(runMaddubs256, 32)}},
    {"x86-64-v4", {chains(runFma512, 16), {}, chains(runMaddubs512, 64)}},
    {"x86-64-v4-vnni-bf16",
     {chains(runFma512, 16), chains(runDpbf16, 32), chains(runDpbusd, 64)}},
    {"x86-64-v4-amx",
     {chains(runFma512, 16), tiles(runTilesBf16, 32),
      tiles(runTilesBytes, 64)}},
};

#elif defined(__aarch64__)

static void runFma128(uint32_t word) {
  float32x4_t by = vdupq_n_f32(std::bit_cast<float>(word)), sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (float32x4_t &sum : sums)
      sum = vfmaq_f32(by, sum, by);
  endChains(sums);
}

__attribute__((target("arch=armv8.2-a+dotprod"))) static void
runSdot(uint32_t word) {
  int8x16_t by = vreinterpretq_s8_u32(vdupq_n_u32(word));
  int32x4_t sums[kChains];
  beginChains(sums);
  for (size_t step = 0; step < kSteps; ++step)
    for (int32x4_t &sum : sums)
      sum = vdotq_s32(sum, by, by);
  endChains(sums);
}

static constexpr LevelLoops kLevels[] = {
    {"aarch64", {chains(runFma128, 4), {}, chains(runSdot, 16)}},
};

#else
#error "no loops for this machine"
#endif

PeakLoop lathe::tools::peakLoopOf(std::string_view target,
                                  lathe_arithmetic_t arithmetic) {
  for (const LevelLoops &level : kLevels)
    if (level.target == target)
      return level.loops[arithmetic];
  return {};
}
