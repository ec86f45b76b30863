target_sources(LathePasses PRIVATE
  analysis/BufferSizes.cpp
  analysis/ValueNames.cpp
  analysis/VerifyStage.cpp)
