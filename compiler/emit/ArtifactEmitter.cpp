//===- ArtifactEmitter.cpp - From the rt dialect to a file ----------------===//
//
// A walk: one function for each table of the schema, in its order. Numbers of
// sections and places of weights are decided here; all else is in the IR.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/ArtifactEmitter.h"

#include "compiler/emit/ElementTypes.h"
#include "compiler/emit/WeightWriter.h"
#include "dialects/rt/Rt.h"
#include "passes/analysis/BufferSizes.h"
#include "runtime/abi/ArtifactFormat.h"
#include "runtime/abi/KernelAbi.h"
#include "runtime/formats/ArtifactWriter.h"
#include "runtime/schema/artifact_generated.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using runtime::Result;
using runtime::SectionSink;
using runtime::SectionSource;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// Opcodes of artifact.Expression.
enum Opcode : int64_t {
  kPushValue = 0,
  kPushSymbol = 1,
  kAdd = 2,
  kMultiply = 3,
  kDivideUp = 4,
  kDivideDown = 5,
  kRemainder = 6,
  kSmaller = 7,
  kLarger = 8,
};

/// Limits of the schema.
constexpr size_t kMaxPairs = 64;
/// Weights from this size on begin on a page, so that they can be mapped.
constexpr uint64_t kPagedBytes = LATHE_ARTIFACT_PAGE;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Opcode opcodeOf(AffineExprKind kind) {
  switch (kind) {
  case AffineExprKind::Add:
    return kAdd;
  case AffineExprKind::Mul:
    return kMultiply;
  case AffineExprKind::CeilDiv:
    return kDivideUp;
  case AffineExprKind::FloorDiv:
    return kDivideDown;
  default:
    return kRemainder;
  }
}

void appendExpr(AffineExpr expr, std::vector<int64_t> &code) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    code.insert(code.end(), {kPushValue, constant.getValue()});
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    code.insert(code.end(), {kPushSymbol, symbol.getPosition()});
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  appendExpr(binary.getLHS(), code);
  appendExpr(binary.getRHS(), code);
  code.insert(code.end(), {opcodeOf(binary.getKind()), 0});
}

