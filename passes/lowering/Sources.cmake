target_sources(LathePasses PRIVATE
  lowering/LoopElements.cpp
  lowering/LowerToLoops.cpp
  lowering/MathExpansion.cpp)
target_sources(LathePasses PRIVATE
  lowering/AssignSchedules.cpp
  lowering/KernelAbi.cpp
  lowering/Pipeline.cpp
  lowering/VerifyLowered.cpp)
target_sources(LathePasses PRIVATE
  lowering/KernelCode.cpp
  lowering/LowerRows.cpp
  lowering/RowBuilder.cpp
  lowering/RowChecks.cpp
  lowering/RowShapes.cpp
  lowering/VectorMath.cpp)
