//===- FailingAllocator.cpp - Memory that runs out on demand --------------===//

#include "tests/unit/runtime/FailingAllocator.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATHE_TEST_IS_SANITIZED 1
#else
#define LATHE_TEST_IS_SANITIZED 0
#endif

static std::atomic<bool> isArmed{false};
static std::atomic<bool> hasFailed{false};
static std::atomic<bool> failsForEver{false};
static std::atomic<long> untilFailure{0};
static std::atomic<long> live{0};

void lathe::testing::failAllocations(long first, bool forEver) {
  untilFailure = first;
  failsForEver = forEver;
  hasFailed = false;
  isArmed = true;
}

bool lathe::testing::stopFailing() {
  isArmed = false;
  return hasFailed;
}

long lathe::testing::liveBlocks() { return live; }

/// Counts an allocation; true if it is one that fails.
static bool isToFail() {
  if (!isArmed)
    return false;
  long left = --untilFailure;
  bool fails = left == 0 || (left < 0 && failsForEver);
  if (fails)
    hasFailed = true;
  return fails;
}

#if LATHE_TEST_IS_SANITIZED
static void *allocate(size_t bytes) { return std::malloc(bytes); }
static void release(void *block) { std::free(block); }
static void *allocateAligned(size_t alignment, size_t bytes) {
  return std::aligned_alloc(alignment, bytes);
}
#else
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t bytes) {
  return isToFail() ? nullptr : __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  return isToFail() ? nullptr : __libc_calloc(count, bytes);
}
void *realloc(void *block, size_t bytes) {
  return isToFail() ? nullptr : __libc_realloc(block, bytes);
}
void free(void *block) { __libc_free(block); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *data) {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(
      dlsym(RTLD_NEXT, "pthread_create"));
  return isToFail() ? EAGAIN : real(thread, attributes, start, data);
}
} // extern "C"

static void *allocate(size_t bytes) { return __libc_malloc(bytes); }
static void release(void *block) { __libc_free(block); }
static void *allocateAligned(size_t alignment, size_t bytes) {
  return __libc_memalign(alignment, bytes);
}
#endif

extern "C" void *mmap(void *address, size_t bytes, int protection, int flags,
                      int fd, off_t offset) {
  if (isToFail()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void *>(
      syscall(SYS_mmap, address, bytes, protection, flags, fd, offset));
}

void *operator new(size_t bytes) {
  void *block = isToFail() ? nullptr : allocate(bytes ? bytes : 1);
  if (!block)
    throw std::bad_alloc();
  ++live;
  return block;
}

void *operator new(size_t bytes, std::align_val_t alignment) {
  size_t step = static_cast<size_t>(alignment);
  size_t whole = (bytes + step - 1) / step * step;
  void *block = isToFail() ? nullptr : allocateAligned(step, whole);
  if (!block)
    throw std::bad_alloc();
  ++live;
  return block;
}

void operator delete(void *block) noexcept {
  if (block)
    --live;
  release(block);
}
void operator delete(void *block, size_t) noexcept { operator delete(block); }
void operator delete(void *block, std::align_val_t) noexcept {
  operator delete(block);
}
void operator delete(void *block, size_t, std::align_val_t) noexcept {
  operator delete(block);
}
