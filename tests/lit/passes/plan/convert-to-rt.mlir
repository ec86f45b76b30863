// RUN: lathe-opt %s --split-input-file --lathe-convert-to-rt --mlir-print-local-scope | FileCheck %s

// Inputs, a weight, a launch, an output; what nothing reads is dropped.

// CHECK: rt.model "llama" {chat_templates = {default = "t"}, context_length = 64 : i64}
// CHECK: rt.symbol @tokens in[1, 64]
// CHECK: rt.kernel @norm scalars [@tokens]
// CHECK: rt.weight @n : tensor<8xf32> bytes affine_map<()[s0] -> (32)>
// CHECK: rt.entry @forward
// CHECK:   rt.buffer {{ *}}input @x {{.*}} bytes affine_map<()[s0] -> (s0 * 32)>
// CHECK:   rt.buffer {{ *}}weight @n
// CHECK:   rt.buffer {{ *}}temporary @a
// CHECK:   rt.buffer {{ *}}output @b
// CHECK:   rt.input "x" @x
// CHECK:   rt.output "y" @b
// CHECK:   rt.launch "a" [#rt.variant<@norm for @tokens to 64>]([@x, @n, @a])
// CHECK:   rt.launch "b" [#rt.variant<@norm for @tokens to 64>]([@a, @n, @b])
// CHECK: module @weights
// CHECK:   lathe.parameter @n
// CHECK-NOT: @unused
// CHECK: module @kernels
// CHECK:   func.func private @norm
module attributes {lathe.model = {family = "llama", context = 64 : i64, chat_templates = {default = "t"}}} {
lathe.symbol @tokens in [1, 64]
lathe.parameter @n : tensor<8xf32> from "w.safetensors" key "n"
lathe.parameter @unused : tensor<8xf32> from "w.safetensors" key "u"
func.func @forward(%x: tensor<?x8xf32, #lathe.dims<"tokens">> {lathe.name = "x"}) -> (tensor<?x8xf32, #lathe.dims<"tokens">> {lathe.name = "y"}) attributes {lathe.entry} {
  %n = lathe.get @n : tensor<8xf32>
  %a = call @norm(%x, %n) {lathe.name = "a", lathe.results = ["a"]} : (tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %b = call @norm(%a, %n) {lathe.name = "b", lathe.results = ["b"]} : (tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">>
  return %b : tensor<?x8xf32, #lathe.dims<"tokens">>
}
func.func private @norm(%x: tensor<?x8xf32, #lathe.dims<"tokens">>, %n: tensor<8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.symbols = ["tokens"]} {
  %y = lathe.rms_norm %x, %n eps 1.0 : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>
  return %y : tensor<?x8xf32, #lathe.dims<"tokens">>
}
}

// -----

// A state is updated where it lies. An input that is updated, and a value that
// is read again, are copied first; an input that is returned as well.

// CHECK: rt.entry @step
// CHECK:   rt.launch "in_place" {{.*}}([@s])
// CHECK-NEXT:   rt.copy @x to @copied
// CHECK-NEXT:   rt.launch "copied" {{.*}}([@copied])
// CHECK-NEXT:   rt.copy @x to @same
// CHECK-NOT: rt.copy
lathe.state @s : tensor<4xf32>
func.func @step(%x: tensor<4xf32> {lathe.name = "x"}) -> (tensor<4xf32> {lathe.name = "y"}, tensor<4xf32> {lathe.name = "same"}) attributes {lathe.entry} {
  %s = lathe.get_state @s : tensor<4xf32>
  %t = call @k(%s) {lathe.name = "in_place", lathe.results = ["in_place"]} : (tensor<4xf32>) -> tensor<4xf32>
  lathe.set_state %t, @s : tensor<4xf32>
  %y = call @k(%x) {lathe.name = "copied", lathe.results = ["copied"]} : (tensor<4xf32>) -> tensor<4xf32>
  return %y, %x : tensor<4xf32>, tensor<4xf32>
}
func.func private @k(%x: tensor<4xf32>) -> (tensor<4xf32> {lathe.tied = 0 : i64}) attributes {lathe.kernel, lathe.symbols = []} {
  %y = lathe.activation silu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
