//===- WeightEvaluatorTest.cpp - Tests of WeightEvaluator.h ---------------===//

#include "compiler/emit/WeightEvaluator.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace lathe;
using runtime::ElementType;
using runtime::Result;
using runtime::SafeTensorsWriter;
using runtime::Status;
using runtime::StatusCode;
using runtime::TensorSpec;

namespace {

class WeightEvaluatorTest : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<LatheDialect>();
    directory = std::filesystem::temp_directory_path() /
                ("lathe-weights-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory);
    // One tensor, 0 to 5.
    std::vector<TensorSpec> specs = {{"w", ElementType::F32, {2, 3}}};
    Result<SafeTensorsWriter> writer = SafeTensorsWriter::create(
        (directory / "w.safetensors").string(), specs);
    ASSERT_TRUE(writer.isOk()) << writer.status().message();
    std::vector<float> values = {0, 1, 2, 3, 4, 5};
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(values))).isOk());
    ASSERT_TRUE(writer->finish().isOk());
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  WeightEvaluator load(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return WeightEvaluator(*module, directory.string(), "m.mlir");
  }
  /// The floats of parameter \p name, or what went wrong.
  Result<std::vector<float>> floats(WeightEvaluator &weights,
                                    llvm::StringRef name) {
    Result<HostTensor> tensor = weights.evaluate(name);
    if (!tensor.isOk())
      return tensor.takeStatus();
    std::vector<float> values(tensor->bytes().size() / sizeof(float));
    std::memcpy(values.data(), tensor->bytes().data(), tensor->bytes().size());
    return values;
  }

  std::filesystem::path directory;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

const char *const kParameter =
    "lathe.parameter @w : tensor<2x3xf32> from \"w.safetensors\" key \"w\"\n";

TEST_F(WeightEvaluatorTest, ReadsAParameter) {
  WeightEvaluator weights = load(kParameter);
  EXPECT_TRUE(weights.checkFiles().isOk());
  EXPECT_EQ(*floats(weights, "w"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST_F(WeightEvaluatorTest, EvaluatesDerivedParametersOfDerivedParameters) {
  WeightEvaluator weights = load(std::string(kParameter) + R"(
    lathe.derived @t : tensor<3x2xf32> {
      %0 = lathe.get @w : tensor<2x3xf32>
      %1 = lathe.permute %0 order [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
      lathe.yield %1 : tensor<3x2xf32>
    }
    lathe.derived @twice : tensor<8xf32> {
      %0 = lathe.get @t : tensor<3x2xf32>
      %1 = lathe.slice %0 along 0 [1, 3] : tensor<3x2xf32> -> tensor<2x2xf32>
      %2 = lathe.concat %1, %1 along 0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
      %3 = lathe.reshape %2 : tensor<4x2xf32> -> tensor<8xf32>
      lathe.yield %3 : tensor<8xf32>
    })");
  Result<std::vector<float>> values = floats(weights, "twice");
  ASSERT_TRUE(values.isOk()) << values.status().message();
  EXPECT_EQ(*values, (std::vector<float>{1, 4, 2, 5, 1, 4, 2, 5}));
}

TEST_F(WeightEvaluatorTest, RefusesAnotherShape) {
  WeightEvaluator weights = load(
      "lathe.parameter @w : tensor<3x2xf32> from \"w.safetensors\" key \"w\"");
  Status status = weights.checkFiles();
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_EQ(
      status.message(),
      "m.mlir: lathe.parameter @w: w.safetensors: w: expected F32 [3, 2], "
      "got F32 [2, 3]");
}

TEST_F(WeightEvaluatorTest, RefusesAnotherElementType) {
  WeightEvaluator weights = load(
      "lathe.parameter @w : tensor<2x3xf16> from \"w.safetensors\" key \"w\"");
  EXPECT_EQ(
      weights.checkFiles().message(),
      "m.mlir: lathe.parameter @w: w.safetensors: w: expected F16 [2, 3], "
      "got F32 [2, 3]");
}

TEST_F(WeightEvaluatorTest, RefusesAMissingTensor) {
  WeightEvaluator weights = load(
      "lathe.parameter @w : tensor<2x3xf32> from \"w.safetensors\" key \"v\"");
  EXPECT_EQ(
      weights.checkFiles().message(),
      "m.mlir: lathe.parameter @w: w.safetensors: v: the tensor is missing");
}

TEST_F(WeightEvaluatorTest, RefusesAFileOutsideOfTheDirectory) {
  WeightEvaluator weights = load("lathe.parameter @w : tensor<2x3xf32> from "
                                 "\"../w.safetensors\" key \"w\"");
  EXPECT_EQ(weights.checkFiles().code(), StatusCode::InvalidFile);
}

TEST_F(WeightEvaluatorTest, SaysThatAFileIsMissing) {
  WeightEvaluator weights = load("lathe.parameter @w : tensor<2x3xf32> from "
                                 "\"none.safetensors\" key \"w\"");
  Status status = weights.checkFiles();
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_TRUE(status.message().starts_with(
      "m.mlir: lathe.parameter @w: from: " + directory.string()))
      << status.message();
}

TEST_F(WeightEvaluatorTest, RefusesParametersThatDeriveFromThemselves) {
  WeightEvaluator weights = load(R"(
    lathe.derived @a : tensor<2xf32> {
      %0 = lathe.get @b : tensor<2xf32>
      lathe.yield %0 : tensor<2xf32>
    }
    lathe.derived @b : tensor<2xf32> {
      %0 = lathe.get @a : tensor<2xf32>
      lathe.yield %0 : tensor<2xf32>
    })");
  EXPECT_EQ(weights.evaluate("a").status().code(), StatusCode::Unsupported);
}

} // namespace
