//===- KernelRunner.cpp - Times variants of a kernel ----------------------===//
//
// Kernels do not check indices, so these are made up by what reads them: tokens
// of one sequence, one after the other, in the middle of the first pages of a
// cache.
//
//===----------------------------------------------------------------------===//

#include "compiler/tune/KernelRunner.h"

#include "dialects/lathe/Lathe.h"
#include "passes/analysis/BufferSizes.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"
#include "runtime/MappedMemory.h"
#include "runtime/abi/KernelAbi.h"
#include "runtime/devices/Cpu.h"

#include <chrono>
#include <cstring>
#include <random>

using namespace mlir;
using lathe::runtime::Result;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

/// Bytes of the pool: more than the last cache of most machines.
static constexpr size_t kPoolBytes = size_t(192) << 20;
/// Positions of a cache, and tokens on a page (docs/design.md, 8.1).
static constexpr int64_t kPositions = 512, kPageTokens = 32;

void placeTokens(MutableArrayRef<int32_t> tokens, int64_t positions) {
  auto count = static_cast<int64_t>(tokens.size());
  int64_t first = std::max<int64_t>((positions - count) / 2, 0);
  for (int64_t i = 0; i < count; ++i)
    tokens[i] = static_cast<int32_t>(std::min(first + i, positions - 1));
}

/// Fills \p size bytes with ones of which every f16, bf16 or f32 is an ordinary
/// number below 1: no type of weight is slow because of its values.
static void fillNumbers(std::byte *data, size_t size) {
  std::minstd_rand random(1);
  for (size_t i = 0; i < size; i += 4) {
    uint32_t word =
        0x38383838u | (static_cast<uint32_t>(random()) & 0x03030303u);
    std::memcpy(data + i, &word, std::min<size_t>(4, size - i));
  }
}

Status WeightPool::allocate(size_t size) {
  Result<std::unique_ptr<runtime::DeviceMemory>> bytes =
      runtime::cpuDevice().allocate(size, "weights to tune with");
  if (!bytes.isOk())
    return bytes.takeStatus();
  memory = std::move(*bytes);
  fillNumbers(memory->data(), size);
  return Status::ok();
}

Result<WeightPool> WeightPool::create() {
  WeightPool pool;
  LATHE_RETURN_IF_ERROR(pool.allocate(kPoolBytes));
  return pool;
}

Result<std::byte *> WeightPool::take(size_t size) {
  size_t needed =
      llvm::alignTo(size + runtime::kBufferTail, runtime::kBufferAlignment);
  if (needed > memory->size())
    LATHE_RETURN_IF_ERROR(allocate(needed));
  if (next + needed > memory->size())
    next = 0;
  std::byte *place = memory->data() + next;
  next += needed;
  return place;
}

static Status unsupported(const Twine &what) {
  return Status::error(StatusCode::Unsupported, what.str());
}

Status KernelRunner::chooseSizes(func::FuncOp kernel,
                                 const llvm::StringMap<int64_t> &maxima) {
  bool isForFew = false, hasRows = false;
  int64_t most = 0;
  for (LinearOp linear : kernel.getOps<LinearOp>())
    isForFew = isForFewRows(kernel, linear);
  SmallVector<StringAttr> symbols = kernelSymbols(kernel);
  for (StringAttr symbol : symbols)
    if (symbol == "tokens" || symbol == "rows" || symbol == "sequences") {
      hasRows = true;
      most = maxima.lookup(symbol);
    }
  SmallVector<int64_t> wanted = {128, 512};
  if (isForFew)
    wanted = {1, 4, 16};
  else if (!kernel.getOps<CachedAttentionOp>().empty())
    wanted = {1, 128, 512};
  for (int64_t count : wanted)
    if (!hasRows || count <= most || rows.empty())
      rows.push_back(hasRows ? std::min(count, most) : count);
  // Without a symbol there is one number of rows, in the types.
  if (!hasRows)
    rows.resize(1);
  for (int64_t count : rows) {
    SmallVector<long long> &values = scalars.emplace_back();
    for (StringAttr symbol : symbols) {
      int64_t pages = kPositions / kPageTokens;
      if (symbol == "pages" || symbol == "slot_pages")
        values.push_back(std::min(pages, maxima.lookup(symbol)));
      else if (symbol == "slots")
        values.push_back(1);
      else if (symbol == "tokens" || symbol == "rows" || symbol == "sequences")
        values.push_back(count);
      else
        return unsupported("a size called " + symbol.getValue());
    }
  }
  return Status::ok();
}

