//===- HostTensor.cpp - A tensor in memory, and weight transforms ---------===//

#include "compiler/emit/HostTensor.h"

#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include "llvm/Support/MemAlloc.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

using namespace lathe;
using runtime::elementBytes;
using runtime::ElementType;

static int64_t product(std::span<const int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1),
                         std::multiplies<>());
}

HostTensor::HostTensor(ElementType type, std::vector<int64_t> shape)
    : element(type), sizes(std::move(shape)) {
  size_t bytes = product(sizes) * elementBytes(type);
  owned = {static_cast<std::byte *>(llvm::safe_calloc(bytes, 1)), std::free};
  content = {owned.get(), bytes};
}

int64_t HostTensor::elements() const { return product(sizes); }

HostTensor HostTensor::reshaped(std::vector<int64_t> shape) && {
  assert(product(shape) == elements());
  HostTensor result = std::move(*this);
  result.sizes = std::move(shape);
  return result;
}

HostTensor HostTensor::rows(int64_t begin, int64_t end) const {
  HostTensor result = *this;
  size_t rowBytes = sizes[0] > 0 ? content.size() / sizes[0] : 0;
  result.sizes[0] = end - begin;
  result.content = content.subspan(begin * rowBytes, (end - begin) * rowBytes);
  return result;
}

HostTensor HostTensor::rowBytes() const {
  std::vector<int64_t> shape = sizes;
  int64_t rows = product(std::span(sizes).first(sizes.size() - 1));
  shape.back() = rows ? int64_t(bytes().size()) / rows : 0;
  return HostTensor(ElementType::U8, std::move(shape), bytes());
}

HostTensor HostTensor::ofRows(const QuantLayout &layout,
                              std::vector<int64_t> shape) && {
  HostTensor result = std::move(*this);
  result.element = ElementType::F32;
  result.sizes = std::move(shape);
  result.quantised = layout;
  return result;
}

//===----------------------------------------------------------------------===//
// Elements that move
//===----------------------------------------------------------------------===//

/// Elements before and after one dimension of a shape.
static int64_t outerSize(const std::vector<int64_t> &shape, size_t dimension) {
  return product(std::span(shape).first(dimension));
}
static int64_t innerSize(const std::vector<int64_t> &shape, size_t dimension) {
  return product(std::span(shape).subspan(dimension + 1));
}

HostTensor lathe::concat(std::span<const HostTensor *const> inputs,
                         size_t dimension) {
  std::vector<int64_t> shape = inputs.front()->shape();
  shape[dimension] = 0;
  for (const HostTensor *input : inputs)
    shape[dimension] += input->shape()[dimension];
  HostTensor result(inputs.front()->type(), shape);

  int64_t outer = outerSize(shape, dimension);
  std::byte *target = result.mutableBytes().data();
  for (int64_t row = 0; row < outer; ++row)
    for (const HostTensor *input : inputs) {
      size_t bytes = outer ? input->bytes().size() / outer : 0;
      if (bytes)
        std::memcpy(target, input->bytes().data() + row * bytes, bytes);
      target += bytes;
    }
  return result;
}

HostTensor lathe::slice(const HostTensor &input, size_t dimension,
                        int64_t begin, int64_t end) {
  std::vector<int64_t> shape = input.shape();
  size_t inner = innerSize(shape, dimension) * elementBytes(input.type());
  size_t stride = shape[dimension] * inner;
  shape[dimension] = end - begin;
  HostTensor result(input.type(), shape);
  size_t bytes = (end - begin) * inner;
  if (bytes == 0)
    return result;
  for (int64_t row = 0; row < outerSize(shape, dimension); ++row)
    std::memcpy(result.mutableBytes().data() + row * bytes,
                input.bytes().data() + row * stride + begin * inner, bytes);
  return result;
}

