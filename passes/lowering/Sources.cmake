target_sources(LathePasses PRIVATE
  lowering/MathExpansion.cpp)
target_sources(LathePasses PRIVATE
  lowering/KernelAbi.cpp)
