// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"

// CHECK-LABEL: func @get
// CHECK:         lathe.get @norm : tensor<64xf32>
func.func @get() -> tensor<64xf32> {
  %w = lathe.get @norm : tensor<64xf32>
  return %w : tensor<64xf32>
}
