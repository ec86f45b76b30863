// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

// Each kernel here is left alone, for the reason above it.
// CHECK-NOT: lathe.tiles

!rows = tensor<?x16xf32, #lathe.dims<"tokens">>
!weight = tensor<16x16xf32, #lathe.packed<columns = 32, depth = 1>>
!narrow = tensor<16x16xbf16, #lathe.packed<columns = 32, depth = 2>>

// Two roots: which one would the tile be of?
func.func private @two(%x: !rows, %w: !weight) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !rows
  %z = lathe.linear %y, %w : !rows, !weight -> !rows
  return %z : !rows
}

// A layout that no panel loop reads: 16-bit terms one by one.
func.func private @depth(%x: !rows, %w: tensor<16x16xbf16, #lathe.packed<columns = 32, depth = 1>>) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<>} {
  %y = lathe.linear %x, %w : !rows, tensor<16x16xbf16, #lathe.packed<columns = 32, depth = 1>> -> !rows
  return %y : !rows
}

// A chunk that ends inside a pair of terms.
func.func private @chunk(%x: !rows, %w: !narrow) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<>} {
  %y = lathe.linear %x, %w reduce <chunk = 5> : !rows, !narrow -> !rows
  return %y : !rows
}

// A schedule whose block is no number of register tiles.
func.func private @block(%x: !rows, %w: !weight) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 8, row_block = 12>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !rows
  return %y : !rows
}

// A function that is no kernel.
func.func private @entry(%x: !rows, %w: !weight) -> !rows
    attributes {lathe.schedule = #lathe.schedule<>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !rows
  return %y : !rows
}
