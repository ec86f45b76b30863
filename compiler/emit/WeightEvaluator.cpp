//===- WeightEvaluator.cpp - The bytes of parameters ----------------------===//

#include "compiler/emit/WeightEvaluator.h"

#include "compiler/emit/ElementTypes.h"
#include "compiler/emit/PackQuantised.h"
#include "compiler/emit/Quantize.h"
#include "frontend/weights/GgufEncoding.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;
using runtime::ElementType;
using runtime::Gguf;
using runtime::MappedFile;
using runtime::Result;
using runtime::SafeOpener;
using runtime::SafeTensors;
using runtime::Status;
using runtime::StatusCode;

/// How deep derived parameters may build on each other.
static constexpr unsigned kMaxDepth = 16;

static std::string toText(ElementType type, ArrayRef<int64_t> shape) {
  std::string text(runtime::elementName(type));
  text += " [";
  for (auto [index, size] : llvm::enumerate(shape))
    text += (index ? ", " : "") + std::to_string(size);
  return text + "]";
}

WeightEvaluator::WeightEvaluator(ModuleOp module, std::string directory,
                                 std::string modulePath,
                                 runtime::Symlinks symlinks)
    : module(module), directory(std::move(directory)),
      modulePath(std::move(modulePath)), symlinks(symlinks) {
  for (Operation &op : *module.getBody())
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      symbols[symbol.getName()] = &op;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

std::string WeightEvaluator::fieldOf(ParameterOp parameter) const {
  return (modulePath.empty() ? "" : modulePath + ": ") + "lathe.parameter @" +
         parameter.getSymName().str();
}

Result<MappedFile> WeightEvaluator::mapFile(ParameterOp parameter) {
  if (!opener) {
    Result<SafeOpener> created = SafeOpener::create(directory, symlinks);
    if (!created.isOk())
      return created.takeStatus();
    opener.emplace(std::move(*created));
  }
  std::string field = fieldOf(parameter) + ": from";
  return opener->map(parameter.getFile(), field);
}

Result<const SafeTensors *> WeightEvaluator::openFile(ParameterOp parameter) {
  std::string name = parameter.getFile().str();
  auto known = files.find(name);
  if (known != files.end())
    return &known->second;
  Result<MappedFile> mapped = mapFile(parameter);
  if (!mapped.isOk())
    return mapped.takeStatus();
  Result<SafeTensors> file = SafeTensors::create(std::move(*mapped));
  if (!file.isOk())
    return Status::error(file.status().code(), fieldOf(parameter) + ": from: " +
                                                   file.status().message());
  return &files.emplace(name, std::move(*file)).first->second;
}

Result<const Gguf *> WeightEvaluator::openGguf(ParameterOp parameter) {
  std::string name = parameter.getFile().str();
  auto known = ggufFiles.find(name);
  if (known != ggufFiles.end())
    return &known->second;
  Result<MappedFile> mapped = mapFile(parameter);
  if (!mapped.isOk())
    return mapped.takeStatus();
  Result<Gguf> file = Gguf::create(std::move(*mapped));
  if (!file.isOk())
    return file.takeStatus();
  return &ggufFiles.emplace(name, std::move(*file)).first->second;
}

/// Reads a tensor of a GGUF file, which must be stored exactly as the type of
/// \p parameter says.
Result<HostTensor> WeightEvaluator::readGguf(ParameterOp parameter) {
  Result<const Gguf *> file = openGguf(parameter);
  if (!file.isOk())
    return file.takeStatus();
  std::string key = parameter.getKey().str();
  const runtime::GgufTensor *tensor = (*file)->findTensor(key);
  auto fail = [&](const std::string &what) {
    return Status::error(StatusCode::InvalidFile,
                         fieldOf(parameter) + ": " + parameter.getFile().str() +
                             ": " + key + ": " + what);
  };
  if (!tensor)
    return fail("the tensor is missing");
  auto expected = cast<RankedTensorType>(parameter.getType());
  RankedTensorType type =
      parameterType(parameter.getContext(), tensor->type, tensor->dims);
  if (type != expected) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "expected " << expected << ", got ";
    if (type)
      stream << type;
    else
      stream << runtime::findGgmlType(tensor->type)->name;
    return fail(text);
  }
  std::vector<int64_t> shape(type.getShape());
  if (const runtime::BlockLayout *layout =
          runtime::findBlockLayout(tensor->type))
    return HostTensor(*layout, std::move(shape), tensor->bytes);
  return HostTensor(*elementTypeOf(type.getElementType()), std::move(shape),
                    tensor->bytes);
}

