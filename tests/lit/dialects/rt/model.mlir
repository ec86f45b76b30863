// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.model "llama" {context_length = 512 : i64, eos_ids = array<i64: 2>}
rt.model "llama" {context_length = 512 : i64, eos_ids = array<i64: 2>}

// CHECK: rt.model "chat" {chat_templates = {default = "{% a %}\0A", "tool use" = "t"}}
rt.model "chat" {chat_templates = {default = "{% a %}\0A", "tool use" = "t"}}
