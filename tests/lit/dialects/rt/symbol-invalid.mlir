// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects 0 <= minimum <= maximum, got [2, 1]}}
rt.symbol @symbol_c1 in [2, 1]

// -----

// expected-error @below {{expects 0 <= minimum <= maximum, got [-1, 1]}}
rt.symbol @symbol_c1_negative in [-1, 1]
