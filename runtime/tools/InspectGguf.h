//===- InspectGguf.h - lathe inspect of a GGUF file -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_INSPECTGGUF_H
#define LATHE_RUNTIME_TOOLS_INSPECTGGUF_H

#include "runtime/tools/Console.h"

#include <string>

namespace lathe::tools {

/// Prints the metadata and tensors of the GGUF file \p path, as text or as one
/// JSON object. Of long arrays only the beginning is shown. Messages go to
/// standard error.
Exit inspectGguf(const std::string &path, bool asJson);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_INSPECTGGUF_H
