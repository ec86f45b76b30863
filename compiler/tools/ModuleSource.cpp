//===- ModuleSource.cpp - The module that lathe-compiler works on ---------===//

#include "compiler/tools/ModuleSource.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/Import.h"
#include "runtime/formats/AtomicFile.h"
#include "runtime/formats/DepthScan.h"
#include "runtime/formats/Gguf.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/formats/SystemError.h"
#include "runtime/text/TokenizerBuilder.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <cerrno>

using namespace lathe;
using llvm::StringRef;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Module attribute: the folder that holds the tokenizer's files, or the GGUF
/// file that holds the tokenizer, relative to the module's folder.
static constexpr llvm::StringLiteral kTokenizerAttr = "lathe.tokenizer";

/// The files that a tokenizer may be made of.
static constexpr llvm::StringLiteral kTokenizerFiles[] = {
    "tokenizer.json", "tokenizer.model", "vocab.txt", "tokenizer_config.json",
    "special_tokens_map.json"};

static std::string inFolder(StringRef folder, StringRef name) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

static bool isGguf(StringRef path) { return path.ends_with(".gguf"); }

/// Builds the tables from \p directory, or the GGUF file of that name, if it
/// has a tokenizer.
static Status loadTokenizer(const std::string &directory,
                            std::vector<std::byte> &tables) {
  bool hasTokenizer = false;
  if (isGguf(directory)) {
    Result<runtime::Gguf> file = runtime::Gguf::open(directory);
    if (!file.isOk())
      return file.takeStatus();
    hasTokenizer = runtime::hasTokenizer(*file);
  }
  for (StringRef name : llvm::ArrayRef(kTokenizerFiles).take_front(3))
    hasTokenizer |= llvm::sys::fs::exists(inFolder(directory, name));
  if (!hasTokenizer)
    return Status::ok();
  Result<std::vector<std::byte>> built =
      runtime::buildTokenizerTables(directory);
  if (!built.isOk())
    return built.takeStatus();
  tables = std::move(*built);
  return Status::ok();
}

/// The folder \p name of a tokenizer, as the module \p path names it. The name
/// comes from a file, so neither it nor a symlink may lead out of the module's
/// own folder, \p directory.
static Result<std::string> tokenizerFolder(const std::string &path,
                                           const std::string &directory,
                                           StringRef name) {
  std::string field = path + ": " + kTokenizerAttr.str() + ": ";
  llvm::SmallVector<StringRef> parts;
  name.split(parts, '/');
  if (llvm::sys::path::is_absolute(name) || llvm::is_contained(parts, "..") ||
      name.contains('\0'))
    return Status::error(
        StatusCode::InvalidFile,
        field + "expected a folder beneath the module's own, got '" +
            name.str() + "'");
  std::string folder = inFolder(directory, name);
  llvm::SmallString<128> top, real;
  if (std::error_code error = llvm::sys::fs::real_path(directory, top))
    return runtime::systemError(directory, "open", error.value());
  if (std::error_code error = llvm::sys::fs::real_path(folder, real))
    return Status::error(
        StatusCode::InvalidFile,
        field + runtime::systemError(folder, "open", error.value()).message());
  auto isBeneath = [&](StringRef file) {
    return file == top ||
           (file.consume_front(top) && (top == "/" || file.starts_with("/")));
  };
  bool stays =
      isBeneath(real) && (llvm::sys::fs::is_directory(real) || isGguf(folder));
  for (StringRef file : kTokenizerFiles) {
    // What is not there cannot lead out.
    if (stays && !llvm::sys::fs::real_path(inFolder(folder, file), real))
      stays = isBeneath(real);
  }
  if (!stays)
    return Status::error(StatusCode::InvalidFile,
                         field + "'" + name.str() +
                             "' leads out of the module's folder or is none");
  return folder;
}

/// Parses MLIR text after a scan that bounds its depth: MLIR's parser recurses.
static Result<mlir::OwningOpRef<mlir::ModuleOp>>
parseText(mlir::MLIRContext &context, const std::string &path) {
  Result<runtime::MappedFile> file = runtime::MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  std::span<const std::byte> bytes = file->bytes();
  std::string_view mapped(reinterpret_cast<const char *>(bytes.data()),
                          bytes.size());
  LATHE_RETURN_IF_ERROR(runtime::scanMlirDepth(mapped, path));
  // MLIR's lexer reads the byte past the text, which a mapping need not have.
  std::string text(mapped);
  mlir::ParserConfig config(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, config, path);
  if (!module)
    return Status::error(StatusCode::InvalidFile,
                         path + ": is no module of the lathe dialect");
  if (module->getBody()->empty())
    return Status::error(StatusCode::InvalidFile,
                         path + ": the module is empty");
  return module;
}

