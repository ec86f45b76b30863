// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: lathe.derived @half
// CHECK:         lathe.yield %{{.*}} : tensor<64xbf16>
lathe.derived @half : tensor<64xbf16> {
  %0 = lathe.get @norm : tensor<64xf32>
  %1 = lathe.cast %0 : tensor<64xf32> -> tensor<64xbf16>
  lathe.yield %1 : tensor<64xbf16>
}
lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "norm"