/// The largest of the results of \p map.
std::unique_ptr<artifact::ExpressionT> toExpression(AffineMap map,
                                                    int64_t join = kLarger) {
  auto expression = std::make_unique<artifact::ExpressionT>();
  for (auto [index, result] : llvm::enumerate(map.getResults())) {
    appendExpr(result, expression->code);
    if (index > 0)
      expression->code.insert(expression->code.end(), {join, 0});
  }
  return expression;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

class ProgramBuilder {
public:
  ProgramBuilder(ModuleOp module, const ArtifactParts &parts)
      : module(module), parts(parts) {}

  Status build();

  artifact::ProgramT program;
  /// The images in the order of the program's targets.
  std::vector<const TargetImage *> images;
  uint64_t weightBytes = 0;

private:
  /// Where the buffers of an entry are in its list.
  using BufferIndices = llvm::DenseMap<Attribute, uint32_t>;

  void addModel(rt::ModelOp op);
  void addSymbols();
  Status addTargets();
  /// Null where an expression is too long for the schema.
  std::unique_ptr<artifact::KernelCostT> toCost(rt::CostOp op);
  void addKernel(rt::KernelOp op);
  Result<std::unique_ptr<artifact::BufferT>>
  toBuffer(StringRef name, rt::BufferKind kind, Type type, AffineMap bytes);
  Status addWeight(rt::WeightOp op);
  Status addEntry(rt::EntryOp op);
  std::unique_ptr<artifact::LaunchT> toLaunch(rt::LaunchOp op,
                                              const BufferIndices &buffers);
  /// Null for an op that is no command.
  std::unique_ptr<artifact::CommandT> toCommand(Operation &op,
                                                const BufferIndices &buffers);

  ModuleOp module;
  const ArtifactParts &parts;
  llvm::DenseMap<Attribute, uint32_t> symbols, targets, kernels;
  uint32_t weightsSection = 0;
};

FlatSymbolRefAttr refTo(Operation *op) {
  return FlatSymbolRefAttr::get(SymbolTable::getSymbolName(op));
}

std::vector<int64_t> toVector(ArrayRef<int64_t> values) {
  return {values.begin(), values.end()};
}

void ProgramBuilder::addModel(rt::ModelOp op) {
  program.model = std::make_unique<artifact::ModelT>();
  artifact::ModelT &model = *program.model;
  model.family = op.getFamily();
  model.context = op.getContextLength();
  model.vocabulary = op.getVocabulary();
  model.bos_ids = toVector(op.getBosIds());
  model.eos_ids = toVector(op.getEosIds());
  model.pad_id = op.getPadId();
  model.embed_tokens = op.getEmbedTokens();
  model.generation_config = op.getGenerationConfig();
  model.page_positions = op.getPagePositions();
  DictionaryAttr templates = op.getChatTemplatesAttr();
  if (!templates)
    return;
  for (NamedAttribute attribute : templates) {
    auto chatTemplate = std::make_unique<artifact::ChatTemplateT>();
    chatTemplate->name = attribute.getName().str();
    chatTemplate->text = cast<StringAttr>(attribute.getValue()).str();
    model.chat_templates.push_back(std::move(chatTemplate));
  }
}

void ProgramBuilder::addSymbols() {
  for (auto op : module.getOps<rt::SymbolOp>()) {
    auto symbol = std::make_unique<artifact::SymbolT>();
    symbol->name = op.getSymName();
    symbol->minimum = op.getMinimum();
    symbol->maximum = op.getMaximum();
    symbol->fixed_at_load = op.getFixedAtLoad();
    symbols[refTo(op)] = program.symbols.size();
    program.symbols.push_back(std::move(symbol));
  }
}

Status ProgramBuilder::addTargets() {
  for (auto op : module.getOps<rt::TargetOp>()) {
    auto image = llvm::find_if(parts.images, [&](const TargetImage &candidate) {
      return candidate.name == op.getSymName();
    });
    if (image == parts.images.end())
      return Status::error(StatusCode::Unsupported,
                           "rt.target @" + op.getSymName().str() +
                               ": there is no code for it");
    auto target = std::make_unique<artifact::TargetT>();
    target->name = op.getSymName();
    images.push_back(&*image);
    target->section = images.size(); // Section 0 is the program.
    targets[refTo(op)] = program.targets.size();
    program.targets.push_back(std::move(target));
  }
  bool hasTokenizer = !parts.tokenizerTables.empty();
  program.tokenizer = hasTokenizer ? images.size() + 1 : 0;
  weightsSection = images.size() + 1 + hasTokenizer;
  return Status::ok();
}

artifact::PairCostT toPairs(rt::PairsAttr attr) {
  artifact::PairCostT pairs;
  pairs.kind = static_cast<artifact::PairKind>(attr.getKind());
  pairs.window = attr.getWindow();
  pairs.sequences = attr.getSequences();
  pairs.positions = attr.getPositions();
  pairs.flops = attr.getFlops();
  pairs.keys = attr.getKeys();
  pairs.values = attr.getValues();
  pairs.key_bytes = attr.getKeyBytes();
  pairs.value_bytes = attr.getValueBytes();
  return pairs;
}

std::unique_ptr<artifact::KernelCostT> ProgramBuilder::toCost(rt::CostOp op) {
  auto cost = std::make_unique<artifact::KernelCostT>();
  cost->flops = toExpression(op.getFlops());
  bool fits = cost->flops->code.size() <= 2 * kMaxPairs;
  auto add = [&](ArrayAttr maps, auto &expressions, int64_t join) {
    for (AffineMap map : maps.getAsValueRange<AffineMapAttr>()) {
      expressions.push_back(toExpression(map, join));
      fits &= expressions.back()->code.size() <= 2 * kMaxPairs;
    }
  };
  add(op.getReads(), cost->reads, kSmaller);
  add(op.getWrites(), cost->writes, kLarger);
  cost->arithmetic = static_cast<artifact::Arithmetic>(op.getArithmetic());
  if (op.getPairs())
    for (auto pairs : op.getPairs()->getAsRange<rt::PairsAttr>())
      cost->pairs.push_back(
          std::make_unique<artifact::PairCostT>(toPairs(pairs)));
  return fits ? std::move(cost) : nullptr;
}

void ProgramBuilder::addKernel(rt::KernelOp op) {
  auto kernel = std::make_unique<artifact::KernelT>();
  kernel->name = op.getSymName();
  for (Attribute scalar : op.getScalars())
    kernel->scalars.push_back(symbols.lookup(scalar));
  for (auto codeOp : op.getBody().getOps<rt::CodeOp>()) {
    auto code = std::make_unique<artifact::KernelCodeT>();
    code->target = targets.lookup(codeOp.getTargetAttr());
    code->tiles = toExpression(codeOp.getTiles());
    code->scratch_bytes = codeOp.getScratchBytes();
    kernel->code.push_back(std::move(code));
  }
  for (auto costOp : op.getBody().getOps<rt::CostOp>())
    kernel->cost = toCost(costOp);
  kernels[refTo(op)] = program.kernels.size();
  program.kernels.push_back(std::move(kernel));
}

Result<std::unique_ptr<artifact::BufferT>>
ProgramBuilder::toBuffer(StringRef name, rt::BufferKind kind, Type type,
                         AffineMap bytes) {
  auto buffer = std::make_unique<artifact::BufferT>();
  buffer->name = name;
  buffer->kind = static_cast<artifact::BufferKind>(kind);
  buffer->bytes = toExpression(bytes);
  buffer->type = std::make_unique<artifact::TensorTypeT>();
  auto tensor = cast<RankedTensorType>(type);
  buffer->type->element = static_cast<artifact::ElementType>(
      *elementTypeOf(tensor.getElementType()));
  for (int64_t dim = 0; dim < tensor.getRank(); ++dim) {
    auto size = std::make_unique<artifact::ExpressionT>();
    if (!tensor.isDynamicDim(dim)) {
      size->code = {kPushValue, tensor.getDimSize(dim)};
    } else {
      auto symbol = symbols.find(FlatSymbolRefAttr::get(
          module.getContext(), symbolOfDim(tensor, dim)));
      if (symbol == symbols.end())
        return Status::error(StatusCode::Unsupported,
                             "rt.buffer @" + name.str() + ": size " +
                                 std::to_string(dim) + " has no symbol");
      size->code = {kPushSymbol, symbol->second};
    }
    buffer->type->dims.push_back(std::move(size));
  }
  return buffer;
}

Status ProgramBuilder::addWeight(rt::WeightOp op) {
  Result<std::unique_ptr<artifact::BufferT>> buffer = toBuffer(
      op.getSymName(), rt::BufferKind::Weight, op.getType(), op.getBytes());
  if (!buffer.isOk())
    return buffer.takeStatus();
  auto bytes = dyn_cast<AffineConstantExpr>(op.getBytes().getResult(0));
  if (!bytes)
    return Status::error(StatusCode::Unsupported,
                         "rt.weight @" + op.getSymName().str() +
                             ": a weight whose size depends on symbols");
  uint64_t size = bytes.getValue();
  weightBytes = llvm::alignTo(weightBytes, size >= kPagedBytes
                                               ? kPagedBytes
                                               : LATHE_ARTIFACT_ALIGNMENT);
  (*buffer)->section = weightsSection;
  (*buffer)->offset = weightBytes;
  weightBytes += size;
  program.weights.push_back(std::move(*buffer));
  return Status::ok();
}

std::unique_ptr<artifact::LaunchT>
ProgramBuilder::toLaunch(rt::LaunchOp op, const BufferIndices &buffers) {
  auto launch = std::make_unique<artifact::LaunchT>();
  launch->name = op.getName();
  launch->skipped_to = op.getSkippedTo().value_or(-1);
  for (auto variantAttr : op.getVariants().getAsRange<rt::VariantAttr>()) {
    auto variant = std::make_unique<artifact::VariantT>();
    variant->symbol = symbols.lookup(variantAttr.getSymbol());
    variant->maximum = variantAttr.getMaximum();
    variant->kernel = kernels.lookup(variantAttr.getKernel());
    launch->variants.push_back(std::move(variant));
  }
  for (Attribute buffer : op.getBuffers())
    launch->operands.push_back(buffers.lookup(buffer));
  return launch;
}

template <typename OpT>
std::unique_ptr<artifact::BindingT>
toBinding(OpT op, const llvm::DenseMap<Attribute, uint32_t> &buffers) {
  auto binding = std::make_unique<artifact::BindingT>();
  binding->name = op.getName();
  binding->buffer = buffers.lookup(op.getBufferAttr());
  return binding;
}

std::unique_ptr<artifact::PlanT> toPlan(rt::PlanOp op) {
  auto plan = std::make_unique<artifact::PlanT>();
  plan->bounds = toVector(op.getBounds());
  plan->arena_bytes = op.getArenaBytes();
  plan->live_bytes = op.getLiveBytes();
  for (int64_t offset : op.getOffsets())
    plan->offsets.push_back(offset);
  return plan;
}

std::unique_ptr<artifact::CommandT>
ProgramBuilder::toCommand(Operation &op, const BufferIndices &buffers) {
  auto command = std::make_unique<artifact::CommandT>();
  if (auto launch = dyn_cast<rt::LaunchOp>(op)) {
    command->action.Set(std::move(*toLaunch(launch, buffers)));
  } else if (auto copyOp = dyn_cast<rt::CopyOp>(op)) {
    artifact::CopyT copy;
    copy.source = buffers.lookup(copyOp.getSourceAttr());
    copy.target = buffers.lookup(copyOp.getTargetAttr());
    command->action.Set(std::move(copy));
  } else if (auto fillOp = dyn_cast<rt::FillOp>(op)) {
    artifact::FillT fill;
    fill.target = buffers.lookup(fillOp.getTargetAttr());
    fill.value = fillOp.getValue();
    command->action.Set(std::move(fill));
  } else {
    return nullptr;
  }
  return command;
}

Status ProgramBuilder::addEntry(rt::EntryOp op) {
  auto entry = std::make_unique<artifact::EntryT>();
  entry->name = op.getSymName();
  BufferIndices buffers;
  for (Operation &inner : op.getBody().front()) {
    if (auto bufferOp = dyn_cast<rt::BufferOp>(inner)) {
      Result<std::unique_ptr<artifact::BufferT>> buffer =
          toBuffer(bufferOp.getSymName(), bufferOp.getKind(),
                   bufferOp.getType(), bufferOp.getBytes());
      if (!buffer.isOk())
        return buffer.takeStatus();
      buffers[refTo(bufferOp)] = entry->buffers.size();
      entry->buffers.push_back(std::move(*buffer));
    } else if (auto input = dyn_cast<rt::InputOp>(inner)) {
      entry->inputs.push_back(toBinding(input, buffers));
      if (input.getLimit())
        entry->inputs.back()->limit = toExpression(*input.getLimit(), kSmaller);
    } else if (auto output = dyn_cast<rt::OutputOp>(inner)) {
      entry->outputs.push_back(toBinding(output, buffers));
    } else if (auto plan = dyn_cast<rt::PlanOp>(inner)) {
      entry->plans.push_back(toPlan(plan));
    } else if (auto command = toCommand(inner, buffers)) {
      entry->commands.push_back(std::move(command));
    }
  }
  if (op.getPeak() && op.getPeak()->getNumResults() > 0) {
    entry->peak = toExpression(*op.getPeak());
    if (entry->peak->code.size() > 2 * kMaxPairs)
      entry->peak.reset();
  }
  program.entries.push_back(std::move(entry));
  return Status::ok();
}

Status ProgramBuilder::build() {
  program.kernel_abi = LATHE_KERNEL_ABI_VERSION;
  for (auto op : module.getOps<rt::ModelOp>())
    addModel(op);
  program.provenance = std::make_unique<artifact::ProvenanceT>();
  for (auto op : module.getOps<rt::ProvenanceOp>()) {
    program.provenance->producer = op.getProducer();
    program.provenance->source = op.getSource();
    program.provenance->options = op.getOptions();
  }
  if (!program.model)
    return Status::error(StatusCode::Unsupported, "the module has no rt.model");
  addSymbols();
  LATHE_RETURN_IF_ERROR(addTargets());
  for (auto op : module.getOps<rt::KernelOp>())
    addKernel(op);
  for (auto op : module.getOps<rt::WeightOp>())
    LATHE_RETURN_IF_ERROR(addWeight(op));
  for (auto op : module.getOps<rt::StateOp>()) {
    Result<std::unique_ptr<artifact::BufferT>> state = toBuffer(
        op.getSymName(), rt::BufferKind::State, op.getType(), op.getBytes());
    if (!state.isOk())
      return state.takeStatus();
    program.states.push_back(std::move(*state));
  }
  for (auto op : module.getOps<rt::EntryOp>())
    LATHE_RETURN_IF_ERROR(addEntry(op));
  return Status::ok();
}

} // namespace

