// RUN: lathe-import-test %golden/gemma2 | FileCheck %s

// Scaled embeddings, four norms a block with weights stored less 1, soft-caps,
// every other layer slides.

// CHECK-LABEL: func.func @forward(
//       CHECK:   %[[X:.*]] = lathe.gather {{.*}} scale 6.928203
//       CHECK:   lathe.rms_norm %[[X]], {{.*}} offset 1.000000e+00
//       CHECK:   lathe.attention {{.*}} scale 0.204124153 causal window 8 softcap 5.000000e+00 :
//       CHECK:   %[[O:.*]] = lathe.linear
//       CHECK:   %[[N:.*]] = lathe.rms_norm %[[O]]
//       CHECK:   arith.addf %[[X]], %[[N]]
//       CHECK:   lathe.activation gelu_tanh
//       CHECK:   lathe.attention {{.*}} causal softcap 5.000000e+00 :
//       CHECK:   lathe.softcap {{.*}} cap 3.000000e+00
