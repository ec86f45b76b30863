//===- IntegerDot.h - Products of bytes, by level ---------------*- C++ -*-===//
//
// Each level of the instruction sets has its own way to multiply bytes four at
// a time and to add the products in i32. The sums are exact, so all of them
// give the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_INTEGERDOT_H
#define LATHE_PASSES_LOWERING_INTEGERDOT_H

#include "passes/lowering/KernelCode.h"

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// True if \p kind multiplies bytes.
bool isIntegerDot(DotKind kind);

/// Writes the dot products of one kind, in vectors of \p lanes sums. Four bytes
/// of a sum's weights stand in a lane, as in dialects/lathe/PackedQuant.h.
class IntegerDot {
public:
  /// \p bits of a stored weight are set at most.
  IntegerDot(KernelCode code, DotKind kind, int64_t lanes, int64_t bits)
      : code(code), kind(kind), lanes(lanes), bits(bits) {}

  /// What is taken off each stored weight before it is multiplied: 128 where
  /// the instruction wants a sign and the weights need all eight bits.
  int64_t bias() const { return kind == DotKind::Sdot && bits == 8 ? 128 : 0; }

  using Values = KernelCode::Values;

  /// \p words, vectors of i32 of four weights without a sign each, as add()
  /// takes them.
  Values prepareWeights(mlir::Value words) const;

  /// The word of four signed activations at \p pointer, spread over the lanes,
  /// as add() takes it.
  Values spreadActivations(mlir::Value pointer) const;

  /// \p sum, a vector of i32, and the products of \p weights less their bias
  /// and \p activations.
  mlir::Value add(mlir::Value sum, mlir::ValueRange weights,
                  mlir::ValueRange activations) const;

private:
  /// Whether even and odd bytes are multiplied apart, as i16.
  bool splits() const { return kind == DotKind::Madd && bits == 8; }
  mlir::Type bytes() const;
  mlir::Type shorts() const;
  mlir::Value bitcast(mlir::Value vector, mlir::Type type) const;
  mlir::Value splat(mlir::Type type, int64_t number) const;
  mlir::Value call(llvm::StringRef intrinsic, mlir::Type type,
                   mlir::ValueRange operands) const;
  mlir::Value addPairs(mlir::Value a, mlir::Value b) const;

  KernelCode code;
  DotKind kind;
  int64_t lanes, bits;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_INTEGERDOT_H
