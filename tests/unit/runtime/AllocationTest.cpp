//===- AllocationTest.cpp - A call allocates nothing ----------------------===//
//
// Counts operator new, and malloc and mmap of everything that is linked in, on
// all threads.
//
//===----------------------------------------------------------------------===//

#include "runtime/Context.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

using namespace lathe::runtime;

static std::atomic<int> allocations{0};

extern "C" {
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
int __real_posix_memalign(void **block, size_t alignment, size_t bytes);
void *__real_mmap(void *, size_t, int, int, int, long);

void *__wrap_malloc(size_t bytes) {
  ++allocations;
  return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  ++allocations;
  return __real_calloc(count, bytes);
}
void *__wrap_realloc(void *block, size_t bytes) {
  ++allocations;
  return __real_realloc(block, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __real_aligned_alloc(alignment, bytes);
}
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes) {
  ++allocations;
  return __real_posix_memalign(block, alignment, bytes);
}
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags,
                  int fd, long offset) {
  ++allocations;
  return __real_mmap(address, bytes, protection, flags, fd, offset);
}
} // extern "C"

void *operator new(size_t bytes) { return __wrap_malloc(bytes ? bytes : 1); }
void operator delete(void *block) noexcept { std::free(block); }
void operator delete(void *block, size_t) noexcept { std::free(block); }

namespace {

TEST(AllocationTest, TheCounterCounts) {
  int before = allocations;
  std::vector<int> *volatile block = new std::vector<int>(100);
  delete block;
  EXPECT_GE(allocations - before, 2);
  before = allocations;
  ASSERT_TRUE(MappedMemory::allocate(100, "test").isOk());
  EXPECT_GE(allocations - before, 1);
}

TEST(AllocationTest, ACallAllocatesNothing) {
  MappedMemory bytes = lathe::testing::ArtifactBuilder::create().build();
  std::shared_ptr<const Model> model =
      *Model::create(*Artifact::openMemory(bytes.span(), "t"));
  ContextOptions options;
  options.threads = 4;
  std::unique_ptr<Context> context =
      std::move(*Context::create(model, options));
  const std::vector<float> x(64 * 4, 1);
  const int64_t sizes[] = {1, 8, 9, 16, 17, 64};
  int during = 0;
  for (int64_t tokens : sizes) {
    int64_t dims[] = {tokens, 4};
    int before = allocations;
    Status set = context->setInput(0, 0, x.data(), dims);
    Status ran = context->call(0);
    Result<TensorView> output = context->output(0, 0);
    during += allocations - before;
    ASSERT_TRUE(set.isOk() && ran.isOk() && output.isOk());
    EXPECT_EQ(output->dims[0], tokens);
  }
  EXPECT_EQ(during, 0);
}

} // namespace
