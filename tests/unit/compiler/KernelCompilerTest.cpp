//===- KernelCompilerTest.cpp - Kernels to images, and the cache ----------===//

#include "compiler/targets/cpu/KernelCompiler.h"

#include "compiler/targets/cpu/ImageLinker.h"
#include "compiler/targets/cpu/KernelObject.h"
#include "passes/lowering/Pipeline.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

using namespace lathe;
using lathe::runtime::Result;
using lathe::runtime::StatusCode;

namespace {

/// Two kernels that differ in their names only, and a third.
constexpr const char *kKernels = R"(
  !rows = tensor<?x33xf32, #lathe.dims<"tokens">>
  !weight = tensor<7x33xf32, #lathe.packed<columns = 32, depth = 1>>
  !half = tensor<7x33xf16, #lathe.packed<columns = 32, depth = 2>>
  !out = tensor<?x7xf32, #lathe.dims<"tokens">>
  func.func private @first(%x: !rows, %w: !weight) -> !out attributes {lathe.kernel} {
    %y = lathe.linear %x, %w : !rows, !weight -> !out
    return %y : !out
  }
  func.func private @second(%x: !rows, %w: !weight) -> !out attributes {lathe.kernel} {
    %y = lathe.linear %x, %w : !rows, !weight -> !out
    return %y : !out
  }
  func.func private @third(%x: !rows, %w: !half) -> !out attributes {lathe.kernel} {
    %y = lathe.linear %x, %w : !rows, !half -> !out
    %z = lathe.activation gelu %y : !out
    return %z : !out
  }
)";

struct KernelCompilerTest : testing::Test {
  KernelCompilerTest() {
    mlir::DialectRegistry registry;
    registerKernelDialects(registry);
    context.appendDialectRegistry(registry);
    llvm::SmallString<128> folder;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("kernels", folder));
    options.cacheDir = folder.str().str();
    options.jobs = 2;
  }
  ~KernelCompilerTest() override {
    llvm::sys::fs::remove_directories(options.cacheDir);
  }

  Result<KernelImage> compile(const char *text, const char *level) {
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return compileKernels(*module, *findTargetLevel(level), options);
  }

  /// Calls \p change with the bytes of every cached object.
  void changeCache(llvm::function_ref<void(std::string &)> change) {
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(options.cacheDir, error), end;
         it != end && !error; it.increment(error)) {
      std::string bytes =
          (*llvm::MemoryBuffer::getFile(it->path()))->getBuffer().str();
      change(bytes);
      llvm::raw_fd_ostream(it->path(), error) << bytes;
    }
  }

  mlir::MLIRContext context;
  KernelCompileOptions options;
};

TEST_F(KernelCompilerTest, CompilesForEveryLevelAndBothOptimisations) {
  for (const TargetLevel &level : targetLevels()) {
    for (int optLevel : {0, 3}) {
      options.optLevel = optLevel;
      Result<KernelImage> image = compile(kKernels, level.name.data());
      ASSERT_TRUE(image.isOk()) << level.name.str() << image.status().message();
      ASSERT_EQ(image->kernels.size(), 3u);
      EXPECT_EQ(image->kernels[0].name, "first");
      EXPECT_EQ(image->kernels[2].name, "third");
      EXPECT_EQ(image->kernels[0].tiles.getNumSymbols(), 1u);
      EXPECT_EQ(image->elf.substr(1, 3), "ELF");
    }
  }
}

TEST_F(KernelCompilerTest, GivesTheSameBytesWithAndWithoutTheCache) {
  Result<KernelImage> cold = compile(kKernels, "x86-64-v4");
  Result<KernelImage> warm = compile(kKernels, "x86-64-v4");
  ASSERT_TRUE(cold.isOk() && warm.isOk());
  EXPECT_EQ(cold->cacheHits, 0u);
  // Two, not three: kernels that differ in their names are one.
  EXPECT_EQ(warm->cacheHits, 2u);
  EXPECT_EQ(cold->elf, warm->elf);
  EXPECT_EQ(cold->kernels[2].tiles, warm->kernels[2].tiles);
  EXPECT_EQ(cold->kernels[2].scratchBytes, warm->kernels[2].scratchBytes);
}

TEST_F(KernelCompilerTest, TellsWhatBecameOfEachKernel) {
  for (const char *counts :
       {"3 kernels: 2 compiled, 0 from the cache, 1 equal to another",
        "3 kernels: 0 compiled, 2 from the cache, 1 equal to another"}) {
    TimingTable timing;
    options.timing = &timing;
    ASSERT_TRUE(compile(kKernels, "x86-64-v4").isOk());
    std::string table;
    llvm::raw_string_ostream stream(table);
    timing.print(stream);
    EXPECT_NE(table.find(counts), std::string::npos) << table;
  }
}

