//===- LatheAttrs.td - Encodings, schedules and enums ------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEATTRS_TD
#define LATHE_DIALECTS_LATHE_LATHEATTRS_TD

include "dialects/lathe/Lathe.td"
include "mlir/IR/TensorEncoding.td"

class Lathe_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Lathe_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Lathe_DimsAttr : Lathe_Attr<"Dims", "dims", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "names of a tensor's dynamic sizes";
  let description = [{
    The encoding of a tensor with dynamic dimensions: the `lathe.symbol` of each
    `?`, in order, as in `tensor<?x64xf32, #lathe.dims<"tokens">>`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let assemblyFormat = "`<` $names `>`";
}

def Lathe_PackedAttr : Lathe_Attr<"Packed", "packed", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "layout of a weight for the contraction kernels";
  let description = [{
    The encoding of a logical `[N, K]` weight whose bytes are
    `[ceil(N / columns)][ceil(K / depth)][columns][depth]`, zero-padded.
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$depth);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lathe_ReduceAttr : Lathe_Attr<"Reduce", "reduce"> {
  let summary = "order of a sum";
  let description = [{
    Terms are summed in chunks of `chunk`, each one fma chain in ascending
    order from 0, and the chunks are added left to right. 0: one chain. The
    order belongs to the op's meaning: no schedule may change it.
  }];
  let parameters = (ins "int64_t":$chunk);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Lathe_DotKind : I32EnumAttr<"DotKind", "instruction that adds products", [
    I32EnumAttrCase<"Fma", 0, "fma">,  // one product, f32
    I32EnumAttrCase<"Bf16", 1, "bf16"> // two of bf16 into f32 (vdpbf16ps)
  ]> {
  let cppNamespace = "::lathe";
  let genSpecializedAttr = 0;
}

def Lathe_ScheduleAttr : Lathe_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel is tiled, and with which instruction it adds";
  let description = [{
    - `rows`, `columns`: the register tile, in rows of the activation and
      columns of the result.
    - `row_block`: rows that one tile of the launch covers.
    - `panels`: packed panels that one tile of the launch covers.
    - `vector`: lanes of the widest f32 vector of the target.
    - `dot`: the instruction that adds products. It belongs to the level of the
      target and to the types, so that kernels of all shapes round alike.
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "8">:$rows,
    DefaultValuedParameter<"int64_t", "32">:$columns,
    DefaultValuedParameter<"int64_t", "64">:$row_block,
    DefaultValuedParameter<"int64_t", "1">:$panels,
    DefaultValuedParameter<"int64_t", "16">:$vector,
    DefaultValuedParameter<"::lathe::DotKind", "::lathe::DotKind::Fma">:$dot
  );
  let assemblyFormat = "`<` struct(params) `>`";
}

def Lathe_ActivationKind : I32EnumAttr<"ActivationKind", "function of one number", [
    I32EnumAttrCase<"Gelu", 0, "gelu">,           // x/2 (1 + erf(x / sqrt 2))
    I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,  // x/2 (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3)))
    I32EnumAttrCase<"Silu", 2, "silu">,           // x / (1 + exp(-x))
    I32EnumAttrCase<"Relu", 3, "relu">,
    I32EnumAttrCase<"Tanh", 4, "tanh">,
    I32EnumAttrCase<"QuickGelu", 5, "quick_gelu"> // x / (1 + exp(-1.702 x))
  ]> {
  let cppNamespace = "::lathe";
  let genSpecializedAttr = 0;
}
def Lathe_ActivationKindAttr
    : EnumAttr<Lathe_Dialect, Lathe_ActivationKind, "activation_kind">;

def Lathe_PoolKind : I32EnumAttr<"PoolKind", "how a sequence becomes one row", [
    I32EnumAttrCase<"Mean", 0, "mean">,   // mean over its tokens
    I32EnumAttrCase<"First", 1, "first">, // its first token ([CLS])
    I32EnumAttrCase<"Last", 2, "last">,
    I32EnumAttrCase<"Max", 3, "max">
  ]> {
  let cppNamespace = "::lathe";
  let genSpecializedAttr = 0;
}
def Lathe_PoolKindAttr : EnumAttr<Lathe_Dialect, Lathe_PoolKind, "pool_kind">;

#endif // LATHE_DIALECTS_LATHE_LATHEATTRS_TD
