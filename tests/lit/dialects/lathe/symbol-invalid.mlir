// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects 0 <= minimum <= maximum and a maximum of 1 or more, got 5 and 4}}
lathe.symbol @symbol_c1 in [5, 4]

// -----

// expected-error @below {{got 0 and 0}}
lathe.symbol @symbol_c1_zero in [0, 0]
