//===- LoopAttention.cpp - Elements of rotations and attention ------------===//
//
// What LoopElements computes of lathe.rope, lathe.attention and
// lathe.cached_attention: two passes over the keys of a row, one for the
// largest score and one for the sums.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "dialects/lathe/QuantPages.h"
#include "passes/lowering/MathExpansion.h"

#include <limits>

using namespace mlir;
using namespace lathe;

Value LoopElements::computeRope(RopeOp op, Indices indices) {
  int64_t width = op.getTable().getType().getDimSize(1);
  Value half = integer(width / 2);
  Value zero = integer(0);
  Value t = indices[0];
  Value head = indices[1];
  Value d = indices[2];
  // Element d < D'/2 has its partner above it, the next D'/2 below. Those past
  // D' read element 0 of the table and leave it.
  Value isTurned = isBelow(d, integer(width));
  Value isLower = isBelow(d, half);
  Value pair = select(isLower, d, sub(d, half));
  pair = select(isTurned, pair, zero);
  Value partner = select(isLower, add(d, half), sub(d, half));
  partner = select(isTurned, partner, d);

  Value position = element(op.getPositions(), {t});
  Value cosine = element(op.getTable(), {position, pair});
  Value sine = element(op.getTable(), {position, add(half, pair)});
  Value x = element(op.getInput(), {t, head, d});
  Value other = mul(element(op.getInput(), {t, head, partner}), sine);
  Value direct = mul(x, cosine);
  Value turned = select(isLower, sub(direct, other), add(direct, other));
  return select(isTurned, turned, x);
}

/// cap(scale * sum over d of query[t, h, d] * key[d]).
template <typename Op>
Value LoopElements::score(Op op, Indices row, const Keys &keys, Value key) {
  Value headSize = frame.size(op.getQuery().getType(), 2);
  Value dot = loop(integer(0), headSize, {number(0.0)},
                   [&](Value d, ValueRange sum) -> Values {
                     Value q = element(op.getQuery(), {row[0], row[1], d});
                     return {add(sum[0], mul(q, keys.key(key, d)))};
                   })[0];
  Value scaled = mul(dot, number(op.getScale().convertToFloat()));
  double softcap = op.getSoftcap().convertToFloat();
  if (softcap == 0)
    return scaled;
  Value cap = number(softcap);
  return mul(cap, buildTanh(builder, loc, div(scaled, cap)));
}

/// {sum}: the sum of the exponentials. The weighted sum of the values stands in
/// the op's scratch, float64, one number for each d.
template <typename Op>
SmallVector<Value> LoopElements::sumValues(Op op, Indices row,
                                           const Keys &keys) {
  RankedTensorType query = op.getQuery().getType();
  Value headSize = frame.size(query, 2);
  Value sums = scratchOf(op, query.getDimSize(2) * sizeof(double));
  auto sumAt = [&](Value d) {
    return buildElementPtr(builder, loc, sums, builder.getF64Type(), d);
  };
  Value least = number(-std::numeric_limits<double>::infinity());
  Value most =
      loop(keys.from, keys.to, {least}, [&](Value u, ValueRange so) -> Values {
        Value s = score(op, row, keys, u);
        return {select(isBelow(s, so[0]), so[0], s)};
      })[0];
  loop(integer(0), headSize, {}, [&](Value d, ValueRange) -> Values {
    buildStore(builder, loc, number(0.0), sumAt(d));
    return {};
  });
  return loop(
      keys.from, keys.to, {number(0.0)}, [&](Value u, ValueRange so) -> Values {
        Value s = score(op, row, keys, u);
        Value p = buildExp(builder, loc, sub(s, most));
        loop(integer(0), headSize, {}, [&](Value d, ValueRange) -> Values {
          Value sum = buildLoad(builder, loc, builder.getF64Type(), sumAt(d));
          sum = add(sum, mul(p, keys.value(u, d)));
          buildStore(builder, loc, sum, sumAt(d));
          return {};
        });
        return {add(so[0], p)};
      });
}

SmallVector<Value> LoopElements::attend(AttentionOp op, Indices row) {
  RankedTensorType query = op.getQuery().getType();
  int64_t group = query.getDimSize(1) / op.getKey().getType().getDimSize(1);
  Value t = row[0];
  Value head = div(row[1], integer(group));
  Values range = sequenceRange(op.getSequences(), frame.size(query, 0),
                               element(op.getSequences(), {t}));
  Value next = add(t, integer(1));
  if (op.getCausal())
    range[1] = next;
  if (op.getWindow() > 0) {
    Value first = sub(next, integer(op.getWindow()));
    range[0] = select(isBelow(range[0], first), first, range[0]);
  }
  auto key = [&](Value u, Value d) {
    return element(op.getKey(), {u, head, d});
  };
  auto value = [&](Value u, Value d) {
    return element(op.getValue(), {u, head, d});
  };
  return sumValues(op, row, {range[0], range[1], key, value});
}

Value LoopElements::pagedElement(Value pages, const PagePlace &place, Value d) {
  auto type = cast<RankedTensorType>(pages.getType());
  if (isQuantPages(type))
    return loadQuantised(type, bufferOf(pages), place, d);
  return element(pages, place.indices(d));
}

void LoopElements::storeHead(RankedTensorType pages, Value buffer,
                             const PagePlace &place,
                             function_ref<Value(Value d)> number) {
  if (isQuantPages(pages))
    return storeQuantised(pages, buffer, place, number);
  int64_t size = pages.getDimSize(place.isKey ? 2 : 3);
  loop(integer(0), integer(size), {}, [&](Value d, ValueRange) -> Values {
    store(number(d), pages, buffer, place.indices(d));
    return {};
  });
}

SmallVector<Value> LoopElements::attend(CachedAttentionOp op, Indices row) {
  int64_t group = op.getQuery().getType().getDimSize(1) /
                  op.getKeys().getType().getDimSize(1);
  Value head = div(row[1], integer(group));
  Value slot = element(op.getSequences(), {row[0]});
  Value size = integer(kPagePositions);
  Value to = add(element(op.getPositions(), {row[0]}), integer(1));
  Value from = integer(0);
  if (op.getWindow() > 0) {
    Value first = sub(to, integer(op.getWindow()));
    from = select(isBelow(from, first), first, from);
  }
  auto pageOf = [&](Value u) {
    return element(op.getPageTable(), {slot, div(u, size)});
  };
  auto key = [&](Value u, Value d) {
    return pagedElement(op.getKeys(),
                        {pageOf(u), head, rem(u, size), /*isKey=*/true}, d);
  };
  auto value = [&](Value u, Value d) {
    return pagedElement(op.getValues(),
                        {pageOf(u), head, rem(u, size), /*isKey=*/false}, d);
  };
  return sumValues(op, row, {from, to, key, value});
}