Result<HostTensor> WeightEvaluator::readParameter(ParameterOp parameter) {
  if (parameter.getFile().ends_with(".gguf"))
    return readGguf(parameter);
  auto fail = [&](StatusCode code, const std::string &what) {
    return Status::error(code, fieldOf(parameter) + ": " +
                                   parameter.getFile().str() + ": " +
                                   parameter.getKey().str() + ": " + what);
  };
  auto type = cast<RankedTensorType>(parameter.getType());
  std::optional<ElementType> element = elementTypeOf(type.getElementType());
  if (!element || !type.hasStaticShape() || type.getEncoding())
    return fail(StatusCode::Unsupported,
                "a parameter of an element type or shape that no file has");

  Result<const SafeTensors *> file = openFile(parameter);
  if (!file.isOk())
    return file.takeStatus();
  const runtime::Tensor *tensor = (*file)->find(parameter.getKey());
  if (!tensor)
    return fail(StatusCode::InvalidFile, "the tensor is missing");
  if (tensor->type != *element || ArrayRef(tensor->shape) != type.getShape())
    return fail(StatusCode::InvalidFile,
                "expected " + toText(*element, type.getShape()) + ", got " +
                    toText(tensor->type, tensor->shape));
  return HostTensor(*element, tensor->shape, tensor->bytes);
}

Result<HostTensor> WeightEvaluator::valueOf(ParameterOp parameter) {
  auto known = parameters.find(parameter);
  if (known != parameters.end())
    return known->second;
  Result<HostTensor> tensor = readParameter(parameter);
  if (tensor.isOk())
    parameters.try_emplace(parameter, *tensor);
  return tensor;
}

Status WeightEvaluator::checkFiles() {
  for (auto parameter : module.getOps<ParameterOp>()) {
    Result<HostTensor> tensor = valueOf(parameter);
    if (!tensor.isOk())
      return tensor.takeStatus();
  }
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

static HostTensor ropeRows(RopeTableOp rope, RowRange rows) {
  SmallVector<double> frequencies;
  for (auto value : rope.getFrequencies().getAsRange<FloatAttr>())
    frequencies.push_back(value.getValueAsDouble());
  return ropeTable(rows.begin, rows.end, frequencies,
                   rope.getScale().convertToDouble());
}

/// Computes one transform, whose verifier has passed, from its operands: a
/// tensor of \p shape, which may have fewer rows than the op's type.
static Result<HostTensor> transformPlain(Operation *op,
                                         ArrayRef<HostTensor *> operands,
                                         std::vector<int64_t> shape) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return TypeSwitch<Operation *, Result<HostTensor>>(op)
      .Case([&](ConcatOp concatOp) {
        SmallVector<const HostTensor *> inputs(operands);
        return concat(inputs, concatOp.getDimension());
      })
      .Case([&](SliceOp sliceOp) {
        return slice(*operands[0], sliceOp.getDimension(), sliceOp.getBegin(),
                     sliceOp.getEnd());
      })
      .Case([&](PermuteOp permuteOp) {
        return permute(*operands[0], permuteOp.getOrder());
      })
      .Case([&](ReshapeOp) {
        return HostTensor(*operands[0]).reshaped(std::move(shape));
      })
      .Case([&](CastOp) -> Result<HostTensor> {
        std::optional<ElementType> element =
            elementTypeOf(type.getElementType());
        if (!element)
          return Status::error(StatusCode::Unsupported,
                               "a cast to a type that no artifact has");
        return cast(*operands[0], *element);
      })
      .Case([&](QuantizeOp quantizeOp) {
        HostTensor values = cast(*operands[0], ElementType::F32);
        HostTensor stored = quantize(values, quantizeOp.getQuant());
        return rowQuantOf(type) ? stored : cast(stored, ElementType::F32);
      })
      .Case([&](PackOp) {
        auto packed = cast<PackedAttr>(type.getEncoding());
        if (packed.getQuant())
          return packQuantised(*operands[0], packed);
        return pack(*operands[0], packed.getColumns(), packed.getDepth());
      })
      .Case([&](RopeTableOp rope) {
        return ropeRows(rope, {0, type.getDimSize(0)});
      })
      .Default([](Operation *other) {
        return Status::error(StatusCode::Unsupported,
                             "'" + other->getName().getStringRef().str() +
                                 "' is no weight transform");
      });
}

/// The same for quantised operands too: their rows move as bytes.
static Result<HostTensor> transformAny(Operation *op,
                                       ArrayRef<HostTensor *> operands,
                                       std::vector<int64_t> shape) {
  std::optional<QuantLayout> layout;
  if (!operands.empty())
    layout = operands[0]->layout();
  if (!layout || isa<CastOp, QuantizeOp, PackOp>(op))
    return transformPlain(op, operands, std::move(shape));
  std::vector<HostTensor> rows;
  for (const HostTensor *operand : operands)
    rows.push_back(operand->rowBytes());
  if (isa<ReshapeOp>(op))
    return HostTensor(*operands[0]).reshaped(std::move(shape));
  SmallVector<HostTensor *> pointers;
  for (HostTensor &row : rows)
    pointers.push_back(&row);
  Result<HostTensor> moved = transformPlain(op, pointers, shape);
  if (!moved.isOk())
    return moved.takeStatus();
  return std::move(*moved).ofRows(*layout, std::move(shape));
}

