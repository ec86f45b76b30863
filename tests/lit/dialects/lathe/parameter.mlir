// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"
lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"
// CHECK: lathe.parameter @half : tensor<2x3xbf16> from "model-00001-of-00002.safetensors" key "half"
lathe.parameter @half : tensor<2x3xbf16> from "model-00001-of-00002.safetensors" key "half"