static Result<ModuleSource> loadText(mlir::MLIRContext &context,
                                     const std::string &path) {
  Result<mlir::OwningOpRef<mlir::ModuleOp>> module = parseText(context, path);
  if (!module.isOk())
    return module.takeStatus();
  ModuleSource source;
  source.module = std::move(*module);
  source.directory = llvm::sys::path::parent_path(path).str();
  if (source.directory.empty())
    source.directory = ".";
  std::string folder = source.directory;
  if (auto name =
          (*source.module)->getAttrOfType<mlir::StringAttr>(kTokenizerAttr)) {
    Result<std::string> named =
        tokenizerFolder(path, source.directory, name.getValue());
    if (!named.isOk())
      return named.takeStatus();
    folder = *named;
  }
  source.path = path;
  if (Status status = loadTokenizer(folder, source.tokenizerTables);
      !status.isOk())
    return Status::error(status.code(), path + ": " + kTokenizerAttr.str() +
                                            ": " + status.message());
  return source;
}

static ImportOptions importOptions(const CommandLine &line,
                                   std::vector<std::string> &notes) {
  ImportOptions options;
  if (line.context > 0)
    options.context = line.context;
  options.maxTokens = line.compile.maxTokens;
  options.cacheType = line.cacheType;
  options.notes = &notes;
  return options;
}

static Result<ModuleSource> loadGguf(mlir::MLIRContext &context,
                                     const CommandLine &line) {
  // Caches of model hubs link a file's name to a place outside of the folder;
  // the user named it, so the module is that of the place.
  llvm::SmallString<128> real;
  if (std::error_code error = llvm::sys::fs::real_path(line.model, real))
    return runtime::systemError(line.model, "open", error.value());
  Result<runtime::Gguf> file = runtime::Gguf::open(line.model);
  if (!file.isOk())
    return file.takeStatus();
  std::string name = llvm::sys::path::filename(real).str();
  if (!isGguf(name))
    return Status::error(StatusCode::Unsupported,
                         line.model + ": links to " + name +
                             ", whose name does not end in .gguf (give that "
                             "file such a name)");
  std::vector<std::string> notes;
  Result<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importGguf(context, *file, name, importOptions(line, notes));
  if (!module.isOk())
    return module.takeStatus();
  for (const std::string &note : notes)
    printMessage("warning", note);
  ModuleSource source;
  source.module = std::move(*module);
  source.directory = llvm::sys::path::parent_path(real).str();
  if (runtime::hasTokenizer(*file)) {
    (*source.module)
        ->setAttr(kTokenizerAttr, mlir::StringAttr::get(&context, name));
    Result<std::vector<std::byte>> built = runtime::buildTokenizerTables(*file);
    if (!built.isOk())
      return built.takeStatus();
    source.tokenizerTables = std::move(*built);
  }
  return source;
}

static Result<ModuleSource> loadCheckpoint(mlir::MLIRContext &context,
                                           const CommandLine &line) {
  std::vector<std::string> notes;
  ImportOptions options = importOptions(line, notes);
  Result<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importCheckpoint(context, line.model, options);
  if (!module.isOk())
    return module.takeStatus();
  // Always: what a config says and nothing reads may change what the model
  // computes.
  for (const std::string &note : notes)
    printMessage("warning", note);
  ModuleSource source;
  source.module = std::move(*module);
  source.directory = line.model;
  LATHE_RETURN_IF_ERROR(loadTokenizer(line.model, source.tokenizerTables));
  return source;
}

/// \p status, with what a MODEL may be.
static Status expectedModel(const Status &status) {
  return Status::error(status.code(),
                       status.message() +
                           " (expected a folder with config.json, "
                           "model.safetensors and tokenizer.json, or a .gguf "
                           "or .mlir file)");
}

Result<ModuleSource> ModuleSource::load(mlir::MLIRContext &context,
                                        const CommandLine &line) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(line.model, status))
    return expectedModel(
        runtime::systemError(line.model, "open", error.value()));
  if (llvm::sys::fs::is_directory(status)) {
    std::string config = inFolder(line.model, "config.json");
    if (!llvm::sys::fs::exists(config))
      return expectedModel(runtime::systemError(config, "open", ENOENT));
    return loadCheckpoint(context, line);
  }
  if (StringRef(line.model).ends_with(".mlir")) {
    if (line.cacheType != "f32")
      printMessage("warning", line.model + ": --cache-type changes nothing, as "
                                           "the states of a module have types");
    return loadText(context, line.model);
  }
  if (isGguf(line.model))
    return loadGguf(context, line);
  if (StringRef(line.model).ends_with(".onnx"))
    return Status::error(StatusCode::Unsupported,
                         line.model + ": onnx files are not read (use a "
                                      "checkpoint directory with config.json "
                                      "and safetensors)");
  return Status::error(StatusCode::Unsupported,
                       line.model + ": is neither a checkpoint directory nor "
                                    "a .gguf or .mlir file (name the "
                                    "folder that holds config.json)");
}

