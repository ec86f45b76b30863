// RUN: lathe-opt %s | FileCheck %s
// RUN: python3 -c "print('module {' * 20000)" > %t
// RUN: not lathe-opt %t 2>&1 | FileCheck %s --check-prefix=DEEP
// RUN: not lathe-opt < %t 2>&1 | FileCheck %s --check-prefix=DEEP
// RUN: not lathe-opt %t.missing 2>&1 | FileCheck %s --check-prefix=MISSING

// CHECK: func.func private @kept()
func.func private @kept()

// One line, before MLIR's parser sees the text.
// DEEP: error: {{.*}}: line 1: brackets nest deeper than 256
// DEEP-NOT: {{.}}
// MISSING: error: cannot open input file
