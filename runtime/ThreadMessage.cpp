//===- ThreadMessage.cpp - The last message of each thread ----------------===//
//
// A key of pthreads and not a thread_local string: memory for a thread_local is
// taken at its first use in a thread, and where there is none, the C library
// ends the program.
//
//===----------------------------------------------------------------------===//

#include "runtime/ThreadMessage.h"

#include <cstdlib>
#include <cstring>

#include <pthread.h>

using namespace lathe::runtime;

/// Frees a message unless it is the one that was never allocated.
static void freeMessage(void *message) {
  if (message != kNoMemoryMessage)
    std::free(message);
}

namespace {
/// Goes away with the library, since it points to a function in it.
struct MessageKey {
  MessageKey() : isMade(pthread_key_create(&key, freeMessage) == 0) {}
  ~MessageKey() {
    if (!isMade)
      return;
    freeMessage(pthread_getspecific(key));
    pthread_key_delete(key);
  }

  pthread_key_t key = {};
  bool isMade;
};
} // namespace

static const MessageKey &messageKey() {
  static const MessageKey key;
  return key;
}

void lathe::runtime::setThreadMessage(std::string_view text) noexcept {
  const MessageKey &slot = messageKey();
  if (!slot.isMade)
    return;
  void *previous = pthread_getspecific(slot.key);
  char *message = static_cast<char *>(std::malloc(text.size() + 1));
  if (message) {
    std::memcpy(message, text.data(), text.size());
    message[text.size()] = 0;
  }
  const void *kept = message ? message : kNoMemoryMessage;
  if (pthread_setspecific(slot.key, kept) == 0)
    freeMessage(previous);
  else
    std::free(message);
}

const char *lathe::runtime::threadMessage() noexcept {
  const MessageKey &slot = messageKey();
  // Without a key nothing can be kept, and there was no room for the key.
  if (!slot.isMade)
    return kNoMemoryMessage;
  const void *message = pthread_getspecific(slot.key);
  return message ? static_cast<const char *>(message) : "";
}
