//===- SentenceModules.h - The heads of sentence encoders -------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_SENTENCEMODULES_H
#define LATHE_FRONTEND_MODELS_SENTENCEMODULES_H

#include "frontend/models/TransformerConfig.h"
#include "runtime/formats/Json.h"

#include <string>

namespace lathe {

/// Reads what sentence-transformers puts beside a checkpoint: modules.json, the
/// config of its pooling module, and sentence_bert_config.json; sets pool,
/// normalizeEmbedding and embedTokens of \p config. Leaves it alone where
/// there is no modules.json. InvalidFile for files that break their format,
/// Unsupported for modules and ways to pool that are not done here.
runtime::Status readSentenceModules(const std::string &directory,
                                    TransformerConfig &config);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_SENTENCEMODULES_H
