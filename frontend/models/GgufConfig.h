//===- GgufConfig.h - A model's config out of GGUF metadata -----*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_GGUFCONFIG_H
#define LATHE_FRONTEND_MODELS_GGUFCONFIG_H

#include "frontend/models/TransformerConfig.h"
#include "runtime/formats/Gguf.h"

#include <string>
#include <vector>

namespace lathe {

/// Reads the metadata of \p file, of the architecture llama, qwen2 or qwen3;
/// the names of tensors are those of the file. Keys of the architecture that
/// are not known are refused; of keys in name spaces of somebody else \p notes
/// gets a line. InvalidFile for values that are wrong, missing or contradict
/// each other, Unsupported for what is not done here; both name the key.
runtime::Result<TransformerConfig>
readGgufConfig(const runtime::Gguf &file, std::vector<std::string> &notes);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_GGUFCONFIG_H