Status ModuleSource::refuseOutput(const CommandLine &line) const {
  llvm::SmallVector<std::string> inputs = {line.model,
                                           inFolder(directory, "config.json")};
  for (StringRef name : kTokenizerFiles)
    inputs.push_back(inFolder(directory, name));
  for (ParameterOp parameter : mlir::ModuleOp(*module).getOps<ParameterOp>())
    inputs.push_back(inFolder(directory, parameter.getFile()));
  for (const std::string &input : inputs)
    if (llvm::sys::fs::equivalent(input, line.output))
      return Status::error(StatusCode::InvalidArgument,
                           line.output + ": is a file of the model itself "
                                         "(name another output)");
  return Status::ok();
}

/// Makes \p target the same file as \p source: a hard link, else a copy. What
/// was there stays until the new one is whole.
static Status linkOrCopy(const std::string &source, const std::string &target) {
  llvm::SmallString<128> real;
  if (std::error_code error = llvm::sys::fs::real_path(source, real))
    return runtime::systemError(source, "open", error.value());
  std::string temporary = target + "." +
                          std::to_string(llvm::sys::Process::getProcessId()) +
                          ".tmp";
  llvm::FileRemover remover(temporary);
  std::error_code error;
  if (llvm::sys::fs::create_hard_link(real, temporary))
    error = llvm::sys::fs::copy_file(real, temporary);
  if (!error)
    error = llvm::sys::fs::rename(temporary, target);
  return error ? runtime::systemError(target, "write", error.value())
               : Status::ok();
}

/// Whether \p name in \p directory is a symlink: a module may not follow it.
static bool isLink(StringRef directory, StringRef name) {
  return llvm::sys::fs::is_symlink_file(inFolder(directory, name));
}

/// The names in the model's directory that the module needs.
static llvm::SetVector<StringRef> neededFiles(const ModuleSource &source) {
  llvm::SetVector<StringRef> names;
  for (auto parameter : mlir::ModuleOp(*source.module).getOps<ParameterOp>())
    names.insert(parameter.getFile());
  for (StringRef name : kTokenizerFiles)
    if (llvm::sys::fs::exists(inFolder(source.directory, name)))
      names.insert(name);
  return names;
}

Status ModuleSource::gatherFiles(const std::string &folder,
                                 const std::string &files) {
  for (StringRef name : neededFiles(*this)) {
    std::string target = inFolder(inFolder(folder, files), name);
    if (std::error_code error = llvm::sys::fs::create_directories(
            llvm::sys::path::parent_path(target), /*IgnoreExisting=*/true,
            llvm::sys::fs::all_all))
      return runtime::systemError(target, "write", error.value());
    LATHE_RETURN_IF_ERROR(linkOrCopy(inFolder(directory, name), target));
  }
  mlir::Builder builder(module->getContext());
  for (ParameterOp parameter : module->getOps<ParameterOp>())
    parameter.setFileAttr(
        builder.getStringAttr(files + "/" + parameter.getFile()));
  // A GGUF file, now in the folder, is its own tokenizer.
  auto own = (*module)->getAttrOfType<mlir::StringAttr>(kTokenizerAttr);
  bool isOwn = own && isGguf(own.getValue());
  (*module)->setAttr(
      kTokenizerAttr,
      builder.getStringAttr(isOwn ? files + "/" + own.str() : files));
  return Status::ok();
}

Status ModuleSource::writeModule(const std::string &output) {
  std::string folder = llvm::sys::path::parent_path(output).str();
  if (folder.empty())
    folder = ".";
  if (!llvm::sys::fs::is_directory(folder))
    return Status::error(StatusCode::NotFound,
                         output + ": the folder " + folder +
                             " does not exist (create it first)");
  bool isBeside = llvm::sys::fs::equivalent(folder, directory) &&
                  llvm::none_of(neededFiles(*this), [&](StringRef name) {
                    return isLink(directory, name);
                  });
  std::string files = (llvm::sys::path::stem(output) + ".files").str();
  bool isNew = !isBeside && !llvm::sys::fs::exists(inFolder(folder, files));
  Status status = isBeside ? Status::ok() : gatherFiles(folder, files);
  if (status.isOk()) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    // With locations: they hold the names by which a twin is compared.
    module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    status = runtime::writeFile(output, text);
  }
  if (!status.isOk() && isNew)
    llvm::sys::fs::remove_directories(inFolder(folder, files));
  return status;
}
