//===- RtOps.td - Operations of the rt dialect -------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_RT_RTOPS_TD
#define LATHE_DIALECTS_RT_RTOPS_TD

include "dialects/rt/Rt.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"

class Rt_InEntry<string mnemonic, list<Trait> traits = []>
    : Rt_Op<mnemonic, traits # [HasParent<"::lathe::rt::EntryOp">]>;

def Rt_Refs : TypedArrayAttrBase<FlatSymbolRefAttr, "array of buffer names">;

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

def Rt_ModelOp : Rt_Op<"model"> {
  let summary = "what a host needs to know of the model";
  let description = [{
    Table `Model`; the defaults are those of the schema. `context_length` is
    its `context`, a name that every op has taken.

    Constraints:
    - (C1) `context_length`, `vocabulary`, `embed_tokens`, `page_positions` are not
      negative.
    - (C2) `chat_templates` holds strings, by their names.

    ```mlir
    rt.model "llama" {context_length = 512 : i64, eos_ids = array<i64: 2>}
    ```
  }];
  let arguments = (ins StrAttr:$family,
      DefaultValuedAttr<I64Attr, "0">:$context_length,
      DefaultValuedAttr<I64Attr, "0">:$vocabulary,
      DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$bos_ids,
      DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$eos_ids,
      DefaultValuedAttr<I64Attr, "-1">:$pad_id,
      DefaultValuedAttr<I64Attr, "0">:$embed_tokens,
      DefaultValuedStrAttr<StrAttr, "">:$generation_config,
      DefaultValuedAttr<I64Attr, "0">:$page_positions,
      OptionalAttr<DictionaryAttr>:$chat_templates);
  let assemblyFormat = "$family attr-dict";
  let hasVerifier = 1;                                                // C1, C2
}

def Rt_ProvenanceOp : Rt_Op<"provenance"> {
  let summary = "who made the artifact, from what and how";
  let description = [{
    Table `Provenance`.

    ```mlir
    rt.provenance "lathe 0.1.0" from "model.mlir" options "-O3"
    ```
  }];
  let arguments = (ins StrAttr:$producer, StrAttr:$source, StrAttr:$options);
  let assemblyFormat = "$producer `from` $source `options` $options attr-dict";
}

