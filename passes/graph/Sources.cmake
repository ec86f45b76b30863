target_sources(LathePasses PRIVATE
  graph/FuseResidualNorm.cpp
  graph/MergeProjections.cpp
  graph/NameValues.cpp)
