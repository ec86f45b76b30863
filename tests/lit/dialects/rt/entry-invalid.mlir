// RUN: lathe-opt %s --split-input-file --verify-diagnostics

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @entry_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects an offset for each of the 1 buffers, got 2}}
  rt.plan bounds [8] arena 64 live 8 offsets [0, 0]
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @entry_c2 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  rt.plan bounds [4] arena 128 live 8 offsets [0]
  // expected-error @below {{expects an arena of at least 128 bytes, that of the plan before, got 64}}
  rt.plan bounds [8] arena 64 live 8 offsets [0]
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @input_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects limit to be a map of no dimensions to one size, got 1 dimensions and 1 results}}
  rt.input "y" @y limit affine_map<(d0) -> (d0)>
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @input_c2 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects a buffer of kind input, got temporary}}
  rt.input "y" @y
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @output_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects a buffer of kind output, got temporary}}
  rt.output "y" @y
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @launch_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects at least one variant}}
  rt.launch "y" [] ([@y])
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @launch_c2_kernel {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{names @none, which is no rt.kernel}}
  rt.launch "y" [#rt.variant<@none for @tokens to 8>] ([@y])
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @launch_c2_symbol {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{names @none, which is no rt.symbol}}
  rt.launch "y" [#rt.variant<@k for @none to 8>] ([@y])
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @launch_c2_operand {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{names @none, which is no buffer of the entry}}
  rt.launch "y" [#rt.variant<@k for @tokens to 8>] ([@none])
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @launch_c3 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects to run for some value of @tokens, got skipped to 8 of 8}}
  rt.launch "y" [#rt.variant<@k for @tokens to 8>] ([@y]) skipped to 8
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @copy_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  rt.buffer temporary @z : tensor<4xi32> bytes affine_map<()[s0] -> (16)>
  // expected-error @below {{expects buffers of equal size}}
  rt.copy @y to @z
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @fill_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects a byte in [0, 255], got 256}}
  rt.fill @y with 256
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @fill_c2 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{names @none, which is no buffer of the entry}}
  rt.fill @none with 0
}

// -----

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
rt.entry @plan_c1 {
  rt.buffer temporary @y : tensor<2xi32> bytes affine_map<()[s0] -> (8)>
  // expected-error @below {{expects 0 <= live bytes <= arena bytes and offsets >= 0, got 65 live bytes in an arena of 64}}
  rt.plan bounds [8] arena 64 live 65 offsets [0]
}

// -----

// expected-error @below {{expects a peak without dimensions, got 1}}
rt.entry @entry_c3 peak affine_map<(d0) -> (d0)> {}
