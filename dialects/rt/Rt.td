//===- Rt.td - The rt dialect ------------------------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_RT_RT_TD
#define LATHE_DIALECTS_RT_RT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::lathe::rt";
  let summary = "The artifact as text: one op a table of its schema";
  let description = [{
    Mirrors runtime/schema/artifact.fbs op for table and attribute for field,
    so that writing an artifact is a walk over the IR. A module on this level
    holds one `rt.model` and `rt.provenance`, then symbols, targets, kernels,
    weights, states and entries, in the order of the file. Two nested modules
    hold what is not in the file: `@weights` the `lathe.parameter` and
    `lathe.derived` symbols that the weights' bytes come from, and, until they
    are machine code, `@kernels` the functions of the kernels.

    A size is an affine map without dimensions, from the module's `rt.symbol`s
    in their order to one number of bytes, tiles or elements: the schema's
    Expression. What the layout of the file decides, numbers of sections and
    offsets in them, has no attribute.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Rt_Op<string mnemonic, list<Trait> traits = []>
    : Op<Rt_Dialect, mnemonic, traits>;

class Rt_Attr<string name, string attrMnemonic> : AttrDef<Rt_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Rt_VariantAttr : Rt_Attr<"Variant", "variant"> {
  let summary = "a kernel that serves a launch while a symbol is small enough";
  let parameters = (ins
    "::mlir::FlatSymbolRefAttr":$kernel,
    "::mlir::FlatSymbolRefAttr":$symbol,
    "int64_t":$maximum
  );
  let assemblyFormat = "`<` $kernel `for` $symbol `to` $maximum `>`";
}
def Rt_VariantArrayAttr
    : TypedArrayAttrBase<Rt_VariantAttr, "array of kernel variants">;

def Rt_Arithmetic : I32EnumAttr<"Arithmetic", "what multiply-adds take", [
    I32EnumAttrCase<"F32", 0, "f32">,
    I32EnumAttrCase<"BF16", 1, "bf16">,  // pairs of them
    I32EnumAttrCase<"Bytes", 2, "bytes">
  ]> {
  let cppNamespace = "::lathe::rt";
  let genSpecializedAttr = 0;
}
def Rt_ArithmeticAttr : EnumAttr<Rt_Dialect, Rt_Arithmetic, "arithmetic">;

def Rt_PairKind : I32EnumAttr<"PairKind", "which tokens see a key", [
    I32EnumAttrCase<"Bidirectional", 0, "bidirectional">, // all of its sequence
    I32EnumAttrCase<"Causal", 1, "causal">,               // it, and those behind
    I32EnumAttrCase<"Cached", 2, "cached">                // those of a cache
  ]> {
  let cppNamespace = "::lathe::rt";
  let genSpecializedAttr = 0;
}

def Rt_PairsAttr : Rt_Attr<"Pairs", "pairs"> {
  let summary = "work that the operands of a launch decide";
  let description = [{
    Table `PairCost`: `flops` of each pair of a token and a key that it sees, and
    where `kind` is `cached`, the bytes of one key and one value and the
    operands that they are read from. Operands are numbers in the order of the
    launch.
  }];
  let parameters = (ins
    EnumParameter<Rt_PairKind>:$kind,
    "int64_t":$sequences,
    "int64_t":$flops,
    DefaultValuedParameter<"int64_t", "0">:$window,
    DefaultValuedParameter<"int64_t", "0">:$positions,
    DefaultValuedParameter<"int64_t", "0">:$keys,
    DefaultValuedParameter<"int64_t", "0">:$values,
    DefaultValuedParameter<"int64_t", "0">:$key_bytes,
    DefaultValuedParameter<"int64_t", "0">:$value_bytes
  );
  let assemblyFormat = [{
    `<` $kind `,` struct($sequences, $flops, $window, $positions, $keys, $values,
                         $key_bytes, $value_bytes) `>`
  }];
}
def Rt_PairsArrayAttr : TypedArrayAttrBase<Rt_PairsAttr, "array of pair costs">;

def Rt_BufferKind : I32EnumAttr<"BufferKind", "where a buffer lives", [
    I32EnumAttrCase<"Temporary", 0, "temporary">,
    I32EnumAttrCase<"Input", 1, "input">,
    I32EnumAttrCase<"Output", 2, "output">,
    I32EnumAttrCase<"Weight", 3, "weight">,
    I32EnumAttrCase<"State", 4, "state">
  ]> {
  let cppNamespace = "::lathe::rt";
  let genSpecializedAttr = 0;
}
def Rt_BufferKindAttr : EnumAttr<Rt_Dialect, Rt_BufferKind, "buffer_kind">;

#endif // LATHE_DIALECTS_RT_RT_TD
