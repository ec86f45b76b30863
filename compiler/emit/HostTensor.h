//===- HostTensor.h - A tensor in memory, and weight transforms -*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_HOSTTENSOR_H
#define LATHE_COMPILER_EMIT_HOSTTENSOR_H

#include "runtime/formats/ElementType.h"
#include "runtime/formats/GgufBlocks.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lathe {

/// How the bytes of a quantised tensor lie.
struct QuantLayout {
  /// As a GGUF file's blocks of this kind; null: as dialects/lathe/QuantRows.h
  /// says, with `group` elements a group.
  const runtime::BlockLayout *blocks = nullptr;
  int64_t group = 0;
};

/// A row-major tensor that owns its bytes, with its copies, or borrows them
/// from a mapped file. The transforms below take tensors that fit each other,
/// as the verifiers of their ops have it, and return new ones; none can fail
/// but for memory. Bytes are at any alignment.
class HostTensor {
public:
  /// Zeros.
  HostTensor(runtime::ElementType type, std::vector<int64_t> shape);
  /// Borrows \p bytes, exactly those of the elements.
  HostTensor(runtime::ElementType type, std::vector<int64_t> shape,
             std::span<const std::byte> bytes)
      : element(type), sizes(std::move(shape)), content(bytes) {}
  /// Borrows \p bytes, exactly the blocks of \p layout that hold the elements
  /// of \p shape: F32 to all who ask, and of use to cast() and
  /// packQuantised() only.
  HostTensor(const runtime::BlockLayout &layout, std::vector<int64_t> shape,
             std::span<const std::byte> bytes)
      : element(runtime::ElementType::F32), sizes(std::move(shape)),
        content(bytes), quantised({&layout}) {}

  runtime::ElementType type() const { return element; }
  const std::vector<int64_t> &shape() const { return sizes; }
  /// The layout of a quantised tensor; none: elements are plain.
  const std::optional<QuantLayout> &layout() const { return quantised; }
  int64_t elements() const;
  std::span<const std::byte> bytes() const { return content; }
  /// The bytes of a tensor that owns them, to be filled before it is copied.
  std::span<std::byte> mutableBytes() { return {owned.get(), content.size()}; }

  /// Rows [begin, end) of the first dimension; the bytes are shared.
  HostTensor rows(int64_t begin, int64_t end) const;

  /// Of a quantised tensor: its bytes, U8, those of a row a row.
  HostTensor rowBytes() const;
  /// The inverse: this tensor, U8, as rows of \p layout that hold \p shape.
  HostTensor ofRows(const QuantLayout &layout, std::vector<int64_t> shape) &&;

  /// This tensor under another shape of as many elements.
  HostTensor reshaped(std::vector<int64_t> shape) &&;

private:
  runtime::ElementType element;
  std::vector<int64_t> sizes;
  /// Null where the bytes are borrowed.
  std::shared_ptr<std::byte> owned;
  std::span<const std::byte> content;
  std::optional<QuantLayout> quantised;
};

/// The tensors joined along \p dimension; they agree in all others.
HostTensor concat(std::span<const HostTensor *const> inputs, size_t dimension);

/// Elements [begin, end) of \p dimension.
HostTensor slice(const HostTensor &input, size_t dimension, int64_t begin,
                 int64_t end);

/// Dimension i of the result is dimension order[i] of \p input.
HostTensor permute(const HostTensor &input, std::span<const int64_t> order);

/// Each element, of a float type, rounded to the nearest of \p type, ties to
/// even; once, also from F64. Values of blocks are computed in f32 first.
HostTensor cast(const HostTensor &input, runtime::ElementType type);

/// A matrix [N, K] as [ceil(N / columns)][ceil(K / depth)][columns][depth],
/// zero-padded; docs/design.md, 8.4.
HostTensor pack(const HostTensor &input, int64_t columns, int64_t depth);

/// F32 [end - begin, 2 F] for F frequencies, a row for each position from
/// \p begin on: cosines, then sines, of the position times the frequency,
/// rounded to f32, times \p scale.
HostTensor ropeTable(int64_t begin, int64_t end,
                     std::span<const double> frequencies, double scale);

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_HOSTTENSOR_H
