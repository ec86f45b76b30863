//===- HostTensor.cpp - A tensor in memory, and weight transforms ---------===//

#include "compiler/emit/HostTensor.h"

#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
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
    : element(type), sizes(std::move(shape)),
      owned(product(sizes) * elementBytes(type)) {}

int64_t HostTensor::elements() const { return product(sizes); }

HostTensor HostTensor::reshaped(std::vector<int64_t> shape) && {
  assert(product(shape) == elements());
  HostTensor result = std::move(*this);
  result.sizes = std::move(shape);
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

HostTensor lathe::pack(const HostTensor &input, int64_t columns,
                       int64_t depth) {
  int64_t rows = input.shape()[0], terms = input.shape()[1];
  int64_t panels = (rows + columns - 1) / columns;
  int64_t groups = (terms + depth - 1) / depth;
  size_t size = elementBytes(input.type());
  HostTensor result(input.type(), {panels, groups, columns, depth});
  std::byte *target = result.mutableBytes().data();
  // Along the target, whose panels are small enough to keep the rows that they
  // come from in the cache.
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t group = 0; group < groups; ++group) {
      int64_t first = panel * columns, term = group * depth;
      int64_t width = std::min(depth, terms - term) * size;
      int64_t live = std::min(columns, rows - first);
      const std::byte *source =
          input.bytes().data() + (first * terms + term) * size;
      for (int64_t row = 0; row < live; ++row)
        std::memcpy(target + row * depth * size, source + row * terms * size,
                    width);
      target += columns * depth * size;
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

/// Reads element \p index of any float type as f32; exact, or rounded to odd.
static float readFloat(const HostTensor &input, int64_t index) {
  size_t size = elementBytes(input.type());
  const std::byte *source = input.bytes().data() + index * size;
  if (input.type() == ElementType::F64) {
    double value;
    std::memcpy(&value, source, sizeof value);
    return roundToOdd(value);
  }
  if (input.type() == ElementType::F32) {
    float value;
    std::memcpy(&value, source, sizeof value);
    return value;
  }
  uint16_t code;
  std::memcpy(&code, source, sizeof code);
  return input.type() == ElementType::F16 ? runtime::halfToFloat(code)
                                          : runtime::bfloatToFloat(code);
}

/// The f32 values of a quantised tensor.
static HostTensor dequantized(const HostTensor &input) {
  HostTensor result(ElementType::F32, input.shape());
  std::span<std::byte> bytes = result.mutableBytes();
  // Memory of a vector of bytes is aligned for every plain type.
  std::span<float> values(reinterpret_cast<float *>(bytes.data()),
                          bytes.size() / sizeof(float));
  if (!input.layout()->blocks) {
    int64_t depth = input.shape().back();
    QuantRows rows(input.layout()->group, depth);
    for (int64_t row = 0; row < input.elements() / depth; ++row) {
      const std::byte *source = input.bytes().data() + row * rows.rowBytes();
      for (int64_t k = 0; k < depth; ++k) {
        float scale;
        std::memcpy(&scale, source + rows.scalesOffset() + k / rows.group() * 4,
                    sizeof scale);
        values[row * depth + k] = scale * float(int8_t(source[k]));
      }
    }
    return result;
  }
  [[maybe_unused]] bool fits =
      runtime::dequantize(input.layout()->blocks->type, input.bytes(), values);
  assert(fits && "blocks that do not hold the elements");
  return result;
}

HostTensor lathe::cast(const HostTensor &input, ElementType type) {
  if (input.layout()) {
    HostTensor values = dequantized(input);
    return type == ElementType::F32 ? values : cast(values, type);
  }
  HostTensor result(type, input.shape());
  int64_t count = input.elements();
  std::byte *target = result.mutableBytes().data();
  auto store = [&](int64_t index, auto value) {
    std::memcpy(target + index * sizeof value, &value, sizeof value);
  };
  if (input.type() == type) {
    std::ranges::copy(input.bytes(), target);
    return result;
  }
  for (int64_t index = 0; index < count; ++index) {
    if (type == ElementType::F64) {
      store(index, static_cast<double>(readFloat(input, index)));
    } else if (type == ElementType::F16) {
      store(index, runtime::floatToHalf(readFloat(input, index)));
    } else if (type == ElementType::BF16) {
      store(index, runtime::floatToBfloat(readFloat(input, index)));
    } else if (input.type() == ElementType::F64) {
      double value;
      std::memcpy(&value, input.bytes().data() + index * 8, sizeof value);
      store(index, static_cast<float>(value));
    } else {
      store(index, readFloat(input, index));
    }
  }
  return result;
}

HostTensor lathe::ropeTable(int64_t positions,
                            std::span<const double> frequencies, double scale) {
  int64_t half = frequencies.size();
  HostTensor result(ElementType::F32, {positions, 2 * half});
  std::byte *target = result.mutableBytes().data();
  float factor = static_cast<float>(scale);
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t i = 0; i < half; ++i) {
      double angle =
          static_cast<float>(static_cast<double>(position) * frequencies[i]);
      float cosine = static_cast<float>(std::cos(angle)) * factor;
      float sine = static_cast<float>(std::sin(angle)) * factor;
      std::byte *row = target + position * 2 * half * sizeof(float);
      std::memcpy(row + i * sizeof(float), &cosine, sizeof(float));
      std::memcpy(row + (half + i) * sizeof(float), &sine, sizeof(float));
    }
  return result;
}
