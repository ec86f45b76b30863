//===- Lathe.td - The lathe dialect ------------------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHE_TD
#define LATHE_DIALECTS_LATHE_LATHE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Lathe_Dialect : Dialect {
  let name = "lathe";
  let cppNamespace = "::lathe";
  let summary = "Transformer building blocks on tensors";
  let description = [{
    One op for each block that a Transformer names and that an optimisation
    wants to see whole. Activations are flat over tokens: `tensor<?xC>` whose
    encoding names the symbol of each dynamic size.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 0;
}

class Lathe_Op<string mnemonic, list<Trait> traits = []>
    : Op<Lathe_Dialect, mnemonic, traits>;

#endif // LATHE_DIALECTS_LATHE_LATHE_TD
