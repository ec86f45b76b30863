// RUN: lathe-opt %s --split-input-file --lathe-convert-weights=element=bf16 | FileCheck %s
// RUN: lathe-opt %s --split-input-file "--lathe-convert-weights=element=bf16 tables=false" | FileCheck %s --check-prefix=TABLES
// RUN: lathe-opt %s --split-input-file "--lathe-convert-weights=element=bf16 pooled=false" | FileCheck %s --check-prefix=POOLED

// A layer and a table that share a parameter share the rounded one.

//       CHECK: lathe.parameter @w : tensor<8x4xf32>
//       CHECK: lathe.derived @w.bf16 : tensor<8x4xbf16>
//       CHECK:   %[[W:.*]] = lathe.get @w
//       CHECK:   lathe.cast %[[W]] : tensor<8x4xf32> -> tensor<8x4xbf16>
//   CHECK-NOT: lathe.derived
// CHECK-LABEL: func @tied
//       CHECK:   %[[TABLE:.*]] = lathe.get @w.bf16
//       CHECK:   lathe.gather %[[TABLE]]
//       CHECK:   %[[HEAD:.*]] = lathe.get @w.bf16
//       CHECK:   lathe.linear %{{.*}}, %[[HEAD]] {{.*}} tensor<8x4xbf16>
//
// With tables=false the table stays.
//
// TABLES-LABEL: func @tied
//       TABLES:   %[[TABLE:.*]] = lathe.get @w :
//       TABLES:   lathe.gather %[[TABLE]]
//       TABLES:   %[[HEAD:.*]] = lathe.get @w.bf16
//       TABLES:   lathe.linear %{{.*}}, %[[HEAD]]
lathe.parameter @w : tensor<8x4xf32> from "model.safetensors" key "w"
func.func @tied(%ids: tensor<2xi32>) -> tensor<2x8xf32> {
  %table = lathe.get @w : tensor<8x4xf32>
  %x = lathe.gather %table[%ids] : tensor<8x4xf32>, tensor<2xi32> -> tensor<2x4xf32>
  %head = lathe.get @w : tensor<8x4xf32>
  %y = lathe.linear %x, %head : tensor<2x4xf32>, tensor<8x4xf32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Left alone: a matrix that has the type, a norm's weight and a bias.

// CHECK-LABEL: func @small_and_narrow
//   CHECK-DAG:   lathe.get @w : tensor<8x4xbf16>
//   CHECK-DAG:   lathe.get @g : tensor<4xf32>
//   CHECK-DAG:   lathe.get @b : tensor<8xf32>
//       CHECK:   lathe.linear
lathe.parameter @g : tensor<4xf32> from "model.safetensors" key "g"
lathe.parameter @b : tensor<8xf32> from "model.safetensors" key "b"
lathe.parameter @w : tensor<8x4xbf16> from "model.safetensors" key "w"
func.func @small_and_narrow(%x: tensor<2x4xf32>) -> tensor<2x8xf32> {
  %g = lathe.get @g : tensor<4xf32>
  %b = lathe.get @b : tensor<8xf32>
  %w = lathe.get @w : tensor<8x4xbf16>
  %n = lathe.rms_norm %x, %g eps 1.0 : tensor<2x4xf32>, tensor<4xf32>
  %y = lathe.linear %n, %w bias %b : tensor<8xf32> : tensor<2x4xf32>, tensor<8x4xbf16> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Left alone: the weight is no parameter.

// CHECK-LABEL: func @computed_weight
//   CHECK-NOT:   lathe.cast
//       CHECK:   lathe.linear {{.*}} tensor<8x4xf32>
func.func @computed_weight(%x: tensor<2x4xf32>, %w: tensor<8x4xf32>) -> tensor<2x8xf32> {
  %y = lathe.linear %x, %w : tensor<2x4xf32>, tensor<8x4xf32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// A row for each sequence: with pooled=false the layer on it stays, that on
// tokens does not.

//  CHECK-LABEL: func @pooled
// CHECK-COUNT-2:   lathe.linear {{.*}}xbf16>
// POOLED-LABEL: func @pooled
//       POOLED:   lathe.linear {{.*}}"tokens"{{.*}} tensor<8x4xbf16>
//       POOLED:   lathe.linear {{.*}}"sequences"{{.*}} tensor<8x4xf32>
lathe.parameter @w : tensor<8x4xf32> from "model.safetensors" key "w"
func.func @pooled(%x: tensor<?x4xf32, #lathe.dims<"tokens">>, %p: tensor<?x4xf32, #lathe.dims<"sequences">>)
    -> (tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<?x8xf32, #lathe.dims<"sequences">>) {
  %w = lathe.get @w : tensor<8x4xf32>
  %y = lathe.linear %x, %w : tensor<?x4xf32, #lathe.dims<"tokens">>, tensor<8x4xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %z = lathe.linear %p, %w : tensor<?x4xf32, #lathe.dims<"sequences">>, tensor<8x4xf32> -> tensor<?x8xf32, #lathe.dims<"sequences">>
  return %y, %z : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<?x8xf32, #lathe.dims<"sequences">>
}
