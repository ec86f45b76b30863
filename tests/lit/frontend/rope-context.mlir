// RUN: lathe-import-test %golden/llama-dynamic-long 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// RUN: lathe-import-test %golden/llama-dynamic-long 18 2>&1 | FileCheck %s --check-prefix=STRETCHED
// RUN: lathe-import-test %golden/phi3-longrope 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: lathe-import-test %golden/phi3-longrope 7 2>&1 | FileCheck %s --check-prefix=LONG

// Frequencies of dynamic rope and longrope depend on the context of the module,
// and on nothing that a call brings. Up to the original context they are those
// of a short sequence.

//     DYNAMIC-NOT: note:
//         DYNAMIC: context = 9 : i64
//         DYNAMIC: lathe.rope_table [1.000000e+00, 0.10000000149{{[0-9]*}},
// 18 positions in a context of 9, factor 2: theta is 10000 * 3^(8/6), so that
// the second frequency is theta^-0.25 = 0.1 * 3^(-1/3).
//       STRETCHED: note: {{.*}}config.json: rope_scaling: for a context of 18 sequences of every length are stretched as one of 18 (up to 9 none is)
//       STRETCHED: lathe.rope_table [1.000000e+00, 0.06933612{{[0-9]*}},

//           SHORT: note: {{.*}}config.json: rope_scaling: the context is 6, not 64
//           SHORT: lathe.rope_table [1.000000e+00, 0.0909090{{[0-9]*}},
//            LONG: note: {{.*}}config.json: rope_scaling: for a context of 7 sequences of every length take the long factors (up to 6 they take the short ones)
//            LONG: lathe.rope_table [1.000000e+00, 0.0399999{{[0-9]*}},
