// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.model "llama" {context_length = 512 : i64, eos_ids = array<i64: 2>}
rt.model "llama" {context_length = 512 : i64, eos_ids = array<i64: 2>}
