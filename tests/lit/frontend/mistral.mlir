// RUN: lathe-import-test %golden/mistral-window8 | FileCheck %s

// CHECK-LABEL: func.func @forward(
// CHECK-COUNT-2: lathe.attention {{.*}} causal window 8 :
// CHECK-LABEL: func.func @step(
// CHECK-COUNT-2: lathe.cached_attention {{.*}} window 8 :
