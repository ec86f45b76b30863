//===- CommandLine.cpp - Flags and messages of lathe-compiler -------------===//

#include "compiler/tools/CommandLine.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

using namespace lathe;
using llvm::StringRef;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

static constexpr const char *kUsage =
    "usage: lathe-compiler compile|import MODEL -o FILE [--target LEVEL]... "
    "[-O0|-O1|-O2|-O3]\n"
    "       [--dtype f32|bf16] [--weights f32|bf16|f16|q8|q4] [--activations "
    "f32|bf16|q8] [--cache-type f32|bf16|q8]\n"
    "       [--max-tokens N] [--context N] [--schedules FILE] [--tune "
    "SECONDS]\n"
    "       [--jobs N] [--dump-ir DIR] [--compile-to PHASE] "
    "[--timing] [--verbose]\n"
    "Started by `lathe compile` and `lathe import`, which explain the flags.\n";

static Status wrong(const llvm::Twine &message) {
  return Status::error(StatusCode::InvalidArgument,
                       (message + " (see lathe compile --help)").str());
}

namespace {

/// Takes the arguments one by one.
class Arguments {
public:
  Arguments(int argc, char **argv) : rest(argv + 1, argv + argc) {}

  bool isEmpty() const { return rest.empty(); }
  StringRef next() {
    StringRef argument = rest.front();
    rest = rest.drop_front();
    return argument;
  }
  /// The value of \p flag, the argument after it.
  Result<std::string> value(StringRef flag) {
    if (isEmpty())
      return wrong(flag + ": expected a value after it");
    return next().str();
  }
  Result<int64_t> number(StringRef flag, int64_t least = 1) {
    Result<std::string> text = value(flag);
    if (!text.isOk())
      return text.takeStatus();
    int64_t number = 0;
    if (StringRef(*text).getAsInteger(10, number) || number < least)
      return wrong(flag + ": expected a number from " + llvm::Twine(least) +
                   " on, got '" + *text + "'");
    return number;
  }

private:
  llvm::ArrayRef<char *> rest;
};

} // namespace

static Status readFlag(StringRef flag, Arguments &arguments,
                       CommandLine &line) {
  auto text = [&](std::string &into) -> Status {
    Result<std::string> value = arguments.value(flag);
    if (!value.isOk())
      return value.takeStatus();
    into = *value;
    return Status::ok();
  };
  auto number = [&](auto assign) -> Status {
    Result<int64_t> value = arguments.number(flag);
    if (!value.isOk())
      return value.takeStatus();
    assign(*value);
    return Status::ok();
  };
  if (flag == "-o")
    return text(line.output);
  if (flag == "--dtype")
    return text(line.dtype);
  if (flag == "--weights")
    return text(line.weights);
  if (flag == "--activations")
    return text(line.activations);
  if (flag == "--cache-type")
    return text(line.cacheType);
  if (flag == "--dump-ir")
    return text(line.compile.dumpDir);
  if (flag == "--target")
    return text(line.compile.targets.emplace_back());
  if (flag == "--schedules")
    return text(line.compile.schedulesPath);
  if (flag == "--tune") {
    Result<int64_t> seconds = arguments.number(flag, /*least=*/0);
    if (!seconds.isOk())
      return seconds.takeStatus();
    line.compile.tuneSeconds = *seconds;
    return Status::ok();
  }
  if (flag == "--context")
    return number([&](int64_t value) { line.context = value; });
  if (flag == "--max-tokens")
    return number([&](int64_t value) { line.compile.maxTokens = value; });
  if (flag == "--jobs")
    return number([&](int64_t value) {
      line.compile.jobs = static_cast<unsigned>(value);
    });
  if (flag == "--compile-to") {
    std::string name;
    LATHE_RETURN_IF_ERROR(text(name));
    std::optional<Phase> phase = parsePhase(name);
    if (!phase)
      return wrong("--compile-to: there is no phase '" + name + "'");
    line.compile.compileTo = *phase;
    return Status::ok();
  }
  if (flag == "--timing") {
    line.timing = true;
    return Status::ok();
  }
  if (flag == "--verbose") {
    line.verbose = true;
    return Status::ok();
  }
  if (flag.size() == 3 && flag.starts_with("-O") && flag[2] >= '0' &&
      flag[2] <= '3') {
    line.compile.optLevel = flag[2] - '0';
    return Status::ok();
  }
  return wrong("there is no flag '" + flag + "'");
}

