// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects context_length not to be negative, got -1}}
rt.model "model_c1" {context_length = -1 : i64}
