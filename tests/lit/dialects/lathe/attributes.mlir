// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func private @encodings
// CHECK-SAME:    tensor<?x4x?xf32, #lathe.dims<"slots", "tokens">>
// CHECK-SAME:    tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>
// CHECK-SAME:    lathe.schedule = #lathe.schedule<rows = 4, vector = 8>
func.func private @encodings(tensor<?x4x?xf32, #lathe.dims<"slots", "tokens">>,
                             tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>)
    attributes {lathe.schedule = #lathe.schedule<rows = 4, vector = 8>}
