// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-form-kernels

func.func @other_dialect(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expects an op that a kernel can hold, got 'tensor.pad'}}
  %y = tensor.pad %x low[0] high[0] {
  ^bb0(%i: index):
    %c = arith.constant 0.0 : f32
    tensor.yield %c : f32
  } : tensor<4xf32> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @unrelated_size(%x: tensor<?x8xf32, #lathe.dims<"tokens">>, %n: index) -> tensor<?x8xf32, #lathe.dims<"tokens">> {
  // expected-error @below {{expects a view of whole rows whose sizes are those of its source}}
  %v = tensor.extract_slice %x[1, 0] [%n, 8] [1, 1] : tensor<?x8xf32, #lathe.dims<"tokens">> to tensor<?x8xf32, #lathe.dims<"tokens">>
  %y = lathe.activation silu %v : tensor<?x8xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

func.func @returned_condition(%x: tensor<4xf32>) -> tensor<4xi1> {
  // expected-error@below {{is read by 'func.return' where only an arith.select can}}
  %c = arith.cmpf olt, %x, %x : tensor<4xf32>
  return %c : tensor<4xi1>
}
