//===- CommonFields.h - Config fields that are no family's own --*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_COMMONFIELDS_H
#define LATHE_FRONTEND_MODELS_COMMONFIELDS_H

#include <span>
#include <string_view>

namespace lathe {

/// Fields of every family that say nothing of what a trained model computes:
/// dropout and initial values, the training's and the hub's bookkeeping.
std::span<const std::string_view> harmlessFields();

/// Defaults of generation, which old versions of transformers wrote into
/// config.json: not the model's business, but generation_config.json's.
std::span<const std::string_view> generationFields();

/// Fields that change what a model computes in ways that are not done here.
std::span<const std::string_view> refusedFields();

/// Fields that one family or another reads, or one that is not there yet:
/// where the family does not, they ask for something that it does not have.
std::span<const std::string_view> foreignFields();

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_COMMONFIELDS_H
