//===- StoredNames.h - What checkpoints call their tensors ------*- C++ -*-===//
#ifndef LATHE_FRONTEND_WEIGHTS_STOREDNAMES_H
#define LATHE_FRONTEND_WEIGHTS_STOREDNAMES_H

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

/// `{}` of \p pattern, a name of TensorNames, replaced by \p layer.
std::string inLayer(const std::string &pattern, int64_t layer);

/// The name that old checkpoints give \p name, a norm's weight or bias; empty
/// for others.
std::string legacyName(std::string_view name);

/// True for buffers that old versions saved with the weights; they say nothing
/// new.
bool isBuffer(std::string_view name);

} // namespace lathe

#endif // LATHE_FRONTEND_WEIGHTS_STOREDNAMES_H