Status lathe::emitArtifact(ModuleOp module, const ArtifactParts &parts,
                           WeightEvaluator &weights, const std::string &path) {
  StopWatch watch;
  LATHE_RETURN_IF_ERROR(weights.checkFiles());
  ProgramBuilder builder(module, parts);
  LATHE_RETURN_IF_ERROR(builder.build());
  flatbuffers::FlatBufferBuilder metadata;
  metadata.Finish(artifact::Program::Pack(metadata, &builder.program),
                  artifact::ProgramIdentifier());
  if (metadata.GetSize() > LATHE_ARTIFACT_MAX_PROGRAM)
    return Status::error(
        StatusCode::Unsupported,
        path + ": a program of " + std::to_string(metadata.GetSize()) +
            " bytes, at most " + std::to_string(LATHE_ARTIFACT_MAX_PROGRAM) +
            " are possible");

  std::vector<SectionSource> sections;
  sections.push_back(runtime::sectionFromBytes(
      LATHE_SECTION_PROGRAM,
      std::as_bytes(
          std::span(metadata.GetBufferPointer(), size_t(metadata.GetSize())))));
  for (const TargetImage *image : builder.images)
    sections.push_back(runtime::sectionFromBytes(
        LATHE_SECTION_CODE, std::as_bytes(std::span(image->elf))));
  if (!parts.tokenizerTables.empty())
    sections.push_back(runtime::sectionFromBytes(LATHE_SECTION_TOKENIZER,
                                                 parts.tokenizerTables));
  WeightWriter writer(weights, builder.program.weights);
  sections.push_back({LATHE_SECTION_WEIGHTS, builder.weightBytes,
                      [&](const SectionSink &sink) {
                        return writer.write(parts.threads, sink);
                      }});
  LATHE_RETURN_IF_ERROR(runtime::writeArtifact(path, sections));
  if (parts.timing) {
    writer.addTo(*parts.timing);
    parts.timing->addStep("file", watch.seconds() - writer.seconds(),
                          "program, code, sync");
  }
  return Status::ok();
}
