// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.target @"x86-64-v4"
rt.target @"x86-64-v4"
