//===- KernelObject.cpp - One kernel as text to a relocatable object ------===//

#include "compiler/targets/cpu/KernelObject.h"

#include "compiler/Timing.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/Pipeline.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <mutex>

using namespace mlir;
using lathe::runtime::Result;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

struct KernelObjectCompiler::State {
  State(const TargetLevel &level, int optLevel)
      : level(level), optLevel(optLevel) {}

  const TargetLevel &level;
  int optLevel;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::unique_ptr<llvm::TargetMachine> machine;
  std::string diagnostics;
  KernelSeconds seconds;
};

/// Makes LLVM know the targets of the levels; once a process.
static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

static std::unique_ptr<llvm::TargetMachine>
createMachine(const TargetLevel &level) {
  initializeTargets();
  llvm::Triple triple(level.triple);
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // An fma is written out where one is meant (docs/design.md, decision 6).
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.FunctionSections = true;
  options.DataSections = true;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, level.cpu, level.features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

KernelObjectCompiler::KernelObjectCompiler(const TargetLevel &level,
                                           int optLevel)
    : state(std::make_unique<State>(level, optLevel)) {
  DialectRegistry registry;
  registerKernelDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  state->context.appendDialectRegistry(registry);
  state->machine = createMachine(level);
  State *raw = state.get();
  state->context.getDiagEngine().registerHandler([raw](Diagnostic &diagnostic) {
    if (!raw->diagnostics.empty())
      raw->diagnostics += "; ";
    raw->diagnostics += diagnostic.str();
    return success();
  });
}

KernelObjectCompiler::~KernelObjectCompiler() = default;

const KernelSeconds &KernelObjectCompiler::seconds() const {
  return state->seconds;
}

/// Writes one dump; a dump that cannot be written is no reason to fail.
static void dump(llvm::StringRef prefix, llvm::StringRef suffix,
                 llvm::function_ref<void(llvm::raw_ostream &)> print) {
  if (prefix.empty())
    return;
  std::error_code error;
  llvm::raw_fd_ostream file((prefix + suffix).str(), error);
  if (!error)
    print(file);
}

/// What every function of \p module is compiled for.
static void setTarget(llvm::Module &module, llvm::TargetMachine &machine,
                      const TargetLevel &level) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", level.cpu);
    if (!level.features.empty())
      function.addFnAttr("target-features", level.features);
    function.addFnAttr("prefer-vector-width", std::to_string(level.vectorBits));
    // Freestanding: nothing unwinds, and there is no PLT to bind late.
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("frame-pointer", "none");
  }
}

/// LLVM's middle end. Vectors and register tiles are built by our lowerings, in
/// the order of sums that they promise: the automatic vectorisers would only
/// cost time, and so would the unrolling of loops around what is unrolled
/// already: half of an attention kernel's time, and no kernel ran faster.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

