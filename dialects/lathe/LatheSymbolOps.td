//===- LatheSymbolOps.td - Sizes, parameters and state -----*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHESYMBOLOPS_TD
#define LATHE_DIALECTS_LATHE_LATHESYMBOLOPS_TD

include "dialects/lathe/LatheTensors.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Lathe_SymbolOp : Lathe_Op<"symbol", [Symbol]> {
  let summary = "a named size with its range";
  let description = [{
    A size that is known when a call is made, or when a context is made where it
    is `fixed_at_load`. Types name it in `#lathe.dims`. Its range is what memory
    is planned for.

    Constraints:
    - (C1) 0 <= `minimum` <= `maximum`, and `maximum` >= 1. Both are elements.

    Example:

    ```mlir
    lathe.symbol @tokens in [1, 512]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$minimum, I64Attr:$maximum,
                       UnitAttr:$fixed_at_load);
  let assemblyFormat = [{
    $sym_name `in` ` ` `[` $minimum `,` $maximum `]` (`fixed_at_load` $fixed_at_load^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_ParameterOp : Lathe_Op<"parameter", [Symbol]> {
  let summary = "a tensor of a weights file";
  let description = [{
    The tensor `key` of the weights file `file`, with the element type and the
    shape that it has there. Its bytes are never part of the module.

    Constraints:
    - (C1) `type` has a static shape.
    - (C2) `file` is not empty and relative: to the folder of the module.
    - (C3) `key` is not empty.

    Example:

    ```mlir
    lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type,
                       StrAttr:$file, StrAttr:$key);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $file `key` $key attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_DerivedOp : Lathe_Op<"derived", [Symbol, IsolatedFromAbove,
    SingleBlock, NoRegionArguments]> {
  let summary = "a parameter computed from others at compile time";
  let description = [{
    A parameter that weight transforms make of other parameters, once, when the
    model is compiled. The region holds no memory of its own: transforms are
    evaluated one tensor at a time.

    Constraints:
    - (C1) `type` has a static shape.
    - (C2) The body holds `lathe.get` and weight transforms (`concat`, `slice`,
      `permute`, `reshape`, `cast`, `quantize`, `pack`, `rope_table`) only.
    - (C3) The body yields one value of `type`.

    Example:

    ```mlir
    lathe.derived @half : tensor<64xbf16> {
      %0 = lathe.get @norm : tensor<64xf32>
      %1 = lathe.cast %0 : tensor<64xf32> -> tensor<64xbf16>
      lathe.yield %1 : tensor<64xbf16>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `:` $type attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Lathe_StateOp : Lathe_Op<"state", [Symbol]> {
  let summary = "a buffer that lives from call to call, zero at first";
  let description = [{
    A buffer of a context: what one call leaves there the next one finds. All
    bytes are zero at first.

    Constraints:
    - (C1) Each dynamic size of `type` is named by a symbol.

    Example:

    ```mlir
    lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Lathe_GetOp : Lathe_Op<"get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter or derived parameter";
  let description = [{
    Constraints:
    - (C1) `symbol` names a `lathe.parameter` or a `lathe.derived`.
    - (C2) `type(result)` is the declared type.
    - (C3) A quantised `lathe.parameter`, whose bytes are those of its file, is
      read inside a `lathe.derived` only.

    Example:

    ```mlir
    %w = lathe.get @norm : tensor<64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_GetStateOp : Lathe_Op<"get_state", [MemoryEffects<[MemRead]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the present value of a state";
  let description = [{
    Constraints:
    - (C1) `symbol` names a `lathe.state`.
    - (C2) `type(result)` is the declared type.

    Example:

    ```mlir
    %k = lathe.get_state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_SetStateOp : Lathe_Op<"set_state", [MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "replaces the value of a state";
  let description = [{
    What `lathe.get_state` gives from here on, in this call and the next.

    Constraints:
    - (C1) `symbol` names a `lathe.state`.
    - (C2) `type(value)` is the declared type.

    Example:

    ```mlir
    lathe.set_state %new, @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "$value `,` $symbol attr-dict `:` type($value)";
}

def Lathe_YieldOp : Lathe_Op<"yield", [Pure, ReturnLike, Terminator,
    HasParent<"DerivedOp">]> {
  let summary = "the value of a derived parameter";
  let description = [{
    Constraints:
    - (C1) The parent is a `lathe.derived`.

    Example:

    ```mlir
    lathe.yield %1 : tensor<64xbf16>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

#endif // LATHE_DIALECTS_LATHE_LATHESYMBOLOPS_TD