Result<CommandLine> lathe::parseCommandLine(int argc, char **argv) {
  Arguments arguments(argc, argv);
  CommandLine line;
  StringRef verb = arguments.isEmpty() ? "--help" : arguments.next();
  if (verb == "--help" || verb == "-h") {
    llvm::outs() << kUsage;
    exit(0);
  }
  if (verb != "compile" && verb != "import")
    return wrong("expected 'compile' or 'import', got '" + verb + "'");
  line.isImport = verb == "import";
  std::string options;
  while (!arguments.isEmpty()) {
    StringRef argument = arguments.next();
    if (!argument.starts_with("-")) {
      if (!line.model.empty())
        return wrong("expected one MODEL, got '" + line.model + "' and '" +
                     argument + "'");
      line.model = argument.str();
      continue;
    }
    if (Status status = readFlag(argument, arguments, line); !status.isOk())
      return status;
  }
  if (line.model.empty() || line.output.empty())
    return wrong("expected MODEL and -o FILE");
  line.compile.source = line.model;
  Precision &precision = line.compile.precision;
  precision.weights = line.weights;
  if (line.weights.empty() && line.dtype == "bf16") {
    precision.weights = "bf16";
    precision.convertsAll = false;
    precision.activations = "bf16";
  }
  if (!line.activations.empty())
    precision.activations = line.activations;
  precision.narrowsAttention =
      line.dtype == "bf16" && precision.activations != "f32";
  // Provenance: what changes the result, and nothing of this machine.
  line.compile.optionsText =
      "-O" + std::to_string(line.compile.optLevel) + " --dtype " + line.dtype +
      (line.weights.empty() ? "" : " --weights " + line.weights) +
      (line.activations.empty() ? "" : " --activations " + line.activations) +
      (line.cacheType == "f32" ? "" : " --cache-type " + line.cacheType) +
      (line.compile.schedulesPath.empty() ? "" : " --schedules") +
      (line.compile.tuneSeconds ? " --tune" : "");
  return line;
}

void lathe::printMessage(StringRef kind, StringRef message) {
  constexpr size_t kLongest = 2000;
  std::string text = (kind + ": ").str();
  for (char c : message.take_front(kLongest)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      text += "\\x" + llvm::utohexstr(byte, /*LowerCase=*/true, /*Width=*/2);
    else
      text += c;
  }
  if (message.size() > kLongest)
    text += " ...";
  llvm::errs() << text + "\n";
}

DiagnosticPrinter::DiagnosticPrinter(mlir::MLIRContext &context, bool verbose)
    : verbose(verbose || isatty(STDERR_FILENO)),
      handler(&context, [this](mlir::Diagnostic &diagnostic) {
        return print(diagnostic);
      }) {}

/// "FILE:LINE:COLUMN" of the first file that \p location names.
static std::string placeOf(mlir::Location location) {
  std::string place;
  location->walk([&](mlir::Location inner) {
    if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(inner)) {
      place =
          (file.getFilename().getValue() + ":" + llvm::Twine(file.getLine()) +
           ":" + llvm::Twine(file.getColumn()))
              .str();
      return mlir::WalkResult::interrupt();
    }
    if (auto name = llvm::dyn_cast<mlir::NameLoc>(inner))
      if (place.empty())
        place = name.getName().str();
    return mlir::WalkResult::advance();
  });
  return place;
}

mlir::LogicalResult DiagnosticPrinter::print(mlir::Diagnostic &diagnostic) {
  bool isError = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
  errors += isError;
  bool isWarning =
      diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning;
  if (!isError && !isWarning && !verbose)
    return mlir::success();
  // One error is one line: what follows from the first is for -v.
  if (isError && errors > 1 && !verbose)
    return mlir::success();
  auto message = [](mlir::Diagnostic &of) {
    std::string place = placeOf(of.getLocation());
    return (place.empty() ? "" : place + ": ") + of.str();
  };
  printMessage(isError     ? "error"
               : isWarning ? "warning"
                           : "note",
               message(diagnostic));
  if (verbose)
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      printMessage("note", message(note));
  return mlir::success();
}
