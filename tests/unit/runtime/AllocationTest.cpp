//===- AllocationTest.cpp - A call allocates nothing ----------------------===//
//
// Counts operator new, and malloc and mmap of everything that is linked in, on
// all threads. tests/e2e/allocation.py gives it compiled models too, in the
// environment's LATHE_TEST_MODEL.
//
//===----------------------------------------------------------------------===//

#include "runtime/Context.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>

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

/// The elements and dimensions of an input, for one sequence of \p tokens.
std::pair<std::vector<int32_t>, std::vector<int64_t>>
inputOf(const Context &context, std::string_view name, int64_t tokens) {
  if (name == "rows")
    return {{int32_t(tokens - 1)}, {1}};
  if (name == "page_table") {
    std::vector<int64_t> dims;
    const auto &symbols = *context.model().program().symbols();
    for (const char *symbol : {"slots", "slot_pages"})
      for (uint32_t i = 0; i < symbols.size(); ++i)
        if (symbols[i]->name()->string_view() == symbol)
          dims.push_back(context.symbol(i));
    std::vector<int32_t> pages(dims[0] * dims[1]);
    std::iota(pages.begin(), pages.end(), 0);
    return {pages, dims};
  }
  std::vector<int32_t> values(tokens, 0);
  if (name == "positions")
    std::iota(values.begin(), values.end(), 0);
  return {values, {tokens}};
}

/// Sets what no input gives: there is one sequence.
void setSequences(Context &context) {
  const auto &symbols = *context.model().program().symbols();
  for (uint32_t i = 0; i < symbols.size(); ++i)
    if (symbols[i]->name()->string_view() == "sequences")
      ASSERT_TRUE(context.setSymbol(i, 1).isOk());
}

/// What setting the inputs of a call, the call and reading its outputs
/// allocate.
int allocationsOfCall(Context &context, size_t index, int64_t tokens) {
  const auto &entry = *context.model().program().entries()->Get(index);
  std::vector<std::pair<std::vector<int32_t>, std::vector<int64_t>>> inputs;
  for (const auto *input : *entry.inputs())
    inputs.push_back(inputOf(context, input->name()->string_view(), tokens));
  int before = allocations;
  bool isOk = true;
  for (size_t i = 0; i < inputs.size(); ++i)
    isOk &= context.setInput(index, i, inputs[i].first.data(), inputs[i].second)
                .isOk();
  isOk = isOk && context.call(index).isOk();
  for (size_t i = 0; i < entry.outputs()->size(); ++i)
    isOk = isOk && context.output(index, i).isOk();
  int during = allocations - before;
  EXPECT_TRUE(isOk) << entry.name()->string_view();
  return during;
}

TEST(AllocationTest, ACallOfACompiledModelAllocatesNothing) {
  const char *path = std::getenv("LATHE_TEST_MODEL");
  if (!path)
    GTEST_SKIP() << "tests/e2e/allocation.py runs it";
  Result<std::shared_ptr<const Artifact>> file = Artifact::openPath(path);
  ASSERT_TRUE(file.isOk()) << file.status().message();
  std::shared_ptr<const Model> model = *Model::create(std::move(*file));
  ContextOptions options;
  options.threads = 4;
  std::unique_ptr<Context> context =
      std::move(*Context::create(model, options));
  setSequences(*context);
  size_t entries = model->program().entries()->size();
  ASSERT_GE(entries, 2u);
  for (size_t entry = 0; entry < entries; ++entry)
    for (int64_t tokens : {1, 16, 17, 40})
      EXPECT_EQ(allocationsOfCall(*context, entry, tokens), 0)
          << model->program().entries()->Get(entry)->name()->string_view()
          << " on " << tokens << " tokens";
}

} // namespace
