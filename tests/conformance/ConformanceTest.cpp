//===- ConformanceTest.cpp - What every device must do --------------------===//
//
// Runs on each device that is registered. A device that computes nothing is
// held to all but the results of kernels.
//
//===----------------------------------------------------------------------===//

#include "runtime/Context.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;

namespace {

class ConformanceTest : public ::testing::TestWithParam<const Device *> {
protected:
  const Device &device() const { return *GetParam(); }

  void SetUp() override {
    pool = std::move(*ThreadPool::create(3));
    scope = {pool.get(), &cancelled};
    bytes = ArtifactBuilder::create().build();
    ModelOptions options;
    options.device = std::string(device().name());
    Result<std::shared_ptr<const Model>> made =
        Model::create(*Artifact::openMemory(bytes.span(), "t"), options);
    ASSERT_TRUE(made.isOk()) << made.status().message();
    context = std::move(*Context::create(*made));
  }

  std::unique_ptr<DeviceMemory> allocate(size_t size) {
    return std::move(*device().allocate(size, "test"));
  }

  std::unique_ptr<ThreadPool> pool;
  std::atomic<bool> cancelled{false};
  LaunchScope scope;
  MappedMemory bytes;
  std::unique_ptr<Context> context;
};

TEST_P(ConformanceTest, IsFoundByItsName) {
  EXPECT_EQ(findDevice(device().name()), &device());
  EXPECT_EQ(findDevice("none"), nullptr);
}

TEST_P(ConformanceTest, GivesAlignedZeroedMemory) {
  for (size_t size : {0, 1, 63, 64, 4096, 5'000'000}) {
    std::unique_ptr<DeviceMemory> memory = allocate(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0u);
    EXPECT_GE(memory->size(), size);
    for (size_t i = 0; i < size; i += 61)
      ASSERT_EQ(memory->data()[i], std::byte(0));
  }
}

TEST_P(ConformanceTest, ClearsMemory) {
  std::unique_ptr<DeviceMemory> memory = allocate(10000);
  std::memset(memory->data(), 7, 10000);
  memory->clear();
  for (size_t i = 0; i < 10000; ++i)
    ASSERT_EQ(memory->data()[i], std::byte(0));
}

TEST_P(ConformanceTest, RefusesMemoryThatNobodyHas) {
  EXPECT_EQ(device().allocate(SIZE_MAX / 2, "test").status().code(),
            StatusCode::ResourceExhausted);
  EXPECT_EQ(device().allocate(SIZE_MAX, "test").status().code(),
            StatusCode::ResourceExhausted);
}

TEST_P(ConformanceTest, CopiesAndFills) {
  // On both sides of a transfer's tile of 1 MiB.
  for (size_t size : {size_t(1), size_t(1) << 20, (size_t(3) << 20) + 5}) {
    std::unique_ptr<DeviceMemory> source = allocate(size),
                                  target = allocate(size + 1);
    ASSERT_TRUE(device().fill(source->data(), 9, size, scope).isOk());
    ASSERT_TRUE(
        device().copy(target->data(), source->data(), size, scope).isOk());
    ASSERT_TRUE(device().synchronize().isOk());
    EXPECT_EQ(target->data()[0], std::byte(9));
    EXPECT_EQ(target->data()[size - 1], std::byte(9));
    EXPECT_EQ(target->data()[size], std::byte(0));
  }
}

TEST_P(ConformanceTest, CopiesOverlappingBytes) {
  std::unique_ptr<DeviceMemory> memory = allocate(100);
  for (size_t i = 0; i < 100; ++i)
    memory->data()[i] = std::byte(i);
  ASSERT_TRUE(
      device().copy(memory->data() + 1, memory->data(), 99, scope).isOk());
  ASSERT_TRUE(device().synchronize().isOk());
  EXPECT_EQ(memory->data()[99], std::byte(98));
}

TEST_P(ConformanceTest, EndsWhenCancelled) {
  std::unique_ptr<DeviceMemory> memory = allocate(64);
  cancelled = true;
  EXPECT_EQ(device().fill(memory->data(), 1, 64, scope).code(),
            StatusCode::Cancelled);
}

TEST_P(ConformanceTest, RefusesATargetThatIsNotThere) {
  std::string_view targets[] = {"x"};
  EXPECT_EQ(device().chooseTarget(targets, "y").status().code(),
            StatusCode::Unsupported);
}

TEST_P(ConformanceTest, RunsAProgram) {
  std::vector<float> x(12 * 4, 2);
  int64_t dims[] = {12, 4};
  ASSERT_TRUE(context->setInput(0, 0, x.data(), dims).isOk());
  ASSERT_TRUE(context->call(0).isOk());
  TensorView y = *context->output(0, 0);
  EXPECT_EQ(y.dims[0], 12);
  if (!device().computes())
    return;
  EXPECT_EQ(reinterpret_cast<float *>(y.data)[47], 1008);
  EXPECT_EQ(*reinterpret_cast<int32_t *>(context->state(0).data), 12);
}

TEST_P(ConformanceTest, RunsFillsAndCopiesOfAProgram) {
  ASSERT_TRUE(context->call(1).isOk());
  EXPECT_EQ(context->output(1, 0)->data[7], std::byte(5));
}

TEST_P(ConformanceTest, ReportsAKernelThatFails) {
  if (!device().computes())
    GTEST_SKIP() << "computes nothing";
  EXPECT_EQ(context->call(3).code(), StatusCode::DeviceError);
}

INSTANTIATE_TEST_SUITE_P(Devices, ConformanceTest,
                         ::testing::ValuesIn(registeredDevices().begin(),
                                             registeredDevices().end()),
                         [](const auto &info) {
                           return std::string(info.param->name());
                         });

} // namespace
