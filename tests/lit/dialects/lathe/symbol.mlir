// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: lathe.symbol @tokens in [1, 512]
lathe.symbol @tokens in [1, 512]
// CHECK: lathe.symbol @pages in [0, 128] fixed_at_load
lathe.symbol @pages in [0, 128] fixed_at_load
