//===- ModuleSource.cpp - The module that lathe-compiler works on ---------===//

#include "compiler/tools/ModuleSource.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/Import.h"
#include "runtime/formats/AtomicFile.h"
#include "runtime/formats/DepthScan.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/text/TokenizerBuilder.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using llvm::StringRef;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Module attribute: the folder, relative to the module's, that holds the
/// tokenizer's files.
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

/// Builds the tables from \p directory if it has the files of a tokenizer.
static Status loadTokenizer(const std::string &directory,
                            std::vector<std::byte> &tables) {
  bool hasTokenizer = false;
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
    return Status::error(StatusCode::IoError,
                         directory + ": " + error.message());
  if (std::error_code error = llvm::sys::fs::real_path(folder, real))
    return Status::error(StatusCode::InvalidFile,
                         field + folder + ": " + error.message());
  auto isBeneath = [&](StringRef file) {
    return file == top ||
           (file.consume_front(top) && (top == "/" || file.starts_with("/")));
  };
  bool stays = isBeneath(real) && llvm::sys::fs::is_directory(real);
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
  LATHE_RETURN_IF_ERROR(loadTokenizer(folder, source.tokenizerTables));
  return source;
}

static Result<ModuleSource> loadCheckpoint(mlir::MLIRContext &context,
                                           const CommandLine &line) {
  ImportOptions options;
  if (line.context > 0)
    options.context = line.context;
  options.maxTokens = line.compile.maxTokens;
  std::vector<std::string> notes;
  options.notes = &notes;
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

Result<ModuleSource> ModuleSource::load(mlir::MLIRContext &context,
                                        const CommandLine &line) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(line.model, status))
    return Status::error(StatusCode::NotFound,
                         line.model + ": " + error.message());
  if (llvm::sys::fs::is_directory(status))
    return loadCheckpoint(context, line);
  if (StringRef(line.model).ends_with(".mlir"))
    return loadText(context, line.model);
  for (StringRef suffix : {".gguf", ".onnx"})
    if (StringRef(line.model).ends_with(suffix))
      return Status::error(StatusCode::Unsupported,
                           line.model + ": " + suffix.drop_front().str() +
                               " files are not read (use a checkpoint "
                               "directory with config.json and "
                               "safetensors)");
  return Status::error(
      StatusCode::Unsupported,
      line.model + ": is neither a checkpoint directory nor a .mlir file");
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

/// Makes \p target the same file as \p source: a hard link, else a copy.
static Status linkOrCopy(const std::string &source, const std::string &target) {
  llvm::SmallString<128> real;
  if (std::error_code error = llvm::sys::fs::real_path(source, real))
    return Status::error(StatusCode::IoError, source + ": " + error.message());
  llvm::sys::fs::remove(target);
  if (!llvm::sys::fs::create_hard_link(real, target))
    return Status::ok();
  if (std::error_code error = llvm::sys::fs::copy_file(real, target))
    return Status::error(error == std::errc::no_space_on_device
                             ? StatusCode::ResourceExhausted
                             : StatusCode::IoError,
                         target + ": " + error.message());
  return Status::ok();
}

Status ModuleSource::writeModule(const std::string &path) {
  std::string folder = llvm::sys::path::parent_path(path).str();
  if (folder.empty())
    folder = ".";
  bool isBeside = llvm::sys::fs::equivalent(folder, directory);
  if (!isBeside) {
    std::string files = (llvm::sys::path::stem(path) + ".files").str();
    if (std::error_code error =
            llvm::sys::fs::create_directories(inFolder(folder, files)))
      return Status::error(StatusCode::IoError,
                           inFolder(folder, files) + ": " + error.message());
    llvm::SetVector<StringRef> names;
    mlir::Builder builder(module->getContext());
    for (ParameterOp parameter : module->getOps<ParameterOp>())
      names.insert(parameter.getFile());
    for (StringRef name : kTokenizerFiles)
      if (llvm::sys::fs::exists(inFolder(directory, name)))
        names.insert(name);
    for (StringRef name : names)
      LATHE_RETURN_IF_ERROR(linkOrCopy(
          inFolder(directory, name), inFolder(inFolder(folder, files), name)));
    for (ParameterOp parameter : module->getOps<ParameterOp>())
      parameter.setFileAttr(
          builder.getStringAttr(files + "/" + parameter.getFile()));
    (*module)->setAttr(kTokenizerAttr, builder.getStringAttr(files));
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  // With locations: they hold the names by which a twin is compared.
  module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
  return runtime::writeFile(path, text);
}