def Rt_SymbolOp : Rt_Op<"symbol", [Symbol]> {
  let summary = "a named unknown size";
  let description = [{
    Table `Symbol`.

    Constraints:
    - (C1) 0 <= `minimum` <= `maximum`.

    ```mlir
    rt.symbol @pages in [1, 128] fixed_at_load
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$minimum,
                       I64Attr:$maximum, UnitAttr:$fixed_at_load);
  let assemblyFormat = [{
    $sym_name `in` `[` $minimum `,` $maximum `]` (`fixed_at_load` $fixed_at_load^)?
      attr-dict
  }];
  let hasVerifier = 1;                                                    // C1
}

def Rt_TargetOp : Rt_Op<"target", [Symbol]> {
  let summary = "machine code of one target";
  let description = [{
    Table `Target`. The emitter gets the code beside the IR, by this name.

    ```mlir
    rt.target @"x86-64-v4"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let assemblyFormat = "$sym_name attr-dict";
}

def Rt_KernelOp : Rt_Op<"kernel", [Symbol, NoTerminator, SingleBlock,
    NoRegionArguments]> {
  let summary = "one kernel, on each target";
  let description = [{
    Table `Kernel`. `scalars` names what it reads of the symbols, in the order
    of LatheKernelArgs.scalars.

    Constraints:
    - (C1) The body holds `rt.code` ops, one a target, and at most one
      `rt.cost`; nothing else.

    ```mlir
    rt.kernel @linear scalars [@tokens] {
      rt.code @"x86-64-v4" tiles affine_map<()[s0] -> (s0 ceildiv 64)> scratch 0
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Rt_Refs:$scalars);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `scalars` $scalars attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;                                              // C1
}

def Rt_CodeOp : Rt_Op<"code", [HasParent<"::lathe::rt::KernelOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one kernel on one target";
  let description = [{
    Table `KernelCode`: the number of tiles of a launch, and the bytes of
    scratch that a worker needs.

    Constraints:
    - (C1) `tiles` has no dimensions and one result.
    - (C2) `scratch_bytes` is not negative.
    - (C3) `target` is an `rt.target`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$target, AffineMapAttr:$tiles,
                       I64Attr:$scratch_bytes);
  let assemblyFormat = "$target `tiles` $tiles `scratch` $scratch_bytes attr-dict";
  let hasVerifier = 1;                                                // C1, C2
}

def Rt_CostOp : Rt_Op<"cost", [HasParent<"::lathe::rt::KernelOp">]> {
  let summary = "what a launch of a kernel computes and moves";
  let description = [{
    Table `KernelCost`: floating-point operations, and the bytes that are read
    and written of each operand, in the order of a launch. What is read is the
    smallest of a map's results: rows of a table, but not more than it has.
    `in` says what the multiply-adds of its linear layers and attention take:
    `f32`, where nothing is said, pairs of `bf16`, or `bytes`.

    Constraints:
    - (C1) No map has dimensions; `flops` and each of `writes` has one result,
      each of `reads` one or more.
    - (C2) There are as many `reads` as `writes`.
    - (C3) Operands of `pairs` are below that number; their other numbers are
      not negative.

    ```mlir
    rt.cost flops affine_map<()[s0] -> (s0 * 8192)>
      reads [affine_map<()[s0] -> (s0 * 256)>, affine_map<()[s0] -> (16384)>, affine_map<()[s0] -> (0)>]
      writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (s0 * 256)>]
    ```
  }];
  let arguments = (ins AffineMapAttr:$flops, AffineMapArrayAttr:$reads,
                       AffineMapArrayAttr:$writes, OptionalAttr<Rt_PairsArrayAttr>:$pairs,
                       DefaultValuedAttr<Rt_ArithmeticAttr, "Arithmetic::F32">:$arithmetic);
  let assemblyFormat = [{
    `flops` $flops (`in` $arithmetic^)? `reads` $reads `writes` $writes
    (`pairs` $pairs^)? attr-dict
  }];
  let hasVerifier = 1;                                            // C1, C2, C3
}

class Rt_NamedBufferOp<string mnemonic> : Rt_Op<mnemonic, [Symbol]> {
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<AnyRankedTensor>:$type, AffineMapAttr:$bytes);
  let assemblyFormat = "$sym_name `:` $type `bytes` $bytes attr-dict";
  let hasVerifier = 1;
}

def Rt_WeightOp : Rt_NamedBufferOp<"weight"> {
  let summary = "read-only bytes of the file";
  let description = [{
    A `Buffer` of kind Weight. Its bytes come from the symbol of the same name
    in the nested module `@weights`.

    Constraints:
    - (C1) `bytes` has no dimensions and one result.
    - (C2) The schema has the element type.

    ```mlir
    rt.weight @norm : tensor<64xf32> bytes affine_map<()[s0] -> (256)>
    ```
  }];
}

def Rt_StateOp : Rt_NamedBufferOp<"state"> {
  let summary = "a buffer kept from call to call";
  let description = [{
    A `Buffer` of kind State; zero at first.

    Constraints: as `rt.weight`.

    ```mlir
    rt.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">> bytes affine_map<()[s0] -> (s0 * 4096)>
    ```
  }];
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

def Rt_EntryOp : Rt_Op<"entry", [Symbol, SymbolTable, NoTerminator, SingleBlock,
    NoRegionArguments]> {
  let summary = "something that a host can call";
  let description = [{
    Table `Entry`: buffers, bindings, commands in order, plans from the smallest
    to the largest. `peak` is the largest sum of the bytes of the temporaries
    that live at one time, as a function of the symbols: the largest of
    the map's results.

    Constraints:
    - (C1) Each plan has as many offsets as the entry has buffers.
    - (C2) The plans' arenas ascend.
    - (C3) `peak` has no dimensions.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<AffineMapAttr>:$peak);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`peak` $peak^)? attr-dict-with-keyword $body";
  let hasVerifier = 1;                                                    // C3
  let hasRegionVerifier = 1;                                          // C1, C2
}

def Rt_BufferOp : Rt_InEntry<"buffer", [Symbol]> {
  let summary = "a value of an entry, in memory";
  let description = [{
    Table `Buffer`. The name is the graph's name of the value; weights and
    states bear the name of their `rt.weight` or `rt.state`.

    Constraints: as `rt.weight`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Rt_BufferKindAttr:$kind,
                       TypeAttrOf<AnyRankedTensor>:$type, AffineMapAttr:$bytes);
  let assemblyFormat = "$kind $sym_name `:` $type `bytes` $bytes attr-dict";
  let hasVerifier = 1;
}

def Rt_InputOp : Rt_InEntry<"input", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "an input of an entry, by its name";
  let description = [{
    Table `Binding` in `Entry.inputs`. Every element is in [0, limit), where a
    limit of several results is the smallest of them.

    Constraints:
    - (C1) `limit` has no dimensions and one result or more.
    - (C2) `buffer` is an input buffer of the entry.
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$buffer,
                       OptionalAttr<AffineMapAttr>:$limit);
  let assemblyFormat = "$name $buffer (`limit` $limit^)? attr-dict";
  let hasVerifier = 1;                                                    // C1
}

def Rt_OutputOp : Rt_InEntry<"output", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "an output of an entry, by its name";
  let description = [{
    Table `Binding` in `Entry.outputs`.

    Constraints:
    - (C1) `buffer` is an output buffer of the entry.
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$buffer);
  let assemblyFormat = "$name $buffer attr-dict";
}

def Rt_LaunchOp : Rt_InEntry<"launch", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one run of a kernel over all its tiles";
  let description = [{
    Table `Launch`: the first variant whose bound holds runs on `buffers`, the
    schema's `operands`, in the kernel's parameter order. Nothing runs while the
    symbol of the variants is at most `skipped_to`: what reads the result computes
    it then.

    Constraints:
    - (C1) There is a variant.
    - (C2) Kernels, symbols and buffers exist.
    - (C3) `skipped_to` is below the last variant's bound.
  }];
  let arguments = (ins StrAttr:$name, Rt_VariantArrayAttr:$variants,
                       Rt_Refs:$buffers, OptionalAttr<I64Attr>:$skipped_to);
  let assemblyFormat = [{
    $name $variants `(` $buffers `)` (`skipped` `to` $skipped_to^)? attr-dict
  }];
  let hasVerifier = 1;                                                // C1, C3
}

def Rt_CopyOp : Rt_InEntry<"copy", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a whole buffer copied onto another of the same size";
  let description = [{
    Table `Copy`. A copy of a buffer onto itself folds away.

    Constraints:
    - (C1) `source` and `target` are buffers of the entry of equal `bytes`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$source, FlatSymbolRefAttr:$target);
  let assemblyFormat = "$source `to` $target attr-dict";
  let hasCanonicalizeMethod = 1;
}

def Rt_FillOp : Rt_InEntry<"fill", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a byte written over a whole buffer";
  let description = [{
    Table `Fill`.

    Constraints:
    - (C1) `value` is in [0, 255].
    - (C2) `target` is a buffer of the entry.
  }];
  let arguments = (ins FlatSymbolRefAttr:$target, I64Attr:$value);
  let assemblyFormat = "$target `with` $value attr-dict";
  let hasVerifier = 1;                                                    // C1
}

def Rt_PlanOp : Rt_InEntry<"plan"> {
  let summary = "where each buffer lies in the arena";
  let description = [{
    Table `Plan`: serves calls whose symbols are at most `bounds`, in the order
    of the module's symbols. `offsets` has one number of bytes for each buffer
    of the entry, 0 for those not in the arena. `live_bytes` is the largest sum
    of the bytes of buffers that live at one time.

    Constraints:
    - (C1) Arena, live bytes and offsets are not negative, and `live_bytes` is
      at most `arena_bytes`.
  }];
  let arguments = (ins DenseI64ArrayAttr:$bounds, I64Attr:$arena_bytes,
                       I64Attr:$live_bytes, DenseI64ArrayAttr:$offsets);
  let assemblyFormat = [{
    `bounds` $bounds `arena` $arena_bytes `live` $live_bytes `offsets` $offsets attr-dict
  }];
  let hasVerifier = 1;                                                    // C1
}

#endif // LATHE_DIALECTS_RT_RTOPS_TD
