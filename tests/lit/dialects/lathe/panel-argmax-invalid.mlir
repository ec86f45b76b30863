// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @panel_argmax_c1_values(%x: tensor<7x64xf32>) {
  // expected-error @below {{expects a row for each of the input}}
  %v, %p = lathe.panel_argmax %x : tensor<7x64xf32> -> tensor<8x2xf32>, tensor<7x2xi32>
  return
}

// -----

func.func @panel_argmax_c1_places(%x: tensor<?x64xf32, #lathe.dims<"rows">>) {
  // expected-error @below {{expects a row for each of the input}}
  %v, %p = lathe.panel_argmax %x : tensor<?x64xf32, #lathe.dims<"rows">> -> tensor<?x2xf32, #lathe.dims<"rows">>, tensor<?x2xi32, #lathe.dims<"tokens">>
  return
}

// -----

func.func @panel_argmax_c2(%x: tensor<7x0xf32>) {
  // expected-error @below {{expects a static row of one element or more}}
  %v, %p = lathe.panel_argmax %x : tensor<7x0xf32> -> tensor<7x0xf32>, tensor<7x0xi32>
  return
}

// -----

func.func @panel_argmax_c3_values(%x: tensor<7x65xf32>) {
  // expected-error @below {{expects a column for each of 3 panels}}
  %v, %p = lathe.panel_argmax %x : tensor<7x65xf32> -> tensor<7x2xf32>, tensor<7x3xi32>
  return
}

// -----

func.func @panel_argmax_c3_places(%x: tensor<7x64xf32>) {
  // expected-error @below {{expects a column for each of 2 panels}}
  %v, %p = lathe.panel_argmax %x : tensor<7x64xf32> -> tensor<7x2xf32>, tensor<7x3xi32>
  return
}
