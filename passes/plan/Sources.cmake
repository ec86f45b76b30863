target_sources(LathePasses PRIVATE
  plan/ConvertToRt.cpp
  plan/FormKernels.cpp
  plan/KernelGroups.cpp
  plan/PlanMemory.cpp)