Status KernelRunner::addBuffer(size_t bytes) {
  Result<std::unique_ptr<runtime::DeviceMemory>> buffer =
      runtime::cpuDevice().allocate(bytes + runtime::kBufferTail,
                                    "operands to tune with");
  if (!buffer.isOk())
    return buffer.takeStatus();
  fillNumbers((*buffer)->data(), bytes);
  buffers.push_back((*buffer)->data());
  memory.push_back(std::move(*buffer));
  return Status::ok();
}

Status KernelRunner::addBuffers(func::FuncOp kernel) {
  SmallVector<StringAttr> symbols = kernelSymbols(kernel);
  SmallVector<int64_t> largest(scalars.back().begin(), scalars.back().end());
  auto bytesOf = [&](Type type) -> Result<size_t> {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return unsupported("an operand that is no tensor");
    FailureOr<AffineMap> size = sizeInBytes(tensor, symbols);
    if (failed(size))
      return unsupported("an operand of unknown size");
    FailureOr<int64_t> bytes = evaluateSize(*size, largest);
    if (failed(bytes))
      return unsupported("an operand of unknown size");
    return static_cast<size_t>(*bytes);
  };
  Value weightArgument;
  for (LinearOp linear : kernel.getOps<LinearOp>())
    weightArgument = linear.getWeight();
  for (BlockArgument argument : kernel.getArguments()) {
    Result<size_t> bytes = bytesOf(argument.getType());
    if (!bytes.isOk())
      return bytes.takeStatus();
    if (argument == weightArgument) {
      weight = buffers.size();
      weightBytes = *bytes;
      buffers.push_back(nullptr);
      memory.push_back(nullptr);
      continue;
    }
    LATHE_RETURN_IF_ERROR(addBuffer(*bytes));
  }
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    if (kernel.getResultAttr(i, kTiedAttr))
      continue;
    Result<size_t> bytes = bytesOf(kernel.getResultTypes()[i]);
    if (!bytes.isOk())
      return bytes.takeStatus();
    LATHE_RETURN_IF_ERROR(addBuffer(*bytes));
  }
  return Status::ok();
}

namespace {
/// What an operand of integers is to the ops that read it.
enum class IndexRole { Zero, Position, Page };
} // namespace

static IndexRole roleOf(BlockArgument argument) {
  for (OpOperand &use : argument.getUses()) {
    Operation *op = use.getOwner();
    Value value = use.get();
    auto isOf = [&](auto reader) {
      if (!reader)
        return IndexRole::Zero;
      if (value == reader.getPositions())
        return IndexRole::Position;
      return value == reader.getPageTable() ? IndexRole::Page : IndexRole::Zero;
    };
    if (auto rope = dyn_cast<RopeOp>(op); rope && value == rope.getPositions())
      return IndexRole::Position;
    for (IndexRole role :
         {isOf(dyn_cast<AppendOp>(op)), isOf(dyn_cast<CachedAttentionOp>(op))})
      if (role != IndexRole::Zero)
        return role;
  }
  return IndexRole::Zero;
}

/// The number of positions that every table and cache of \p kernel has.
static int64_t positionsOf(func::FuncOp kernel, int64_t pages) {
  int64_t positions = pages > 0 ? pages * kPageTokens : kPositions;
  kernel.walk([&](RopeOp rope) {
    positions = std::min(positions, rope.getTable().getType().getDimSize(0));
  });
  return positions;
}

