// RUN: lathe-import-test %golden/qwen3 | FileCheck %s

// Each head of query and key is normalised before rope.

// CHECK-LABEL: func.func @forward(
//       CHECK:   %[[Q:.*]] = lathe.rms_norm {{.*}} : tensor<?x4x16xf32
//       CHECK:   %[[K:.*]] = lathe.rms_norm {{.*}} : tensor<?x2x16xf32
//       CHECK:   lathe.rope %[[Q]]
//       CHECK:   lathe.rope %[[K]]
