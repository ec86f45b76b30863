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

Status WeightEvaluator::checkFiles() {
  auto module = cast<ModuleOp>(table.getOp());
  for (auto parameter : module.getOps<ParameterOp>()) {
    Result<HostTensor> tensor = readParameter(parameter);
    if (!tensor.isOk())
      return tensor.takeStatus();
  }
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

/// Computes one transform, whose verifier has passed, from its operands. An
/// operand that is a pointer to the last reader's may be consumed.
static Result<HostTensor> transform(Operation *op,
                                    ArrayRef<HostTensor *> operands) {
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
        return HostTensor(*operands[0])
            .reshaped(std::vector<int64_t>(type.getShape()));
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
        SmallVector<double> frequencies;
        for (auto value : rope.getFrequencies().getAsRange<FloatAttr>())
          frequencies.push_back(value.getValueAsDouble());
        return ropeTable(type.getDimSize(0), frequencies,
                         rope.getScale().convertToDouble());
      })
      .Default([](Operation *other) {
        return Status::error(StatusCode::Unsupported,
                             "'" + other->getName().getStringRef().str() +
                                 "' is no weight transform");
      });
}

/// The same for quantised operands too: their rows move as bytes.
static Result<HostTensor> transformAny(Operation *op,
                                       ArrayRef<HostTensor *> operands) {
  std::optional<QuantLayout> layout;
  if (!operands.empty())
    layout = operands[0]->layout();
  if (!layout || isa<CastOp, QuantizeOp, PackOp>(op))
    return transform(op, operands);
  std::vector<HostTensor> rows;
  for (const HostTensor *operand : operands)
    rows.push_back(operand->rowBytes());
  std::vector<int64_t> shape(
      cast<RankedTensorType>(op->getResult(0).getType()).getShape());
  if (isa<ReshapeOp>(op))
    return HostTensor(*operands[0]).reshaped(std::move(shape));
  SmallVector<HostTensor *> pointers;
  for (HostTensor &row : rows)
    pointers.push_back(&row);
  Result<HostTensor> moved = transform(op, pointers);
  if (!moved.isOk())
    return moved.takeStatus();
  return std::move(*moved).ofRows(*layout, std::move(shape));
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
                                   : transformAny(&op, operands);
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
  Operation *op = table.lookup(name);
  if (auto parameter = dyn_cast_or_null<ParameterOp>(op))
    return readParameter(parameter);
  if (auto derived = dyn_cast_or_null<DerivedOp>(op))
    return evaluateDerived(derived, depth);
  return Status::error(StatusCode::NotFound,
                       "@" + name.str() + ": no such parameter");
}

Result<HostTensor> WeightEvaluator::evaluate(StringRef name) {
  Result<HostTensor> value = evaluateAt(name, 0);
  if (value.isOk() && value->layout() && value->layout()->blocks)
    return Status::error(StatusCode::Unsupported,
                         "@" + name.str() +
                             ": a quantised tensor (use lathe.cast first)");
  return value;
}
