//===- LatheAttrs.td - Encodings, schedules and enums ------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEATTRS_TD
#define LATHE_DIALECTS_LATHE_LATHEATTRS_TD

include "dialects/lathe/Lathe.td"
include "mlir/IR/TensorEncoding.td"

class Lathe_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Lathe_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Lathe_QuantAttr : Lathe_Attr<"Quant", "quant", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "how a tensor of f32 values is stored in few bits";
  let description = [{
    The encoding of a weight each of whose rows is cut into groups of `group`
    consecutive elements. An element is an integer of the type `quantum`, and

        value = scale[g] * (quantum - zero) - minimum[g]

    in f32. Without `block` a group's scale and minimum are floats. With it they
    are integers, and each `block` consecutive elements share an f16 that
    multiplies the scales and another that multiplies the minima. The encoding
    says what the numbers are. How their bytes lie is said by the file that a
    `lathe.parameter` names: in a GGUF file, as the blocks of Q4_0 and so on. Of
    rows that a program computes, dialects/lathe/QuantRows.h says it.

    | GGUF | encoding |
    |---|---|
    | Q4_0 | `#lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>` |
    | Q4_1 | `#lathe.quant<quantum = ui4, group = 32, scale = f16, minimum = f16>` |
    | Q5_0 | `#lathe.quant<quantum = ui5, group = 32, scale = f16, zero = 16>` |
    | Q5_1 | `#lathe.quant<quantum = ui5, group = 32, scale = f16, minimum = f16>` |
    | Q8_0 | `#lathe.quant<quantum = si8, group = 32, scale = f16>` |
    | Q4_K | `#lathe.quant<quantum = ui4, group = 32, scale = ui6, minimum = ui6, block = 256>` |
    | Q5_K | `#lathe.quant<quantum = ui5, group = 32, scale = ui6, minimum = ui6, block = 256>` |
    | Q6_K | `#lathe.quant<quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>` |

    Constraints:
    - (C1) `quantum` is an integer with or without a sign, of 2 to 8 bits.
    - (C2) `group` >= 1; 0 <= `zero` < 2^bits, and 0 if `quantum` has a sign.
    - (C3) Without `block`, `scale` is f16, bf16 or f32. With it, `scale` is an
      integer with or without a sign, of 2 to 8 bits, and `block` is a multiple
      of `group`.
    - (C4) `minimum`, where there is one, is of the type of `scale`.
    - (C5) The tensor is static, of f32, and its last dimension is a multiple of
      `block`, or of `group` where there is none.
  }];
  let parameters = (ins
    "::mlir::Type":$quantum,
    "int64_t":$group,
    "::mlir::Type":$scale,
    OptionalParameter<"::mlir::Type">:$minimum,
    DefaultValuedParameter<"int64_t", "0">:$zero,
    DefaultValuedParameter<"int64_t", "0">:$block
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t bits() const { return getQuantum().getIntOrFloatBitWidth(); }
    /// Elements of which a row is a whole number: a block, or a group.
    int64_t unit() const { return getBlock() ? getBlock() : getGroup(); }
  }];
}

def Lathe_DimsAttr : Lathe_Attr<"Dims", "dims", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "names of a tensor's dynamic sizes";
  let description = [{
    The encoding of a tensor with dynamic dimensions: the `lathe.symbol` of each
    `?`, in order, as in `tensor<?x64xf32, #lathe.dims<"tokens">>`. With `quant`
    its rows are quantised, as `lathe.quantize` makes them, and lie in memory as
    dialects/lathe/QuantRows.h says:
    `tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>`.

    A tensor of rank 4 with `quant` is pages of a cache, (pages, heads, D, 32)
    or (pages, heads, 32, D), in which the D elements of a position's head are a
    group; they lie as dialects/lathe/QuantPages.h says:
    `tensor<?x4x64x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 64, scale = f32>>>`.

    Constraints:
    - (C1) There is a name for each dynamic size.
    - (C2) With `quant`, the tensor is of f32, and the last dimension is static
      and a multiple of the quant's `group` or `block`.
    - (C3) Pages with `quant` have static heads, `group` and 32 as their last two
      dimensions, in any order, signed bytes as `quantum`, an f32 `scale`, and
      no `minimum` or `block`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names,
                        OptionalParameter<"::lathe::QuantAttr">:$quant);
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<::mlir::StringAttr>":$names), [{
    return $_get($_ctxt, names, QuantAttr());
  }]>];
  let assemblyFormat = "`<` $names (`quant` $quant^)? `>`";
}

def Lathe_PackedAttr : Lathe_Attr<"Packed", "packed", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "layout of a weight for the contraction kernels";
  let description = [{
    The encoding of a logical `[N, K]` weight whose bytes are
    `[ceil(N / columns)][ceil(K / depth)][columns][depth]`, zero-padded. With
    `quant` the weight is one of that encoding, its panels are as
    dialects/lathe/PackedQuant.h says, and `depth` is 8.
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$depth,
                        OptionalParameter<"::lathe::QuantAttr">:$quant);
  let builders = [AttrBuilder<(ins "int64_t":$columns, "int64_t":$depth), [{
    return $_get($_ctxt, columns, depth, QuantAttr());
  }]>];
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
    I32EnumAttrCase<"Bf16", 1, "bf16">, // two of bf16 into f32 (vdpbf16ps)
    I32EnumAttrCase<"Vnni", 2, "vnni">, // four of bytes into i32 (vpdpbusd)
    I32EnumAttrCase<"Madd", 3, "madd">, // the same by 16-bit pairs (vpmaddwd)
    I32EnumAttrCase<"Sdot", 4, "sdot">, // the same on AArch64
    I32EnumAttrCase<"AmxBf16", 5, "amx_bf16">, // 32 of bf16 (tdpbf16ps)
    I32EnumAttrCase<"AmxBytes", 6, "amx_bytes"> // 64 of bytes (tdpbsud)
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
