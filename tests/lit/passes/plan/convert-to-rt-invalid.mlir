// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-convert-to-rt

func.func @not_outlined(%x: tensor<4xf32> {lathe.name = "x"}) -> (tensor<4xf32> {lathe.name = "y"}) {
  // expected-error @below {{expects an entry of launches, got 'lathe.activation'}}
  %y = lathe.activation silu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// expected-error @below {{expects input 0 to have lathe.name}}
func.func @unnamed_input(%x: tensor<4xf32>) -> (tensor<4xf32> {lathe.name = "y"}) {
  return %x : tensor<4xf32>
}
