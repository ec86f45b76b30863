// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects context_length not to be negative, got -1}}
rt.model "model_c1" {context_length = -1 : i64}

// -----

// expected-error @below {{expects chat templates of strings, got 7 : i64}}
rt.model "model_c2" {chat_templates = {default = 7 : i64}}
