target_sources(LathePasses PRIVATE
  lowering/LoopAttention.cpp
  lowering/LoopElements.cpp
  lowering/LoopQuantize.cpp
  lowering/LoopRows.cpp
  lowering/LowerToLoops.cpp
  lowering/MathExpansion.cpp)
target_sources(LathePasses PRIVATE
  lowering/AmxTile.cpp
  lowering/AssignSchedules.cpp
  lowering/Contraction.cpp
  lowering/ElementwiseCode.cpp
  lowering/IntegerDot.cpp
  lowering/IntegerTile.cpp
  lowering/KernelAbi.cpp
  lowering/LowerContraction.cpp
  lowering/PackWeights.cpp
  lowering/Pipeline.cpp
  lowering/QuantReader.cpp
  lowering/QuantTile.cpp
  lowering/RegisterTile.cpp
  lowering/ScheduleCosts.cpp
  lowering/ScheduleKeys.cpp
  lowering/UpstreamOps.cpp
  lowering/VerifyLowered.cpp)
target_sources(LathePasses PRIVATE
  lowering/AttentionBuilder.cpp
  lowering/AttentionPanels.cpp
  lowering/KernelCode.cpp
  lowering/LaneMaxima.cpp
  lowering/LowerAttention.cpp
  lowering/LowerRows.cpp
  lowering/RowBuilder.cpp
  lowering/RowChecks.cpp
  lowering/RowQuantize.cpp
  lowering/RowShapes.cpp
  lowering/RowSums.cpp
  lowering/VectorMath.cpp)
