//===- ProgramCheckerPlans.cpp - Checks where temporaries lie -------------===//

#include "runtime/ProgramChecker.h"

#include "runtime/ArenaOverlap.h"
#include "runtime/ProgramTables.h"

#include <algorithm>

using namespace lathe::runtime;
using lathe::artifact::BufferKind;

/// Calls \p visit with each buffer that \p command names.
template <typename Visit>
static void forEachBuffer(const lathe::artifact::Command &command,
                          Visit visit) {
  if (const auto *launch = command.action_as_Launch())
    for (uint32_t operand : *launch->operands())
      visit(operand);
  if (const auto *copy = command.action_as_Copy()) {
    visit(copy->source());
    visit(copy->target());
  }
  if (const auto *fill = command.action_as_Fill())
    visit(fill->target());
}

Status ProgramChecker::checkPlans(const artifact::Entry &entry) {
  const std::string prefix = where;
  where = prefix + ": plans";
  if (entry.plans()->size() == 0)
    return invalid("there is none");
  std::vector<Lifetime> lifetimes(entry.buffers()->size());
  for (size_t i = 0; i < entry.commands()->size(); ++i)
    forEachBuffer(*at(*entry.commands(), i), [&](uint32_t buffer) {
      Lifetime &lifetime = lifetimes[buffer];
      lifetime = {lifetime.end < lifetime.begin ? i : lifetime.begin, i};
    });
  for (size_t i = 0; i < entry.plans()->size(); ++i) {
    where = prefix + ": plan " + std::to_string(i);
    LATHE_RETURN_IF_ERROR(checkPlan(entry, *at(*entry.plans(), i), lifetimes));
  }
  where = prefix + ": plans";
  return checkPlanOrder(entry);
}

/// Checks that the bounds ascend and that the last ones hold every call.
Status ProgramChecker::checkPlanOrder(const artifact::Entry &entry) {
  const artifact::Plan *previous = nullptr;
  for (const artifact::Plan *plan : *entry.plans()) {
    for (flatbuffers::uoffset_t i = 0; previous && i < plan->bounds()->size();
         ++i)
      if (plan->bounds()->Get(i) < previous->bounds()->Get(i))
        return invalid("bounds: are not ascending from plan to plan");
    previous = plan;
  }
  for (flatbuffers::uoffset_t i = 0; i < artifact.ranges.size(); ++i)
    if (previous->bounds()->Get(i) < artifact.ranges[i].maximum)
      return invalid("bounds: the last plan ends at " +
                     std::to_string(previous->bounds()->Get(i)) +
                     " of symbol " + quote(*program.symbols()->Get(i)->name()) +
                     ", which goes up to " +
                     std::to_string(artifact.ranges[i].maximum));
  return Status::ok();
}

Result<uint64_t> ProgramChecker::checkPlace(const artifact::Plan &plan,
                                            const artifact::Buffer &buffer,
                                            uint64_t offset,
                                            std::span<const Interval> ranges) {
  Result<Interval> bytes =
      checkSize(*buffer.bytes(), "bytes", Artifact::kMaxBufferBytes, ranges);
  if (!bytes.isOk())
    return bytes.takeStatus();
  uint64_t size = static_cast<uint64_t>(bytes->maximum);
  if (offset % kBufferAlignment != 0 || offset > plan.arena_bytes() ||
      size > plan.arena_bytes() - offset)
    return invalid("offsets: " + quote(*buffer.name()) + ", " +
                   std::to_string(size) + " bytes at " +
                   std::to_string(offset) +
                   ", is not aligned or not inside an arena of " +
                   std::to_string(plan.arena_bytes()));
  return size;
}

Status ProgramChecker::checkPlan(const artifact::Entry &entry,
                                 const artifact::Plan &plan,
                                 std::span<const Lifetime> lifetimes) {
  LATHE_RETURN_IF_ERROR(spend(plan.bounds()->size() + plan.offsets()->size()));
  if (plan.bounds()->size() != artifact.ranges.size() ||
      plan.offsets()->size() != entry.buffers()->size())
    return invalid("has " + std::to_string(plan.bounds()->size()) +
                   " bounds and " + std::to_string(plan.offsets()->size()) +
                   " offsets for " + std::to_string(artifact.ranges.size()) +
                   " symbols and " + std::to_string(entry.buffers()->size()) +
                   " buffers");
  if (!isAligned(*plan.bounds()) || !isAligned(*plan.offsets()))
    return invalid("bounds, offsets: are not aligned");
  if (plan.arena_bytes() > Artifact::kMaxBufferBytes)
    return invalid("arena_bytes: is " + std::to_string(plan.arena_bytes()));

  std::vector<Interval> ranges = artifact.ranges;
  for (flatbuffers::uoffset_t i = 0; i < ranges.size(); ++i) {
    int64_t bound = plan.bounds()->Get(i);
    if (bound < ranges[i].minimum)
      return invalid("bounds: " + std::to_string(bound) + " is below symbol " +
                     quote(*program.symbols()->Get(i)->name()));
    ranges[i].maximum = std::min(ranges[i].maximum, bound);
  }
  std::vector<Resident> residents;
  for (flatbuffers::uoffset_t i = 0; i < plan.offsets()->size(); ++i) {
    const artifact::Buffer &buffer = *entry.buffers()->Get(i);
    uint64_t offset = plan.offsets()->Get(i);
    if (buffer.kind() == BufferKind::BufferKind_Temporary) {
      Result<uint64_t> size = checkPlace(plan, buffer, offset, ranges);
      if (!size.isOk())
        return size.takeStatus();
      Lifetime lifetime = lifetimes[i];
      if (lifetime.begin <= lifetime.end)
        residents.push_back({i, lifetime.begin, lifetime.end, offset, *size});
    } else if (offset != 0) {
      return invalid("offsets: " + quote(*buffer.name()) +
                     " is not in the arena, but has the offset " +
                     std::to_string(offset));
    }
  }
  auto overlap = findOverlap(std::move(residents));
  if (!overlap)
    return Status::ok();
  auto placeOf = [&](size_t buffer) {
    return quote(*at(*entry.buffers(), buffer)->name()) + " at " +
           std::to_string(at(*plan.offsets(), buffer));
  };
  return invalid("offsets: " + placeOf(overlap->first) + " and " +
                 placeOf(overlap->second) +
                 " live at one time and share bytes of the arena");
}