TEST_F(KernelCompilerTest, KeepsLevelsAndOptimisationsApartInTheCache) {
  ASSERT_TRUE(compile(kKernels, "x86-64-v4").isOk());
  Result<KernelImage> other = compile(kKernels, "x86-64-v3");
  ASSERT_TRUE(other.isOk());
  EXPECT_EQ(other->cacheHits, 0u);
  options.optLevel = 0;
  Result<KernelImage> twin = compile(kKernels, "x86-64-v3");
  ASSERT_TRUE(twin.isOk());
  EXPECT_EQ(twin->cacheHits, 0u);
}

TEST_F(KernelCompilerTest, BuildsDamagedCacheEntriesAnew) {
  Result<KernelImage> good = compile(kKernels, "x86-64-v4");
  ASSERT_TRUE(good.isOk());
  // One flipped bit at the end, an empty file, a header that promises more.
  void (*const damages[])(std::string &) = {
      [](std::string &bytes) { bytes.back() ^= 1; },
      [](std::string &bytes) { bytes.clear(); },
      [](std::string &bytes) { bytes.resize(32); }};
  for (auto damage : damages) {
    changeCache(damage);
    Result<KernelImage> again = compile(kKernels, "x86-64-v4");
    ASSERT_TRUE(again.isOk()) << again.status().message();
    EXPECT_EQ(again->cacheHits, 0u);
    EXPECT_EQ(again->elf, good->elf);
  }
}

TEST_F(KernelCompilerTest, DoesWithoutACacheThatCannotBeWritten) {
  options.cacheDir = "/proc/nowhere";
  EXPECT_TRUE(compile(kKernels, "x86-64-v4").isOk());
}

TEST_F(KernelCompilerTest, NamesAKernelThatNoLoweringKnows) {
  Result<KernelImage> image = compile(R"(
    func.func private @odd(%x: tensor<4x8xf32>, %w: tensor<7x8xf32>) -> tensor<4x7xf32>
        attributes {lathe.kernel} {
      %y = lathe.linear %x, %w : tensor<4x8xf32>, tensor<7x8xf32> -> tensor<4x7xf32>
      return %y : tensor<4x7xf32>
    })",
                                      "x86-64-v4");
  ASSERT_FALSE(image.isOk());
  EXPECT_EQ(image.status().code(), StatusCode::Unsupported);
  EXPECT_NE(image.status().message().find("kernel odd"), std::string::npos);
  EXPECT_NE(image.status().message().find("lathe.linear"), std::string::npos);
}

TEST_F(KernelCompilerTest, RefusesAnImportByName) {
  // Nothing in the tree makes such a call; a libm function that slips in is
  // what the check is for.
  Result<KernelImage> image = compile(R"(
    llvm.func @expf(f32) -> f32
    func.func private @k(%a: !llvm.ptr, %s: !llvm.ptr, %b: i64, %e: i64) -> i32
        attributes {lathe.kernel, lathe.tiles = affine_map<() -> (1)>, lathe.scratch_bytes = 0 : i64} {
      %x = llvm.load %s : !llvm.ptr -> f32
      %y = llvm.intr.exp(%x) : (f32) -> f32
      llvm.store %y, %s : f32, !llvm.ptr
      %ok = arith.constant 0 : i32
      return %ok : i32
    })",
                                      "x86-64-v4");
  ASSERT_FALSE(image.isOk());
  EXPECT_EQ(image.status().code(), StatusCode::Unsupported);
  EXPECT_NE(image.status().message().find("expf"), std::string::npos);
}

TEST_F(KernelCompilerTest, BringsItsOwnMemoryFunctions) {
  Result<KernelImage> image = compile(R"(
    func.func private @k(%a: !llvm.ptr, %s: !llvm.ptr, %b: i64, %e: i64) -> i32
        attributes {lathe.kernel, lathe.tiles = affine_map<() -> (1)>, lathe.scratch_bytes = 0 : i64} {
      "llvm.intr.memcpy"(%s, %a, %e) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
      "llvm.intr.memmove"(%s, %a, %e) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
      %ok = arith.constant 0 : i32
      return %ok : i32
    })",
                                      "aarch64");
  EXPECT_TRUE(image.isOk()) << image.status().message();
}

TEST(TargetTest, KnowsTheFiveLevels) {
  EXPECT_EQ(targetLevels().size(), 5u);
  for (const TargetLevel &level : targetLevels())
    EXPECT_EQ(findTargetLevel(level.name), &level);
  EXPECT_EQ(findTargetLevel("x86-64-v5"), nullptr);
}

} // namespace
