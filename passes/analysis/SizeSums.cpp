//===- SizeSums.cpp - Sums of products of symbols -------------------------===//

#include "passes/analysis/SizeSums.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {

/// Multiplies \p product by what \p expr is a product of.
static void multiply(SizeProduct &product, AffineExpr expr) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    product *= number.getValue();
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    product.symbols.push_back(symbol.getPosition());
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != AffineExprKind::Mul) {
    product.isKnown = false;
    return;
  }
  multiply(product, binary.getLHS());
  multiply(product, binary.getRHS());
}

SizeProduct SizeProduct::of(AffineExpr expr) {
  SizeProduct product;
  multiply(product, expr);
  llvm::sort(product.symbols);
  return product;
}

SizeProduct &SizeProduct::operator*=(int64_t number) {
  isKnown &= !llvm::MulOverflow(factor, number, factor);
  return *this;
}

SizeSum &SizeSum::operator+=(const SizeProduct &product) {
  isKnown &= product.isKnown;
  int64_t &term = terms[product.symbols];
  isKnown &= !llvm::AddOverflow(term, product.factor, term);
  return *this;
}

bool SizeSum::isAtMost(const SizeSum &other) const {
  return llvm::all_of(terms, [&](const auto &term) {
    auto same = other.terms.find(term.first);
    return same != other.terms.end() && term.second <= same->second;
  });
}

AffineExpr SizeSum::toExpr(MLIRContext *context) const {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (const auto &[symbols, factor] : terms) {
    AffineExpr product = getAffineConstantExpr(1, context);
    for (unsigned symbol : symbols)
      product = product * getAffineSymbolExpr(symbol, context);
    sum = sum + product * factor;
  }
  return sum;
}

} // namespace lathe
