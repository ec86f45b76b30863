//===- PackQuantisedTest.cpp - Tests of PackQuantised.h -------------------===//

#include "compiler/emit/PackQuantised.h"

#include "compiler/emit/Quantize.h"
#include "dialects/lathe/PackedQuant.h"
#include "frontend/weights/GgufEncoding.h"
#include "runtime/formats/Convert.h"
#include "runtime/formats/GgufBlocks.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

using namespace lathe;
using runtime::BlockLayout;

namespace {

constexpr int64_t kColumns = 32;

/// Reads one term after another, by the head comment of PackedQuant.h alone.
struct PlainReader {
  std::span<const std::byte> bytes;
  PackedAttr packing;
  int64_t depth;

  uint32_t at(int64_t place, int64_t size) const {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + place, size);
    return value;
  }
  float half(int64_t place) const {
    return runtime::halfToFloat(uint16_t(at(place, 2)));
  }

  float term(int64_t row, int64_t k) const {
    PackedQuant sizes(packing);
    QuantAttr quant = packing.getQuant();
    int64_t c = row % kColumns, group = quant.getGroup();
    int64_t unit = row / kColumns * sizes.panelBytes(depth) +
                   k / quant.unit() * sizes.unitBytes();
    int64_t g = k % quant.unit() / group, i = k % group;
    float scale = half(unit + 2 * c), minimum = 0;
    if (sizes.hasMinimum())
      minimum = half(unit + sizes.minimumOffset() + 2 * c);
    if (sizes.hasGroupFactors()) {
      uint32_t t = at(unit + sizes.groupScaleOffset() + g * kColumns + c, 1);
      scale *= quant.getScale().isSignedInteger() ? float(int8_t(t)) : float(t);
      if (sizes.hasMinimum())
        minimum *=
            float(at(unit + sizes.groupMinimumOffset() + g * kColumns + c, 1));
    }
    int64_t words = unit + sizes.groupsOffset() + g * sizes.groupBytes();
    auto word = [&](int64_t base, int64_t index) {
      return at(base + 4 * (index * kColumns + c), 4);
    };
    uint32_t q;
    if (quant.bits() == 8) {
      q = word(words, i / 4) >> (8 * (i % 4)) & 255;
    } else {
      q = word(words, i / 8) >> (8 * (i % 4) + i % 8 / 4 * 4) & 15;
      if (int64_t extra = quant.bits() - 4) {
        int64_t perWord = 32 / extra;
        uint32_t high = word(words + sizes.highOffset(), i / perWord);
        q |= (high >> (8 * (i % 4) + i % perWord / 4 * extra) &
              ((1u << extra) - 1))
             << 4;
      }
    }
    return std::fma(float(q), scale, -float(sizes.zero()) * scale - minimum);
  }
};

TEST(PackQuantisedTest, KeepsEveryNumberOfEveryLayout) {
  mlir::MLIRContext context;
  context.loadDialect<LatheDialect>();
  std::mt19937 random(1);
  for (const BlockLayout &layout : runtime::blockLayouts()) {
    const runtime::GgmlTypeInfo *type = runtime::findGgmlType(layout.type);
    // Two panels, the second with rows missing, of two blocks or more.
    int64_t rows = 37, depth = 2 * std::max<int64_t>(type->blockElements, 48);
    depth = depth / type->blockElements * type->blockElements;
    std::vector<std::byte> bytes(rows * depth / type->blockElements *
                                 type->blockBytes);
    for (std::byte &byte : bytes)
      // Below 0x7C no half is an infinity or NaN, wherever it may stand.
      byte = std::byte(random() % 0x7C);
    std::vector<float> expected(rows * depth);
    ASSERT_TRUE(runtime::dequantize(layout.type, bytes, expected));

    std::array<int64_t, 2> dims = {depth, rows};
    auto quant = mlir::cast<QuantAttr>(
        parameterType(&context, layout.type, dims).getEncoding());
    ASSERT_TRUE(hasPackedLayout(quant, depth)) << type->name;
    auto packing = PackedAttr::get(&context, kColumns, 8, quant);
    HostTensor packed =
        packQuantised(HostTensor(layout, {rows, depth}, bytes), packing);
    PackedQuant sizes(packing);
    ASSERT_EQ(packed.bytes().size(), size_t(2 * sizes.panelBytes(depth)));

    PlainReader reader{packed.bytes(), packing, depth};
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < depth; ++k)
        ASSERT_EQ(reader.term(row, k), expected[row * depth + k])
            << type->name << " row " << row << " term " << k;
    EXPECT_EQ(reader.term(rows, 0), 0) << type->name;
  }
}

TEST(PackQuantisedTest, PacksBytesWithAScaleARow) {
  mlir::MLIRContext context;
  context.loadDialect<LatheDialect>();
  mlir::Builder builder(&context);
  std::mt19937 random(1);
  std::normal_distribution<float> draw;
  for (int64_t depth : {1, 7, 77, 256}) {
    std::vector<float> values(37 * depth);
    for (float &value : values)
      value = draw(random);
    auto quant = QuantAttr::get(&context, builder.getIntegerType(8, true),
                                depth, builder.getF32Type(), {}, 0, 0);
    HostTensor rows =
        quantize(HostTensor(runtime::ElementType::F32, {37, depth},
                            std::as_bytes(std::span(values))),
                 quant);
    HostTensor numbers = cast(rows, runtime::ElementType::F32);
    auto packing = PackedAttr::get(&context, kColumns, 8, quant);
    HostTensor packed = packQuantised(rows, packing);
    PackedQuant sizes(packing);
    ASSERT_EQ(packed.bytes().size(), size_t(2 * sizes.panelBytes(depth)));
    for (int64_t row = 0; row < 37; ++row)
      for (int64_t k = 0; k < depth; ++k) {
        const std::byte *panel =
            packed.bytes().data() + row / kColumns * sizes.panelBytes(depth);
        int64_t c = row % kColumns;
        float scale, expected;
        std::memcpy(&scale, panel + 4 * c, 4);
        std::memcpy(&expected, numbers.bytes().data() + 4 * (row * depth + k),
                    4);
        int64_t place = 4 * (k / 4 * kColumns + c) + k % 4;
        int32_t q = int32_t(panel[sizes.groupsOffset() + place]) - 128;
        ASSERT_EQ(scale * float(q), expected) << row << ", " << k;
      }
  }
}

} // namespace