HostTensor lathe::permute(const HostTensor &input,
                          std::span<const int64_t> order) {
  size_t rank = order.size(), size = elementBytes(input.type());
  // Strides of the source in bytes, by dimension of the result.
  std::vector<int64_t> shape(rank), strides(rank), index(rank, 0);
  for (size_t dim = 0; dim < rank; ++dim) {
    shape[dim] = input.shape()[order[dim]];
    strides[dim] = innerSize(input.shape(), order[dim]) * size;
  }
  HostTensor result(input.type(), shape);
  // What stays last moves as a whole.
  for (; rank > 0 && order[rank - 1] == int64_t(rank - 1); --rank)
    size *= size_t(shape[rank - 1]);
  std::byte *target = result.mutableBytes().data();
  const std::byte *source = input.bytes().data();
  for (size_t left = result.bytes().size(); left > 0; left -= size) {
    std::memcpy(target, source, size);
    target += size;
    for (size_t dim = rank; dim-- > 0;) {
      source += strides[dim];
      if (++index[dim] < shape[dim])
        break;
      source -= shape[dim] * strides[dim];
      index[dim] = 0;
    }
  }
  return result;
}

/// Moves \p groups cells of each of \p rows rows to one panel, in which a cell
/// of all \p columns rows stands together. A cache line of each row at a time:
/// so neither what is read nor what is written leaves the first-level cache.
template <typename Size>
static void packPanel(const std::byte *source, size_t rowBytes, Size cell,
                      int64_t rows, int64_t groups, int64_t columns,
                      std::byte *target) {
  int64_t cells = std::max<int64_t>(64 / cell, 1);
  for (int64_t begin = 0; begin < groups; begin += cells)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t group = begin; group < std::min(begin + cells, groups);
           ++group)
        std::memcpy(target + (group * columns + row) * cell,
                    source + row * rowBytes + group * cell, cell);
}