/// The shape of the result of \p op, all its rows.
static std::vector<int64_t> shapeOf(Operation &op) {
  return std::vector<int64_t>(
      cast<RankedTensorType>(op.getResult(0).getType()).getShape());
}

Result<HostTensor> WeightEvaluator::evaluateDerived(DerivedOp derived,
                                                    unsigned depth) {
  auto fail = [&](StatusCode code, const std::string &what) {
    return Status::error(code, "lathe.derived @" + derived.getSymName().str() +
                                   ": " + what);
  };
  DenseMap<Value, std::unique_ptr<HostTensor>> values;
  for (Operation &op : derived.getBody().front()) {
    if (isa<YieldOp>(op))
      return std::move(*values[op.getOperand(0)]);
    SmallVector<HostTensor *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values[operand].get());
    auto get = dyn_cast<GetOp>(op);
    Result<HostTensor> value = get ? evaluateAt(get.getSymbol(), depth + 1)
                                   : transformAny(&op, operands, shapeOf(op));
    if (!value.isOk())
      return get ? value.takeStatus()
                 : fail(value.status().code(), value.status().message());
    values[op.getResult(0)] = std::make_unique<HostTensor>(std::move(*value));
    // What no later op reads is dropped before the next one is computed.
    for (Value operand : op.getOperands()) {
      bool isReadLater = llvm::any_of(operand.getUsers(), [&](Operation *user) {
        return op.isBeforeInBlock(user);
      });
      if (!isReadLater)
        values.erase(operand);
    }
  }
  return fail(StatusCode::Unsupported, "the region yields no value");
}

Result<HostTensor> WeightEvaluator::evaluateAt(StringRef name, unsigned depth) {
  if (depth > kMaxDepth)
    return Status::error(StatusCode::Unsupported,
                         "lathe.derived @" + name.str() + ": more than " +
                             std::to_string(kMaxDepth) +
                             " parameters build on each other, or on "
                             "themselves");
  Operation *op = symbols.lookup(name);
  if (auto parameter = dyn_cast_or_null<ParameterOp>(op)) {
    Result<HostTensor> tensor = valueOf(parameter);
    readBytes += tensor.isOk() ? tensor->bytes().size() : 0;
    return tensor;
  }
  if (auto derived = dyn_cast_or_null<DerivedOp>(op))
    return evaluateDerived(derived, depth);
  return Status::error(StatusCode::NotFound,
                       "@" + name.str() + ": no such parameter");
}

/// \p value, unless kernels have no layout for it.
static Result<HostTensor> refuseBlocks(StringRef name,
                                       Result<HostTensor> value) {
  if (value.isOk() && value->layout() && value->layout()->blocks)
    return Status::error(StatusCode::Unsupported,
                         "@" + name.str() +
                             ": a quantised tensor (use lathe.cast first)");
  return value;
}

Result<HostTensor> WeightEvaluator::evaluate(StringRef name) {
  return refuseBlocks(name, evaluateAt(name, 0));
}

//===----------------------------------------------------------------------===//
// Some rows
//===----------------------------------------------------------------------===//

/// Elements of a row.
static int64_t rowElements(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return ShapedType::getNumElements(type.getShape().drop_front());
}

/// The columns of a panel of the packed type \p type, else 1.
static int64_t panelRows(Type type) {
  auto packed =
      dyn_cast_or_null<PackedAttr>(cast<RankedTensorType>(type).getEncoding());
  return packed ? packed.getColumns() : 1;
}

/// Whether a reshape keeps rows together, or makes several of one or one of
/// several.
static bool keepsRows(ReshapeOp op) {
  int64_t from = rowElements(op.getInput()), to = rowElements(op.getResult());
  return from > 0 && to > 0 && (from % to == 0 || to % from == 0);
}

/// Whether some rows of \p value can be computed without the others. Not where
/// it has several readers: each would compute it anew.
bool WeightEvaluator::isByRows(Value value, unsigned depth) const {
  Operation *op = value.getDefiningOp();
  if (!value.hasOneUse())
    return false;
  if (auto get = dyn_cast<GetOp>(op))
    return isByRows(get.getSymbol(), depth + 1);
  for (Value operand : op->getOperands())
    if (cast<RankedTensorType>(operand.getType()).getRank() == 0 ||
        panelRows(operand.getType()) != 1)
      return false;
  if (auto permuteOp = dyn_cast<PermuteOp>(op))
    if (permuteOp.getOrder()[0] != 0)
      return false;
  if (auto reshapeOp = dyn_cast<ReshapeOp>(op))
    if (!keepsRows(reshapeOp))
      return false;
  // Whose message comes with the whole.
  if (isa<CastOp>(op) && !elementTypeOf(getElementTypeOrSelf(value.getType())))
    return false;
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return isByRows(operand, depth); });
}

