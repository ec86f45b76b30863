// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @linear_c1(%x: tensor<7x8xf32>, %w: tensor<5x9xf32>) {
  // expected-error @below {{expects a static weight of 8 columns, as the input has}}
  %y = lathe.linear %x, %w : tensor<7x8xf32>, tensor<5x9xf32> -> tensor<7x5xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<7x8xf32>, %w: tensor<5x8xf32>) {
  // expected-error @below {{expects a row for each of the input and a column for each}}
  %y = lathe.linear %x, %w : tensor<7x8xf32>, tensor<5x8xf32> -> tensor<7x8xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<7x8xf32>, %w: tensor<5x8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{expects a bias of 5 elements}}
  %y = lathe.linear %x, %w bias %b : tensor<8xf32> : tensor<7x8xf32>, tensor<5x8xf32> -> tensor<7x5xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<7x8xbf16>, %w: tensor<5x8xf32>) {
  // expected-error @below {{expects a weight no wider than the input}}
  %y = lathe.linear %x, %w : tensor<7x8xbf16>, tensor<5x8xf32> -> tensor<7x5xf32>
  return
}

// -----

func.func @linear_c5(%x: tensor<7x8xf32, #lathe.packed<columns = 32, depth = 1>>, %w: tensor<5x8xf32>) {
  // expected-error @below {{expects only the weight to be packed}}
  %y = lathe.linear %x, %w : tensor<7x8xf32, #lathe.packed<columns = 32, depth = 1>>, tensor<5x8xf32> -> tensor<7x5xf32>
  return
}