/// Machine code of \p module as an object or as assembly; empty on failure.
static std::string emit(llvm::Module &module, llvm::TargetMachine &machine,
                        llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return "";
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

Result<KernelObject> KernelObjectCompiler::compile(llvm::StringRef text,
                                                   llvm::StringRef dumpPrefix) {
  MLIRContext &context = state->context;
  const TargetLevel &level = state->level;
  auto fail = [&](const char *what) {
    std::string message = what;
    if (!state->diagnostics.empty())
      message += ": " + state->diagnostics;
    return Status::error(StatusCode::Unsupported, message);
  };
  state->diagnostics.clear();
  if (!state->machine)
    return fail("this LLVM was built without the target");

  StopWatch loweringWatch;
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, ParserConfig(&context));
  if (!module)
    return fail("the kernel's text does not parse");

  PassManager lowering(&context);
  buildKernelLowering(lowering, level.name, state->optLevel);
  if (failed(lowering.run(*module)))
    return fail("cannot lower the kernel");
  dump(dumpPrefix, ".lowered.mlir",
       [&](llvm::raw_ostream &stream) { module->print(stream); });

  auto kernel = module->lookupSymbol<func::FuncOp>(kKernelObjectSymbol);
  auto tiles =
      kernel ? kernel->getAttrOfType<AffineMapAttr>(kTilesAttr) : nullptr;
  auto scratch =
      kernel ? kernel->getAttrOfType<IntegerAttr>(kScratchAttr) : nullptr;
  if (!tiles || !scratch)
    return fail("the lowering did not say how many tiles a launch has");
  KernelObject object;
  llvm::raw_string_ostream(object.tiles) << tiles.getAffineMap();
  object.scratchBytes = scratch.getInt();

  PassManager toLlvm(&context);
  buildLlvmLowering(toLlvm);
  if (failed(toLlvm.run(*module)))
    return fail("cannot lower the kernel to LLVM");
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(*module, llvmContext);
  if (!code)
    return fail("cannot translate the kernel to LLVM");
  state->seconds.lowering = loweringWatch.seconds();

  StopWatch optimising;
  setTarget(*code, *state->machine, level);
  optimize(*code, *state->machine);
  state->seconds.optimising = optimising.seconds();
  dump(dumpPrefix, ".ll",
       [&](llvm::raw_ostream &stream) { code->print(stream, nullptr); });
  dump(dumpPrefix, ".s", [&](llvm::raw_ostream &stream) {
    // Code generation changes the module, so the dump takes a copy.
    llvm::LLVMContext copyContext;
    llvm::SMDiagnostic diagnostic;
    std::string printed;
    llvm::raw_string_ostream(printed) << *code;
    std::unique_ptr<llvm::Module> copy =
        llvm::parseAssemblyString(printed, diagnostic, copyContext);
    if (copy)
      stream << emit(*copy, *state->machine,
                     llvm::CodeGenFileType::AssemblyFile);
  });
  StopWatch emitting;
  object.elf = emit(*code, *state->machine, llvm::CodeGenFileType::ObjectFile);
  state->seconds.emitting = emitting.seconds();
  if (object.elf.empty())
    return fail("LLVM makes no object for the level");
  return object;
}

// Byte loops: kernels copy whole vectors themselves, so these are only for the
// few calls that LLVM makes up. no-builtins keeps each from being turned into
// a call of itself. memcpy is a memmove, which looks at the direction first.
static constexpr const char *kSupportText = R"(
@memcpy = hidden alias ptr (ptr, ptr, i64), ptr @memmove

define hidden ptr @memmove(ptr returned %to, ptr %from, i64 %n) #0 {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %pick
pick:
  %below = icmp ult ptr %to, %from
  br i1 %below, label %up, label %down
up:
  %i = phi i64 [ 0, %pick ], [ %next, %up ]
  %source = getelementptr i8, ptr %from, i64 %i
  %target = getelementptr i8, ptr %to, i64 %i
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %up, label %done
down:
  %left = phi i64 [ %n, %pick ], [ %at, %down ]
  %at = sub i64 %left, 1
  %source.down = getelementptr i8, ptr %from, i64 %at
  %target.down = getelementptr i8, ptr %to, i64 %at
  %byte.down = load i8, ptr %source.down
  store i8 %byte.down, ptr %target.down
  %more.down = icmp ne i64 %at, 0
  br i1 %more.down, label %down, label %done
done:
  ret ptr %to
}

define hidden ptr @memset(ptr returned %to, i32 %value, i64 %n) #0 {
entry:
  %byte = trunc i32 %value to i8
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %target = getelementptr i8, ptr %to, i64 %i
  store i8 %byte, ptr %target
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret ptr %to
}

define hidden i32 @memcmp(ptr %a, ptr %b, i64 %n) #0 {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %same, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %pa = getelementptr i8, ptr %a, i64 %i
  %pb = getelementptr i8, ptr %b, i64 %i
  %va = load i8, ptr %pa
  %vb = load i8, ptr %pb
  %equal = icmp eq i8 %va, %vb
  br i1 %equal, label %step, label %differ
step:
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %same
differ:
  %wa = zext i8 %va to i32
  %wb = zext i8 %vb to i32
  %difference = sub i32 %wa, %wb
  ret i32 %difference
same:
  ret i32 0
}

attributes #0 = { nounwind "no-builtins" }
)";

Result<std::string> KernelObjectCompiler::compileSupport() {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module =
      llvm::parseAssemblyString(kSupportText, diagnostic, context);
  assert(module && "the support module is a constant");
  if (!state->machine)
    return Status::error(StatusCode::Unsupported,
                         "this LLVM was built without the target");
  setTarget(*module, *state->machine, state->level);
  std::string object =
      emit(*module, *state->machine, llvm::CodeGenFileType::ObjectFile);
  if (object.empty())
    return Status::error(StatusCode::Unsupported,
                         "LLVM makes no object for the level");
  return object;
}

} // namespace lathe
