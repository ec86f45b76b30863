// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-verify-entries | FileCheck %s

// Every index has a limit that its table holds.

// CHECK-LABEL: func @forward
lathe.symbol @tokens in [1, 16]
lathe.parameter @table : tensor<8x4xf32> from "model.safetensors" key "t"
func.func @forward(%ids: tensor<?xi32, #lathe.dims<"tokens">> {lathe.name = "tokens", lathe.limit = 8 : i64})
    -> (tensor<?x4xf32, #lathe.dims<"tokens">> {lathe.name = "x"}) attributes {lathe.entry} {
  %t = lathe.get @table : tensor<8x4xf32>
  %x = lathe.gather %t[%ids] : tensor<8x4xf32>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x4xf32, #lathe.dims<"tokens">>
  return %x : tensor<?x4xf32, #lathe.dims<"tokens">>
}

// -----

// An argmax is below its columns, also by way of panels; places of an input are
// below the limit of that.

// CHECK-LABEL: func @of_panels
lathe.parameter @table : tensor<40x4xf32> from "model.safetensors" key "t"
lathe.parameter @scores : tensor<2x40xf32> from "model.safetensors" key "s"
lathe.parameter @maxima : tensor<2x2xf32> from "model.safetensors" key "m"
func.func @of_panels(%places: tensor<2x2xi32> {lathe.name = "places", lathe.limit = 40 : i64})
    -> (tensor<2x4xf32> {lathe.name = "x"}, tensor<2x4xf32> {lathe.name = "y"}) attributes {lathe.entry} {
  %t = lathe.get @table : tensor<40x4xf32>
  %s = lathe.get @scores : tensor<2x40xf32>
  %m = lathe.get @maxima : tensor<2x2xf32>
  %v, %p = lathe.panel_argmax %s : tensor<2x40xf32> -> tensor<2x2xf32>, tensor<2x2xi32>
  %i = lathe.argmax %v of %p : tensor<2x2xf32>, tensor<2x2xi32> -> tensor<2xi32>
  %x = lathe.gather %t[%i] : tensor<40x4xf32>, tensor<2xi32> -> tensor<2x4xf32>
  %j = lathe.argmax %m of %places : tensor<2x2xf32>, tensor<2x2xi32> -> tensor<2xi32>
  %y = lathe.gather %t[%j] : tensor<40x4xf32>, tensor<2xi32> -> tensor<2x4xf32>
  return %x, %y : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Places may be larger than the columns of what they are of.

lathe.parameter @table : tensor<8x4xf32> from "model.safetensors" key "t"
lathe.parameter @maxima : tensor<2x2xf32> from "model.safetensors" key "m"
func.func @places_past_the_table(%places: tensor<2x2xi32> {lathe.name = "places", lathe.limit = 40 : i64})
    -> tensor<2x4xf32> attributes {lathe.entry} {
  %t = lathe.get @table : tensor<8x4xf32>
  %m = lathe.get @maxima : tensor<2x2xf32>
  %j = lathe.argmax %m of %places : tensor<2x2xf32>, tensor<2x2xi32> -> tensor<2xi32>
  // expected-error @below {{expects indices below the 8 rows}}
  %y = lathe.gather %t[%j] : tensor<8x4xf32>, tensor<2xi32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// No limit: any id would be read.

// expected-error @below {{input 0: expects a lathe.limit or lathe.limit_symbol}}
func.func @unlimited(%ids: tensor<2xi32> {lathe.name = "tokens"}) -> tensor<2xi32> attributes {lathe.entry} {
  return %ids : tensor<2xi32>
}

// -----

// A limit past the table.

lathe.parameter @table : tensor<8x4xf32> from "model.safetensors" key "t"
func.func @past_the_table(%ids: tensor<2xi32> {lathe.name = "tokens", lathe.limit = 9 : i64}) -> tensor<2x4xf32>
    attributes {lathe.entry} {
  %t = lathe.get @table : tensor<8x4xf32>
  // expected-error @below {{expects indices below the 8 rows}}
  %x = lathe.gather %t[%ids] : tensor<8x4xf32>, tensor<2xi32> -> tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}

// -----

// Rows of activations, whose number is another symbol.

lathe.symbol @tokens in [1, 16]
lathe.symbol @rows in [1, 16]
func.func @other_symbol(%x: tensor<?x4xf32, #lathe.dims<"tokens">> {lathe.name = "x"},
                        %rows: tensor<2xi32> {lathe.name = "rows", lathe.limit_symbol = "rows"}) -> tensor<2x4xf32>
    attributes {lathe.entry} {
  // expected-error @below {{expects indices below the symbol 'tokens'}}
  %y = lathe.gather %x[%rows] : tensor<?x4xf32, #lathe.dims<"tokens">>, tensor<2xi32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Positions that the page table may have no column for.

lathe.symbol @pages in [1, 8] fixed_at_load
lathe.symbol @slots in [1, 4] fixed_at_load
lathe.symbol @slot_pages in [1, 2] fixed_at_load
func.func @past_the_pages(
    %q: tensor<1x2x8xf32> {lathe.name = "q"},
    %keys: tensor<?x2x8x32xf32, #lathe.dims<"pages">> {lathe.name = "k"},
    %values: tensor<?x2x32x8xf32, #lathe.dims<"pages">> {lathe.name = "v"},
    %positions: tensor<1xi32> {lathe.name = "positions", lathe.limit = 64 : i64},
    %sequences: tensor<1xi32> {lathe.name = "sequences", lathe.limit_symbol = "slots"},
    %table: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">> {lathe.name = "page_table", lathe.limit_symbol = "pages"})
    -> tensor<1x2x8xf32> attributes {lathe.entry} {
  // expected-error @below {{expects positions with lathe.limit_pages = "slot_pages"}}
  %y = lathe.cached_attention %q, %keys, %values at %positions, %sequences, %table scale 1.0
      : tensor<1x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages">>, tensor<?x2x32x8xf32, #lathe.dims<"pages">>,
        tensor<1xi32>, tensor<1xi32>, tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>
  return %y : tensor<1x2x8xf32>
}

// -----

// expected-error @below {{has an attribute of the wrong kind: "lathe.limit" = "a"}}
func.func @wrong_kind(%ids: tensor<2xi32> {lathe.name = "tokens", lathe.limit = "a"}) -> tensor<2xi32>
    attributes {lathe.entry} {
  return %ids : tensor<2xi32>
}

// -----

// expected-error @below {{has the unknown attribute '"lathe.entri"'}}
func.func @misspelt(%x: tensor<2xf32> {lathe.name = "x"}) -> tensor<2xf32> attributes {lathe.entry, lathe.entri} {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{expects a lathe.limit of 1 to 2147483647, got -7}}
func.func @negative(%ids: tensor<2xi32> {lathe.name = "tokens", lathe.limit = -7 : i64}) -> tensor<2xi32>
    attributes {lathe.entry} {
  return %ids : tensor<2xi32>
}

// -----

// expected-error @below {{lathe.model: context: expects 0 to 2147483647}}
module attributes {lathe.model = {family = "llama", context = 9223372036854775807 : i64}} {
}

// -----

// expected-error @below {{lathe.model: chat_templates: expects at most 64 texts of UTF-8 without a 0 of at most 1048576 bytes, by names of at most 256 bytes without control characters}}
module attributes {lathe.model = {chat_templates = 7 : i64}} {
}

// -----

// expected-error @below {{lathe.model: chat_templates: expects at most 64 texts of UTF-8 without a 0 of at most 1048576 bytes, by names of at most 256 bytes without control characters}}
module attributes {lathe.model = {chat_templates = {default = 7 : i64}}} {
}

// -----

// expected-error @below {{lathe.model: chat_templates: expects at most 64 texts of UTF-8 without a 0 of at most 1048576 bytes, by names of at most 256 bytes without control characters}}
module attributes {lathe.model = {chat_templates = {"a\0Ab" = "t"}}} {
}

// -----

// expected-error @below {{lathe.model: chat_templates: expects at most 64 texts of UTF-8 without a 0 of at most 1048576 bytes, by names of at most 256 bytes without control characters}}
module attributes {lathe.model = {chat_templates = {default = "\FF"}}} {
}

// -----

// expected-error @below {{lathe.model: chat_templates: expects at most 64 texts of UTF-8 without a 0 of at most 1048576 bytes, by names of at most 256 bytes without control characters}}
module attributes {lathe.model = {chat_templates = {default = "a\00b"}}} {
}

// -----

// expected-error @below {{expects a function with the attribute lathe.entry}}
module {
}
