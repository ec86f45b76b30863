target_sources(LathePasses PRIVATE
  analysis/BufferSizes.cpp
  analysis/KernelCosts.cpp
  analysis/KernelRoots.cpp
  analysis/QuantChains.cpp
  analysis/SizeSums.cpp
  analysis/ValueNames.cpp
  analysis/VerifyEntries.cpp
  analysis/VerifyStage.cpp)
