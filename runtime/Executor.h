//===- Executor.h - Runs the commands of an entry ---------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_EXECUTOR_H
#define LATHE_RUNTIME_EXECUTOR_H

#include "runtime/Model.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe::runtime {

/// What an observer sees of a launch.
struct LaunchEvent {
  bool finished;  ///< False: about to run.
  size_t entry;   ///< Index of the entry.
  size_t command; ///< Index of the command in it.
  size_t kernel;  ///< Index of the kernel that was taken.
  int64_t tiles;
  uint64_t nanoseconds;              ///< Wall time, once finished.
  void *const *operands;             ///< In the kernel's parameter order.
  std::span<const uint32_t> buffers; ///< Entry.buffers index of each.
  std::span<const int64_t> symbols;
  /// When each worker worked, once finished; empty where nobody asked.
  std::span<const WorkerTime> workers;
};

/// Called on the calling thread before and after each launch; null: nothing.
struct LaunchObserver {
  void (*function)(void *user, const LaunchEvent &event) = nullptr;
  void *user = nullptr;
};

/// The memory of one call.
struct CallMemory {
  /// Of each buffer of the entry that is not a temporary; null otherwise.
  std::span<std::byte *const> fixed;
  std::byte *arena;
  std::byte *scratch; ///< Of all workers, each with its header.
  size_t scratchStride;
  uint64_t *launches; ///< How many ran on this scratch; counted on.
};

/// Runs one entry, any number of times. Not thread-safe.
///
/// The commands are laid out flat at creation; what depends on the plan (the
/// addresses of operands) is filled in when the plan changes.
class Executor {
public:
  /// \p model must outlive the executor; its artifact was checked, so this
  /// cannot fail.
  Executor(const Model &model, size_t entry);

  /// The smallest plan whose bounds hold \p symbols. The artifact's check says
  /// that the last one does.
  size_t choosePlan(std::span<const int64_t> symbols) const;

  /// Runs all commands with the arena as plan \p plan lays it out, and waits.
  /// Allocates nothing unless it fails. Fails with DeviceError, Cancelled.
  Status run(size_t plan, std::span<const int64_t> symbols,
             const CallMemory &memory, const LaunchScope &scope,
             const LaunchObserver &observer);

private:
  struct Variant {
    uint32_t symbol;
    int64_t maximum;
    uint32_t kernel;
  };
  /// One of the schema's actions.
  struct Command {
    enum class Kind { Launch, Copy, Fill } kind;
    uint32_t index;        ///< In Entry.commands.
    uint32_t firstVariant; ///< Launch.
    uint32_t variantCount; ///< Launch.
    int64_t skippedTo;     ///< Launch.
    uint32_t firstOperand; ///< In `operands`.
    uint32_t operandCount; ///< Copy: target, source. Fill: target.
    uint8_t value;         ///< Fill.
  };

  void placeOperands(size_t plan, const CallMemory &memory);
  Status runLaunch(const Command &command, std::span<const int64_t> symbols,
                   const CallMemory &memory, const LaunchScope &scope,
                   const LaunchObserver &observer);

  const Model *model;
  size_t entry;
  std::vector<Command> commands;
  std::vector<Variant> variants;
  std::vector<uint32_t> operands; ///< Entry.buffers indices.
  std::vector<void *> addresses;  ///< Of each of `operands`.
  std::vector<long long> scalars; ///< Room for the longest list.
  size_t placedPlan = SIZE_MAX;
  const std::byte *placedArena = nullptr;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_EXECUTOR_H
