//===- Rt.td - The rt dialect ------------------------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_RT_RT_TD
#define LATHE_DIALECTS_RT_RT_TD

include "mlir/IR/OpBase.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::lathe::rt";
  let summary = "The artifact as text: one op a table of its schema";
  let description = [{
    Mirrors runtime/schema/artifact.fbs op for table and attribute for field,
    so that writing an artifact is a walk over the IR.
  }];
}

class Rt_Op<string mnemonic, list<Trait> traits = []>
    : Op<Rt_Dialect, mnemonic, traits>;

#endif // LATHE_DIALECTS_RT_RT_TD
