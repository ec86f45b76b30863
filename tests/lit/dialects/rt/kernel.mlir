// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.symbol @tokens in [1, 512]
rt.target @"x86-64-v4"
// CHECK: rt.kernel @linear scalars [@tokens] {
// CHECK:   rt.code @"x86-64-v4" tiles #{{.*}} scratch 0
rt.kernel @linear scalars [@tokens] {
  rt.code @"x86-64-v4" tiles affine_map<()[s0] -> (s0 ceildiv 64)> scratch 0
}
