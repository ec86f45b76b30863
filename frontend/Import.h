//===- Import.h - A checkpoint or GGUF file to a module of IR ---*- C++ -*-===//
#ifndef LATHE_FRONTEND_IMPORT_H
#define LATHE_FRONTEND_IMPORT_H

#include "runtime/formats/Gguf.h"
#include "runtime/formats/Json.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct ImportOptions {
  /// Positions of a sequence; left out: what the config allows, or the original
  /// context of a longrope. More than the config allows is refused where
  /// positions are learned.
  std::optional<int64_t> context;
  /// Tokens of a call; left out: 512 for causal models, 4096 for encoders.
  std::optional<int64_t> maxTokens;
  /// Most sequences that one key-value cache may hold.
  int64_t maxSlots = 256;
  /// What a key-value cache is stored in: "f32", "bf16", or "q8" (signed bytes,
  /// and a scale for each position of a head). A model without one gives a
  /// note.
  std::string cacheType = "f32";
  /// What a person should know of the checkpoint is appended here, a line each:
  /// fields and tensors that nothing reads, a context that was cut.
  std::vector<std::string> *notes = nullptr;
};

/// Reads the checkpoint in \p directory (config.json, safetensors in one file
/// or several, and if they are there generation_config.json and the files of
/// sentence-transformers) and builds the module of docs/design.md, 8.1. Its
/// parameters name their files relative to \p directory; the module holds no
/// weights. Loads the dialects that it needs into \p context.
///
/// Fails with NotFound or IoError for files that cannot be read, InvalidFile
/// for files that break their format or contradict each other, Unsupported for
/// what a config asks for and that is not done here, InvalidArgument for
/// options; messages are "FILE: FIELD: what is wrong".
runtime::Result<mlir::OwningOpRef<mlir::ModuleOp>>
importCheckpoint(mlir::MLIRContext &context, const std::string &directory,
                 const ImportOptions &options = {});

/// As importCheckpoint, of the GGUF file \p file, which parameters call
/// \p name: relative to the folder that the module is for. What is stored in
/// blocks has a parameter with the #lathe.quant of the blocks.
runtime::Result<mlir::OwningOpRef<mlir::ModuleOp>>
importGguf(mlir::MLIRContext &context, const runtime::Gguf &file,
           const std::string &name, const ImportOptions &options = {});

/// The names of the families (model_type) that importCheckpoint knows, sorted.
std::vector<std::string_view> listFamilies();

} // namespace lathe

#endif // LATHE_FRONTEND_IMPORT_H
