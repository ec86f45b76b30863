//===- IntegerDot.cpp - Products of bytes, by level -----------------------===//
//
// vpdpbusd multiplies unsigned by signed bytes and adds four products in one
// step; sdot does so for signed ones. Before them there are vpmaddubsw, whose
// sums of two products saturate at 16 bits and hold for up to seven bits, and
// vpmaddwd on bytes widened to 16 bits.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/IntegerDot.h"

#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

bool isIntegerDot(DotKind kind) {
  return kind == DotKind::Vnni || kind == DotKind::Madd ||
         kind == DotKind::Sdot || kind == DotKind::AmxBytes;
}

Type IntegerDot::bytes() const {
  return VectorType::get(4 * lanes, code.builder.getI8Type());
}

Type IntegerDot::shorts() const {
  return VectorType::get(2 * lanes, code.builder.getI16Type());
}

Value IntegerDot::bitcast(Value vector, Type type) const {
  return vector::BitCastOp::create(code.builder, code.loc, type, vector);
}

Value IntegerDot::splat(Type type, int64_t number) const {
  auto vector = cast<VectorType>(type);
  return arith::ConstantOp::create(
      code.builder, code.loc,
      DenseElementsAttr::get(vector, code.builder.getIntegerAttr(
                                         vector.getElementType(), number)));
}

Value IntegerDot::call(StringRef intrinsic, Type type,
                       ValueRange operands) const {
  return LLVM::CallIntrinsicOp::create(code.builder, code.loc, type,
                                       code.builder.getStringAttr(intrinsic),
                                       operands)
      .getResult(0);
}

/// The sums of the products of neighbouring 16-bit numbers.
Value IntegerDot::addPairs(Value a, Value b) const {
  auto words = VectorType::get(lanes, code.builder.getI32Type());
  StringRef intrinsic =
      lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
  return call(intrinsic, words, {a, b});
}

KernelCode::Values IntegerDot::prepareWeights(Value words) const {
  OpBuilder &builder = code.builder;
  if (splits()) {
    Value all = bitcast(words, shorts());
    Value even =
        arith::AndIOp::create(builder, code.loc, all, splat(shorts(), 0x00ff));
    Value odd =
        arith::ShRUIOp::create(builder, code.loc, all, splat(shorts(), 8));
    return {even, odd};
  }
  Value all = bitcast(words, bytes());
  if (bias() != 0)
    // Flipping the top bit takes 128 off a byte.
    all = arith::XOrIOp::create(builder, code.loc, all, splat(bytes(), -128));
  return {all};
}

KernelCode::Values IntegerDot::spreadActivations(Value pointer) const {
  OpBuilder &builder = code.builder;
  Type word = builder.getI32Type();
  Value four = LLVM::LoadOp::create(builder, code.loc, word, pointer,
                                    /*alignment=*/4);
  Value spread = vector::BroadcastOp::create(
      builder, code.loc, VectorType::get(lanes, word), four);
  if (!splits())
    return {bitcast(spread, bytes())};
  Value all = bitcast(spread, shorts());
  Value eight = splat(shorts(), 8);
  Value low = arith::ShLIOp::create(builder, code.loc, all, eight);
  return {arith::ShRSIOp::create(builder, code.loc, low, eight),
          arith::ShRSIOp::create(builder, code.loc, all, eight)};
}

Value IntegerDot::add(Value sum, ValueRange weights,
                      ValueRange activations) const {
  OpBuilder &builder = code.builder;
  Type words = sum.getType();
  if (kind == DotKind::Vnni)
    return call("llvm.x86.avx512.vpdpbusd.512", words,
                {sum, weights[0], activations[0]});
  if (kind == DotKind::Sdot)
    return call("llvm.aarch64.neon.sdot", words,
                {sum, weights[0], activations[0]});
  Value products;
  if (splits()) {
    products = addPairs(weights[1], activations[1]);
    sum = arith::AddIOp::create(builder, code.loc, sum,
                                addPairs(weights[0], activations[0]));
  } else {
    StringRef intrinsic = lanes == 16 ? "llvm.x86.avx512.pmaddubs.w.512"
                                      : "llvm.x86.avx2.pmadd.ub.sw";
    Value pairs = call(intrinsic, shorts(), {weights[0], activations[0]});
    products = addPairs(pairs, splat(shorts(), 1));
  }
  return arith::AddIOp::create(builder, code.loc, sum, products);
}

} // namespace lathe
