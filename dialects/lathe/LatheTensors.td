//===- LatheTensors.td - Tensors that ops take -------------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHETENSORS_TD
#define LATHE_DIALECTS_LATHE_LATHETENSORS_TD

include "dialects/lathe/LatheAttrs.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Rank 1 or more, so that a last dimension, the row, is always there.
def Lathe_FloatTensor : RankedTensorOf<[AnyFloat], [HasRankGreaterOrEqualPred<1>]>;
def Lathe_FloatMatrix : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[2]>]>;
def Lathe_FloatRow : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[1]>]>;
def Lathe_Heads : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[3]>]>;   // (T, H, D)
def Lathe_Pages : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[4]>]>;
def Lathe_Indices : RankedTensorOf<[I32], [HasAnyRankOfPred<[1]>]>;
def Lathe_IndexMatrix : RankedTensorOf<[I32], [HasAnyRankOfPred<[2]>]>;

#endif // LATHE_DIALECTS_LATHE_LATHETENSORS_TD
