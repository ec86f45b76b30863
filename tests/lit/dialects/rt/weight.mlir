// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.symbol @tokens in [1, 512]
// CHECK: rt.weight @norm : tensor<64xf32> bytes #
rt.weight @norm : tensor<64xf32> bytes affine_map<()[s0] -> (256)>
