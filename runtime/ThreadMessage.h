//===- ThreadMessage.h - The last message of each thread --------*- C++ -*-===//
#ifndef LATHE_RUNTIME_THREADMESSAGE_H
#define LATHE_RUNTIME_THREADMESSAGE_H

#include <string_view>

namespace lathe::runtime {

/// Shown where there is no memory, also for a message that could not be kept.
inline constexpr char kNoMemoryMessage[] = "out of memory";

/// Keeps \p text for this thread until the next one. Never throws: without
/// memory for it, kNoMemoryMessage is kept.
void setThreadMessage(std::string_view text) noexcept;

/// What this thread keeps, empty at first; valid until it keeps another one.
const char *threadMessage() noexcept;

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_THREADMESSAGE_H
