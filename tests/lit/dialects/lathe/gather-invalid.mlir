// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @gather_c1(%t: tensor<5x3xf32>, %i: tensor<7xi32>) {
  // expected-error @below {{expects one row for each index}}
  %y = lathe.gather %t[%i] : tensor<5x3xf32>, tensor<7xi32> -> tensor<6x3xf32>
  return
}

// -----

func.func @gather_c1_symbol(%t: tensor<5x3xf32>, %i: tensor<?xi32, #lathe.dims<"tokens">>) {
  // expected-error @below {{expects one row for each index}}
  %y = lathe.gather %t[%i] : tensor<5x3xf32>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x3xf32, #lathe.dims<"rows">>
  return
}

// -----

func.func @gather_c2(%t: tensor<5x3xf32>, %i: tensor<7xi32>) {
  // expected-error @below {{expects rows of the width of the table}}
  %y = lathe.gather %t[%i] : tensor<5x3xf32>, tensor<7xi32> -> tensor<7x4xf32>
  return
}

// -----

func.func @gather_c2_packed(%t: tensor<5x3xf32>, %i: tensor<32xi32>) {
  // expected-error @below {{expects rows of the width of the table}}
  %y = lathe.gather %t[%i] : tensor<5x3xf32>, tensor<32xi32> -> tensor<32x3xf32, #lathe.packed<columns = 32, depth = 1>>
  return
}

// -----

func.func @gather_c3(%t: tensor<5x3xf32>, %i: tensor<7xi32>) {
  // expected-error @below {{expects a finite scale}}
  %y = lathe.gather %t[%i] scale 0x7F800000 : tensor<5x3xf32>, tensor<7xi32> -> tensor<7x3xf32>
  return
}
