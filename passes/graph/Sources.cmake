target_sources(LathePasses PRIVATE
  graph/ConvertWeights.cpp
  graph/DerivedParameters.cpp
  graph/FuseResidualNorm.cpp
  graph/MergeProjections.cpp
  graph/NameValues.cpp
  graph/NarrowActivations.cpp
  graph/NarrowAttention.cpp
  graph/Narrower.cpp
  graph/QuantizeActivations.cpp
  graph/QuantizeWeights.cpp
  graph/RelaxActivations.cpp
  graph/SplitArgmax.cpp)
