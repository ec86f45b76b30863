// RUN: lathe-opt %s --lathe-convert-to-rt --mlir-print-local-scope | FileCheck %s

// A packed weight is as large as its padded panels; sizes multiply.

// CHECK: rt.weight @w : {{.*}} bytes affine_map<()[s0, s1] -> (512)>
// CHECK: rt.buffer {{ *}}input @table : {{.*}} bytes affine_map<()[s0, s1] -> ((s0 * s1) * 4)>
lathe.symbol @slots in [1, 4] fixed_at_load
lathe.symbol @slot_pages in [1, 4] fixed_at_load
lathe.derived @w : tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>> {
  %0 = lathe.get @p : tensor<5x7xbf16>
  %1 = lathe.pack %0 : tensor<5x7xbf16> -> tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>
  lathe.yield %1 : tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>
}
lathe.parameter @p : tensor<5x7xbf16> from "w.safetensors" key "p"
func.func @forward(%table: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">> {lathe.name = "table"}, %x: tensor<2x7xf32> {lathe.name = "x"}) -> (tensor<2x5xf32> {lathe.name = "y"}) {
  %w = lathe.get @w : tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>
  %y = call @k(%x, %w) {lathe.name = "y", lathe.results = ["y"]} : (tensor<2x7xf32>, tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>) -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}
func.func private @k(%x: tensor<2x7xf32>, %w: tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>) -> tensor<2x5xf32> attributes {lathe.kernel, lathe.symbols = []} {
  %y = lathe.linear %x, %w : tensor<2x7xf32>, tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}
