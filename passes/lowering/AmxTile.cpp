//===- AmxTile.cpp - The inner loop of a contraction on AMX ---------------===//
//
// Of the eight tile registers four hold sums, two by two or in a row, two the
// rows and two the weights: so each load of a step serves two products. LLVM
// takes the numbers of registers as they are given here, and spills none.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/AmxTile.h"

#include "passes/lowering/IntegerTile.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/QuantReader.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {

/// The first tile registers of rows and of weights; sums begin at 0.
constexpr int64_t kRowTiles = 4, kWeightTiles = 6;

void AmxTile::call(StringRef intrinsic, ValueRange operands) const {
  LLVM::CallIntrinsicOp::create(
      code.builder, code.loc, code.builder.getStringAttr(intrinsic), operands);
}

Value AmxTile::number(int64_t tile) const {
  return LLVM::ConstantOp::create(code.builder, code.loc,
                                  code.builder.getI8IntegerAttr(tile));
}

void AmxTile::configure(Value rows) const {
  OpBuilder &builder = code.builder;
  // Palette 1; from byte 16 on the bytes of a row of each tile as u16, from
  // byte 48 on its rows as u8.
  auto place = [&](int64_t byte) {
    return buildElementPtr(builder, code.loc, config, builder.getI8Type(),
                           byte);
  };
  for (int64_t byte = 8; byte < kConfigBytes; byte += 8)
    buildStore(builder, code.loc, code.index(0), place(byte));
  buildStore(builder, code.loc, code.index(1), place(0));
  constexpr int64_t kFourRows = kTileBytes * 0x0001000100010001;
  buildStore(builder, code.loc, code.index(kFourRows), place(16));
  buildStore(builder, code.loc, code.index(kFourRows), place(24));

  Value most = code.index(kTileRows);
  Value low = code.min(rows, most);
  // Where all rows go into one tile, the second two hold further columns.
  Value high = code.select(code.less(most, rows), code.sub(rows, most), rows);
  Value shapes = code.add(code.mul(low, 0x0000000100000101),
                          code.add(code.mul(high, 0x0000010001010000),
                                   code.index(kTileRows * 0x0101000000000000)));
  buildStore(builder, code.loc, shapes, place(48));
  call("llvm.x86.ldtilecfg", {config});
}

void AmxTile::release() const { call("llvm.x86.tilerelease", {}); }

/// Where the first term of each vector stands: a word a column, and the next
/// terms of a column a row of the panel further on.
SmallVector<Value> AmxTile::weightPointers(ArrayRef<Value> columns) const {
  if (!isOfBytes())
    return tile.packedWeights(columns).pointers;
  QuantReader reader(code, match.packing, match.schedule.getVector());
  SmallVector<Value> pointers;
  for (Value first : columns) {
    QuantReader::Place place = reader.placeOf(
        match.weightBase(frame), match.columns, match.depth(), first);
    Value words = buildElementPtr(code.builder, code.loc, place.unit,
                                  code.builder.getI8Type(),
                                  reader.sizes().groupsOffset());
    pointers.push_back(buildElementPtr(code.builder, code.loc, words,
                                       code.builder.getI32Type(),
                                       place.column));
  }
  return pointers;
}

/// Adds the products of \p terms to the sums in the tile registers.
void AmxTile::multiply(const Rows &rows, ArrayRef<Value> weights,
                       const RegisterTile::Terms &terms,
                       const Ahead &ahead) const {
  Type byte = code.builder.getI8Type();
  auto at = [&](Value base, Value offset) {
    return buildElementPtr(code.builder, code.loc, base, byte, offset);
  };
  int64_t step = kTileBytes / termBytes(), vectors = weights.size();
  // A row of a panel has a word of four bytes for each column.
  Value weightStride = code.index(4 * match.packing.getColumns());
  int64_t rowBytes = rows.activations.rowStride * termBytes();
  Value rowStride = code.index(rowBytes);
  Value rowBase = at(rows.activations.base, code.mul(rows.first, rowBytes));
  StringRef product = isOfBytes() ? "llvm.x86.tdpbsud" : "llvm.x86.tdpbf16ps";
  code.loop(terms.begin, terms.end, step, [&](Value term) {
    ahead.prefetch(code, code.sub(term, terms.begin), step);
    Value row = at(rowBase, code.mul(term, termBytes()));
    // A step is kTileRows words, which hold step terms.
    Value panelRow =
        code.mul(term, 4 * match.packing.getColumns() * kTileRows / step);
    for (int64_t high = 0; high <= int64_t(rows.isHigh); ++high) {
      Value first = at(row, code.index(high * kTileRows * rowBytes));
      call("llvm.x86.tileloadd64",
           {number(kRowTiles + high), first, rowStride});
      for (int64_t i = 0; i < vectors; ++i) {
        if (high == 0)
          call("llvm.x86.tileloadd64",
               {number(kWeightTiles + i % 2), at(weights[i], panelRow),
                weightStride});
        call(product, {number(high * vectors + i), number(kRowTiles + high),
                       number(kWeightTiles + i % 2)});
      }
    }
  });
}

/// Turns the integers at \p target into numbers, in place.
void AmxTile::finishBytes(const Rows &rows, ArrayRef<Value> columns,
                          Value target) const {
  IntegerTile integers(frame, code, match, tile);
  code.loop(code.index(0), rows.count, 1, [&](Value row) {
    TileRows one =
        tile.rowsFrom(rows.activations, code.add(rows.first, row), 1);
    integers.finish(one, columns,
                    buildElementPtr(code.builder, code.loc, target, code.f32(),
                                    code.mul(row, tile.stride())));
  });
}

void AmxTile::build(const Rows &rows, ArrayRef<Value> columns, Value target,
                    const RegisterTile::Terms *terms,
                    const Ahead &ahead) const {
  int64_t vectors = columns.size(), lanes = match.schedule.getVector();
  Value stride = code.index(4 * tile.stride());
  auto forSums = [&](llvm::function_ref<void(Value, Value)> body) {
    for (int64_t i = 0; i < vectors * (1 + rows.isHigh); ++i)
      body(number(i),
           buildElementPtr(code.builder, code.loc, target, code.f32(),
                           i / vectors * kTileRows * tile.stride() +
                               i % vectors * lanes));
  };
  forSums([&](Value sums, Value place) {
    if (terms)
      call("llvm.x86.tileloadd64", {sums, place, stride});
    else
      call("llvm.x86.tilezero", {sums});
  });
  RegisterTile::Terms all{code.index(0), code.index(match.depth()),
                          /*hasTail=*/false};
  multiply(rows, weightPointers(columns), terms ? *terms : all, ahead);
  forSums([&](Value sums, Value place) {
    call("llvm.x86.tilestored64", {sums, place, stride});
  });
  if (isOfBytes())
    finishBytes(rows, columns, target);
}

} // namespace lathe