HostTensor lathe::pack(const HostTensor &input, int64_t columns,
                       int64_t depth) {
  int64_t rows = input.shape()[0], terms = input.shape()[1];
  int64_t panels = (rows + columns - 1) / columns;
  int64_t groups = (terms + depth - 1) / depth, whole = terms / depth;
  size_t size = elementBytes(input.type());
  size_t cell = depth * size, rowBytes = terms * size;
  HostTensor result(input.type(), {panels, groups, columns, depth});
  std::byte *begin = result.mutableBytes().data();
  for (int64_t panel = 0; panel < panels; ++panel) {
    std::byte *target = begin + panel * groups * columns * cell;
    const std::byte *source = input.bytes().data() + panel * columns * rowBytes;
    int64_t live = std::min<int64_t>(columns, rows - panel * columns);
    // The size of all cells that the compiler asks for, known to the compiler.
    if (cell == 4)
      packPanel(source, rowBytes, std::integral_constant<size_t, 4>(), live,
                whole, columns, target);
    else
      packPanel(source, rowBytes, cell, live, whole, columns, target);
    for (int64_t row = 0; whole < groups && row < live; ++row)
      std::memcpy(target + (whole * columns + row) * cell,
                  source + row * rowBytes + whole * cell,
                  rowBytes - whole * cell);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Numbers that change
//===----------------------------------------------------------------------===//

/// Rounds to f32 so that a second rounding, to 16 bits, gives what one alone
/// would: towards zero, with the last bit set if anything was lost.
static float roundToOdd(double value) {
  float nearest = static_cast<float>(value);
  if (std::isnan(value) || std::isinf(value) || nearest == value)
    return nearest;
  float chopped = std::abs(double(nearest)) > std::abs(value)
                      ? std::nextafter(nearest, 0.0f)
                      : nearest;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(chopped) | 1);
}

/// The f32 values of rows of signed bytes.
static HostTensor dequantizedRows(const HostTensor &input) {
  HostTensor result(ElementType::F32, input.shape());
  int64_t depth = input.shape().back();
  QuantRows rows(input.layout()->group, depth);
  std::byte *target = result.mutableBytes().data();
  for (int64_t row = 0; row < input.shape()[0]; ++row) {
    const std::byte *source = input.bytes().data() + row * rows.rowBytes();
    for (int64_t k = 0; k < depth; ++k) {
      float scale;
      std::memcpy(&scale, source + rows.scalesOffset() + k / rows.group() * 4,
                  sizeof scale);
      float value = scale * float(int8_t(source[k]));
      std::memcpy(target + (row * depth + k) * sizeof value, &value,
                  sizeof value);
    }
  }
  return result;
}

/// The f32 values of blocks.
static HostTensor dequantizedBlocks(const HostTensor &input) {
  HostTensor result(ElementType::F32, input.shape());
  std::span<std::byte> bytes = result.mutableBytes();
  // Fresh memory is aligned for every plain type.
  std::span<float> values(reinterpret_cast<float *>(bytes.data()),
                          bytes.size() / sizeof(float));
  [[maybe_unused]] bool fits =
      runtime::dequantize(input.layout()->blocks->type, input.bytes(), values);
  assert(fits && "blocks that do not hold the elements");
  return result;
}

/// Each element of \p input, read as a From, as \p convert has it.
template <typename From, typename Convert>
static HostTensor convertEach(const HostTensor &input, ElementType type,
                              Convert convert) {
  HostTensor result(type, input.shape());
  std::byte *target = result.mutableBytes().data();
  const std::byte *source = input.bytes().data();
  for (int64_t index = 0; index < input.elements(); ++index) {
    From element;
    std::memcpy(&element, source + index * sizeof element, sizeof element);
    auto value = convert(element);
    std::memcpy(target + index * sizeof value, &value, sizeof value);
  }
  return result;
}

/// The same, with \p toFloat for the f32 value of an element.
template <typename From, typename ToFloat>
static HostTensor castFrom(const HostTensor &input, ElementType type,
                           ToFloat toFloat) {
  if (type == ElementType::F64)
    return convertEach<From>(input, type, [&](From element) {
      return static_cast<double>(toFloat(element));
    });
  if (type == ElementType::F16)
    return convertEach<From>(input, type, [&](From element) {
      return runtime::floatToHalf(toFloat(element));
    });
  if (type == ElementType::BF16)
    return convertEach<From>(input, type, [&](From element) {
      return runtime::floatToBfloat(toFloat(element));
    });
  return convertEach<From>(input, type, toFloat);
}

HostTensor lathe::cast(const HostTensor &input, ElementType type) {
  if (input.layout()) {
    HostTensor values = input.layout()->blocks ? dequantizedBlocks(input)
                                               : dequantizedRows(input);
    return cast(values, type);
  }
  if (input.type() == type)
    return input;
  if (input.type() == ElementType::F64 && type == ElementType::F32)
    return convertEach<double>(input, type, [](double element) {
      return static_cast<float>(element);
    });
  if (input.type() == ElementType::F64)
    return castFrom<double>(input, type, roundToOdd);
  if (input.type() == ElementType::F32)
    return castFrom<float>(input, type, [](float element) { return element; });
  if (input.type() == ElementType::F16)
    return castFrom<uint16_t>(
        input, type, [](uint16_t code) { return runtime::halfToFloat(code); });
  return castFrom<uint16_t>(
      input, type, [](uint16_t code) { return runtime::bfloatToFloat(code); });
}

HostTensor lathe::ropeTable(int64_t begin, int64_t end,
                            std::span<const double> frequencies, double scale) {
  int64_t half = frequencies.size();
  HostTensor result(ElementType::F32, {end - begin, 2 * half});
  std::byte *row = result.mutableBytes().data();
  float factor = static_cast<float>(scale);
  for (int64_t position = begin; position < end; ++position) {
    for (int64_t i = 0; i < half; ++i) {
      double angle =
          static_cast<float>(static_cast<double>(position) * frequencies[i]);
      float cosine = static_cast<float>(std::cos(angle)) * factor;
      float sine = static_cast<float>(std::sin(angle)) * factor;
      std::memcpy(row + i * sizeof(float), &cosine, sizeof(float));
      std::memcpy(row + (half + i) * sizeof(float), &sine, sizeof(float));
    }
    row += 2 * half * sizeof(float);
  }
  return result;
}