void KernelRunner::fillIndices(func::FuncOp kernel) {
  int64_t pages = 0;
  for (auto [symbol, value] : llvm::zip(kernelSymbols(kernel), scalars.back()))
    if (symbol == "slot_pages" || symbol == "pages")
      pages = pages == 0 ? value : std::min<int64_t>(pages, value);
  positions = positionsOf(kernel, pages);
  for (BlockArgument argument : kernel.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    if (!type.getElementType().isInteger(32))
      continue;
    IndexRole role = roleOf(argument);
    size_t buffer = argument.getArgNumber();
    auto *numbers = static_cast<int32_t *>(buffers[buffer]);
    auto count = static_cast<int64_t>(memory[buffer]->size() / sizeof(int32_t));
    for (int64_t i = 0; i < count; ++i)
      numbers[i] = role == IndexRole::Page
                       ? static_cast<int32_t>(i % std::max<int64_t>(pages, 1))
                       : 0;
    // Where tokens are depends on how many there are.
    if (role == IndexRole::Position)
      positionBuffers.push_back(buffer);
  }
}

Result<KernelRunner>
KernelRunner::create(func::FuncOp kernel, const KernelImage &image,
                     const llvm::StringMap<int64_t> &maxima,
                     runtime::ThreadPool &pool, WeightPool &weights) {
  KernelRunner runner(image, pool, weights);
  LATHE_RETURN_IF_ERROR(runner.chooseSizes(kernel, maxima));
  LATHE_RETURN_IF_ERROR(runner.addBuffers(kernel));
  runner.fillIndices(kernel);

  std::vector<std::string_view> names;
  size_t most = 0;
  for (const CompiledKernel &variant : image.kernels) {
    names.push_back(variant.name);
    most = std::max(most, static_cast<size_t>(variant.scratchBytes));
  }
  std::span<const char> elf(image.elf);
  Result<std::unique_ptr<runtime::DeviceCode>> code =
      runtime::cpuDevice().loadCode(std::as_bytes(elf), names);
  if (!code.isOk())
    return code.takeStatus();
  runner.code = std::move(*code);
  runner.scratchStride = llvm::alignTo(LATHE_SCRATCH_HEADER + most, 64);
  Result<std::unique_ptr<runtime::DeviceMemory>> scratch =
      runtime::cpuDevice().allocate(runner.scratchStride * pool.workers(),
                                    "scratch to tune with");
  if (!scratch.isOk())
    return scratch.takeStatus();
  runner.scratch = std::move(*scratch);
  return runner;
}

Status KernelRunner::launch(size_t variant, size_t rowCount) {
  if (weight) {
    Result<std::byte *> place = weights.take(weightBytes);
    if (!place.isOk())
      return place.takeStatus();
    buffers[*weight] = *place;
  }
  const SmallVector<long long> &values = scalars[rowCount];
  FailureOr<int64_t> tiles =
      evaluateSize(image.kernels[variant].tiles,
                   SmallVector<int64_t>(values.begin(), values.end()));
  if (failed(tiles))
    return unsupported("a launch of unknown size");
  return runtime::cpuDevice().launch(*code,
                                     {variant, buffers.data(), values.data(),
                                      *tiles, scratch->data(), scratchStride,
                                      ++launches},
                                     {&pool, nullptr});
}

Result<double> KernelRunner::time(size_t variant, size_t rowCount) {
  using Clock = std::chrono::steady_clock;
  // Enough launches for the clock and for chance. The first finds the
  // activations where another variant left them, which is nothing to a long
  // one.
  constexpr double kLeastSeconds = 400e-6, kLong = 5e-3;
  constexpr int kMostLaunches = 64;
  for (size_t buffer : positionBuffers) {
    auto count = static_cast<int64_t>(memory[buffer]->size() / sizeof(int32_t));
    placeTokens({static_cast<int32_t *>(buffers[buffer]),
                 static_cast<size_t>(std::min(count, rows[rowCount]))},
                positions);
  }
  runtime::ThreadPool::Region region(pool);
  Clock::time_point start = Clock::now();
  auto seconds = [&] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  LATHE_RETURN_IF_ERROR(launch(variant, rowCount));
  if (double first = seconds(); first >= kLong)
    return first;
  start = Clock::now();
  for (int count = 1;; ++count) {
    LATHE_RETURN_IF_ERROR(launch(variant, rowCount));
    if (seconds() >= kLeastSeconds || count == kMostLaunches)
      return seconds() / count;
  }
}

} // namespace lathe
