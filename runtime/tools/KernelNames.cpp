//===- KernelNames.cpp - What a person needs of a kernel's name -----------===//

#include "runtime/tools/KernelNames.h"

#include <algorithm>
#include <cctype>

std::string lathe::tools::shortKernelName(const std::string &kernel) {
  constexpr size_t kHash = 16;
  size_t place = kernel.rfind('_');
  bool isHash = place != std::string::npos && place > 0 &&
                kernel.size() - place - 1 == kHash &&
                std::all_of(kernel.begin() + static_cast<long>(place) + 1,
                            kernel.end(), [](unsigned char character) {
                              return std::isxdigit(character) != 0;
                            });
  return isHash ? kernel.substr(0, place) : kernel;
}
