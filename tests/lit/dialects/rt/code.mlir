// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.target @x
rt.kernel @k scalars [] {
  // CHECK: rt.code @x tiles #{{.*}} scratch 128
  rt.code @x tiles affine_map<() -> (7)> scratch 128
}
