// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects one name for each of the 2 dynamic sizes, got 1}}
func.func private @dims_names(tensor<?x?xf32, #lathe.dims<"tokens">>)

// -----

// expected-error @below {{expects a packed weight to be a static matrix of floats}}
func.func private @packed_rank(tensor<5xf32, #lathe.packed<columns = 32, depth = 1>>)

// -----

// expected-error @below {{expects columns and depth of 1 or more, got 0 and 1}}
func.func private @packed_sizes(tensor<5x7xf32, #lathe.packed<columns = 0, depth = 1>>)

// -----

// expected-error @below {{expects a chunk of 0 or more terms, got -1}}
func.func private @reduce_chunk() attributes {reduce = #lathe.reduce<chunk = -1>}