bool WeightEvaluator::isByRows(StringRef name, unsigned depth) const {
  Operation *op = symbols.lookup(name);
  if (auto derived = dyn_cast_or_null<DerivedOp>(op))
    return depth <= kMaxDepth &&
           isByRows(derived.getBody().front().getTerminator()->getOperand(0),
                    depth);
  return isa_and_nonnull<ParameterOp>(op);
}

RowSteps WeightEvaluator::rowSteps(StringRef name) const {
  auto derived = dyn_cast_or_null<DerivedOp>(symbols.lookup(name));
  if (!derived || !isByRows(name, /*depth=*/0))
    return {};
  Value result = derived.getBody().front().getTerminator()->getOperand(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getRank() == 0)
    return {};
  return {type.getDimSize(0), panelRows(type), rowElements(result)};
}

/// The rows of operand \p index that \p rows of the result of \p op are made
/// of.
static RowRange rowsOfOperand(Operation *op, unsigned index, RowRange rows) {
  if (auto concatOp = dyn_cast<ConcatOp>(op);
      concatOp && concatOp.getDimension() == 0) {
    int64_t begin = 0;
    for (Value before : op->getOperands().take_front(index))
      begin += cast<RankedTensorType>(before.getType()).getDimSize(0);
    int64_t size =
        cast<RankedTensorType>(op->getOperand(index).getType()).getDimSize(0);
    return {std::clamp(rows.begin - begin, int64_t(0), size),
            std::clamp(rows.end - begin, int64_t(0), size)};
  }
  if (auto sliceOp = dyn_cast<SliceOp>(op);
      sliceOp && sliceOp.getDimension() == 0) {
    int64_t begin = sliceOp.getBegin();
    return {rows.begin + begin, rows.end + begin};
  }
  if (isa<ReshapeOp>(op)) {
    int64_t from = rowElements(op->getOperand(0));
    int64_t to = rowElements(op->getResult(0));
    return {rows.begin * to / from, (rows.end * to + from - 1) / from};
  }
  return rows;
}

Result<HostTensor> WeightEvaluator::evaluateRows(Value value, RowRange rows) {
  Operation *op = value.getDefiningOp();
  if (auto get = dyn_cast<GetOp>(op))
    return evaluateRows(get.getSymbol(), rows);
  if (auto rope = dyn_cast<RopeTableOp>(op))
    return ropeRows(rope, rows);

  std::vector<HostTensor> operands;
  // What the operands have the numbers of: more rows, where some of a reshape's
  // result are parts of one of its operand.
  RowRange made = rows;
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    RowRange needed = rowsOfOperand(op, index, rows);
    if (needed.size() == 0)
      continue;
    Result<HostTensor> some = evaluateRows(operand, needed);
    if (!some.isOk())
      return some;
    operands.push_back(std::move(*some));
    if (isa<ReshapeOp>(op)) {
      int64_t from = rowElements(operand), to = rowElements(value);
      made = {needed.begin * from / to, needed.end * from / to};
    }
  }
  bool isByRange = isa<ConcatOp, SliceOp>(op) &&
                   op->getAttrOfType<IntegerAttr>("dimension").getInt() == 0;
  if (isByRange && operands.size() == 1)
    return std::move(operands.front());

  SmallVector<HostTensor *> pointers;
  for (HostTensor &operand : operands)
    pointers.push_back(&operand);
  std::vector<int64_t> shape = shapeOf(*op);
  shape[0] = made.size();
  Result<HostTensor> result = transformAny(op, pointers, std::move(shape));
  if (!result.isOk() || made.size() == rows.size())
    return result;
  return result->rows(rows.begin - made.begin, rows.end - made.begin);
}

Result<HostTensor> WeightEvaluator::evaluateRows(StringRef name,
                                                 RowRange rows) {
  Operation *op = symbols.lookup(name);
  if (auto derived = dyn_cast<DerivedOp>(op))
    return evaluateRows(
        derived.getBody().front().getTerminator()->getOperand(0), rows);
  Result<HostTensor> tensor = valueOf(cast<ParameterOp>(op));
  if (!tensor.isOk())
    return tensor;
  HostTensor some = tensor->rows(rows.begin, rows.end);
  readBytes += some.bytes().size();
  return some;
}

Result<HostTensor> WeightEvaluator::evaluate(StringRef name, RowRange rows) {
  assert(rowSteps(name).rows > 0 &&
         "some rows of a weight that has none alone");
  return refuseBlocks(name, evaluateRows(name, rows));
}
