// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.symbol @pages in[1, 128] fixed_at_load
rt.symbol @pages in [1, 128] fixed_at_load
