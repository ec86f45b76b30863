//===- GenerationConfig.h - How a checkpoint generates ----------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_GENERATIONCONFIG_H
#define LATHE_FRONTEND_MODELS_GENERATIONCONFIG_H

#include "frontend/models/TransformerConfig.h"
#include "runtime/Status.h"

#include <string>

namespace lathe {

/// Reads generation_config.json of \p directory where there is one: its ids
/// come before those of config.json. Gives the file's text; an empty one if
/// there is no such file. InvalidFile for a file that breaks its format or is
/// longer than 1 MiB.
runtime::Result<std::string> readGeneration(const std::string &directory,
                                            TransformerConfig &config);

/// What generation_config.json would say of \p config alone, as JSON text.
std::string defaultGeneration(const TransformerConfig &config);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_GENERATIONCONFIG_H
