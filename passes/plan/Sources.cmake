target_sources(LathePasses PRIVATE
  plan/ConvertToRt.cpp
  plan/EntryConverter.cpp
  plan/FormKernels.cpp
  plan/FormVariants.cpp
  plan/KernelGroups.cpp
  plan/PlanMemory.cpp)
