// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.provenance "lathe 0.1.0" from "model.mlir" options "-O3"
rt.provenance "lathe 0.1.0" from "model.mlir" options "-O3"
