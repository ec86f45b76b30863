// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"

// CHECK:      lathe.derived @half : tensor<64xbf16> {
// CHECK-NEXT:   %[[W:.*]] = lathe.get @norm : tensor<64xf32>
// CHECK-NEXT:   %[[H:.*]] = lathe.cast %[[W]]
// CHECK-NEXT:   lathe.yield %[[H]] : tensor<64xbf16>
lathe.derived @half : tensor<64xbf16> {
  %0 = lathe.get @norm : tensor<64xf32>
  %1 = lathe.cast %0 : tensor<64xf32> -> tensor<64xbf16>
  lathe.yield %1 : tensor<64xbf16>
}

// A derived parameter may come from another one.
// CHECK-LABEL: lathe.derived @again
lathe.derived @again : tensor<8x8xbf16> {
  %0 = lathe.get @half : tensor<64xbf16>
  %1 = lathe.reshape %0 : tensor<64xbf16> -> tensor<8x8xbf16>
  lathe.yield %1 : tensor<8x8xbf16>
}
