//===- WeightEvaluatorTest.cpp - Tests of WeightEvaluator.h ---------------===//

#include "compiler/emit/WeightEvaluator.h"

#include "tests/unit/formats/GgufBytes.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
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

/// Writes a GGUF file with the Q8_0 tensor "q" of two rows: 2 * (-16 to 15),
/// then 0.5 times that.
void writeGguf(const std::filesystem::path &path) {
  GgufBytes bytes;
  bytes.add(uint32_t(0x46554747)).add(uint32_t(3));
  bytes.add(uint64_t(1)).add(uint64_t(0));
  bytes.tensor("q", {32, 2}, runtime::GgmlType::Q8_0, 0);
  bytes.text.resize((bytes.text.size() + 31) / 32 * 32);
  for (uint16_t scale : {0x4000, 0x3800}) { // 2 and 0.5 as f16
    bytes.add(scale);
    for (int i = 0; i < 32; ++i)
      bytes.add(int8_t(i - 16));
  }
  std::ofstream(path, std::ios::binary) << bytes.text;
}

const char *const kQuantised = R"(
    !q = tensor<2x32xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
    lathe.parameter @q : !q from "q.gguf" key "q"
)";

TEST_F(WeightEvaluatorTest, GivesTheValuesOfBlocks) {
  writeGguf(directory / "q.gguf");
  WeightEvaluator weights = load(std::string(kQuantised) + R"(
    lathe.derived @plain : tensor<2x32xf32> {
      %0 = lathe.get @q : !q
      %1 = lathe.cast %0 : !q -> tensor<2x32xf32>
      lathe.yield %1 : tensor<2x32xf32>
    })");
  EXPECT_TRUE(weights.checkFiles().isOk());
  std::vector<float> expected;
  for (float scale : {2.0f, 0.5f})
    for (int i = 0; i < 32; ++i)
      expected.push_back(scale * float(i - 16));
  Result<std::vector<float>> values = floats(weights, "plain");
  ASSERT_TRUE(values.isOk()) << values.status().message();
  EXPECT_EQ(*values, expected);
}

TEST_F(WeightEvaluatorTest, RoundsTheValuesOfBlocks) {
  writeGguf(directory / "q.gguf");
  WeightEvaluator weights = load(std::string(kQuantised) + R"(
    lathe.derived @half : tensor<2x32xf16> {
      %0 = lathe.get @q : !q
      %1 = lathe.cast %0 : !q -> tensor<2x32xf16>
      lathe.yield %1 : tensor<2x32xf16>
    })");
  Result<HostTensor> tensor = weights.evaluate("half");
  ASSERT_TRUE(tensor.isOk()) << tensor.status().message();
  EXPECT_EQ(tensor->type(), ElementType::F16);
  uint16_t first;
  std::memcpy(&first, tensor->bytes().data(), sizeof(first));
  EXPECT_EQ(first, 0xD000); // -32
}

TEST_F(WeightEvaluatorTest, RefusesAnotherEncoding) {
  writeGguf(directory / "q.gguf");
  WeightEvaluator weights =
      load("lathe.parameter @q : tensor<2x32xf32> from \"q.gguf\" key \"q\"");
  Status status = weights.checkFiles();
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_TRUE(status.message().ends_with(
      "q: expected tensor<2x32xf32>, got tensor<2x32xf32, "
      "#lathe.quant<quantum = si8, group = 32, scale = f16>>"))
      << status.message();
}

TEST_F(WeightEvaluatorTest, RefusesAnEncodingOfSafetensors) {
  WeightEvaluator weights = load(
      "lathe.parameter @w : tensor<2x32xf32, #lathe.quant<quantum = si8, group "
      "= 32, scale = f16>> from \"w.safetensors\" key \"w\"");
  EXPECT_EQ(weights.checkFiles().code(), StatusCode::Unsupported);
}

TEST_F(WeightEvaluatorTest, GivesOutNoBlocks) {
  writeGguf(directory / "q.gguf");
  WeightEvaluator weights = load(std::string(kQuantised) + R"(
    lathe.derived @same : !q {
      %0 = lathe.get @q : !q
      lathe.yield %0 : !q
    })");
  EXPECT_EQ(weights.evaluate("same").status().message(),
            "@same: a quantised tensor (use lathe.cast first)");
  EXPECT_EQ(weights.evaluate("q").status().code(), StatusCode::Unsupported);
}

TEST_F(WeightEvaluatorTest, MovesRowsOfBlocksAsTheyAre) {
  writeGguf(directory / "q.gguf");
  WeightEvaluator weights = load(std::string(kQuantised) + R"(
    !row = tensor<1x32xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
    !flat = tensor<2x1x32xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
    lathe.derived @blocks : tensor<2x32xf32> {
      %0 = lathe.get @q : !q
      %1 = lathe.slice %0 along 0 [0, 1] : !q -> !row
      %2 = lathe.slice %0 along 0 [1, 2] : !q -> !row
      %3 = lathe.concat %2, %1 along 0 : (!row, !row) -> !q
      %4 = lathe.reshape %3 : !q -> !flat
      %5 = lathe.permute %4 order [0, 1, 2] : !flat -> !flat
      %6 = lathe.reshape %5 : !flat -> !q
      %7 = lathe.cast %6 : !q -> tensor<2x32xf32>
      lathe.yield %7 : tensor<2x32xf32>
    }
    lathe.derived @numbers : tensor<2x32xf32> {
      %0 = lathe.get @q : !q
      %1 = lathe.cast %0 : !q -> tensor<2x32xf32>
      %2 = lathe.slice %1 along 0 [0, 1] : tensor<2x32xf32> -> tensor<1x32xf32>
      %3 = lathe.slice %1 along 0 [1, 2] : tensor<2x32xf32> -> tensor<1x32xf32>
      %4 = lathe.concat %3, %2 along 0 : (tensor<1x32xf32>, tensor<1x32xf32>) -> tensor<2x32xf32>
      lathe.yield %4 : tensor<2x32xf32>
    })");
  Result<std::vector<float>> blocks = floats(weights, "blocks");
  ASSERT_TRUE(blocks.isOk()) << blocks.status().message();
  EXPECT_EQ(*blocks, *floats(weights, "numbers"));
  EXPECT_NE(blocks->front(), blocks->back());
}

TEST_F(WeightEvaluatorTest, RowsAreThoseOfTheWhole) {
  std::vector<TensorSpec> specs = {{"b", ElementType::F32, {96, 64}}};
  Result<SafeTensorsWriter> writer =
      SafeTensorsWriter::create((directory / "b.safetensors").string(), specs);
  ASSERT_TRUE(writer.isOk()) << writer.status().message();
  std::vector<float> values(96 * 64);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i * 7919 % 1009) - 500;
  ASSERT_TRUE(writer->write(std::as_bytes(std::span(values))).isOk());
  ASSERT_TRUE(writer->finish().isOk());

  WeightEvaluator weights = load(R"(
    !b = tensor<96x64xf32>
    !panels = tensor<69x64xf32, #lathe.packed<columns = 32, depth = 1>>
    !quant = tensor<112x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
    !packed = tensor<112x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>
    module {
      lathe.parameter @b : !b from "b.safetensors" key "b"
      lathe.derived @panels : !panels {
        %b = lathe.get @b : !b
        %some = lathe.slice %b along 0 [5, 74] : !b -> tensor<69x64xf32>
        %p = lathe.pack %some : tensor<69x64xf32> -> !panels
        lathe.yield %p : !panels
      }
      // As a GGUF file's rotated queries: rows change places within heads of 24.
      lathe.derived @heads : !b {
        %b = lathe.get @b : !b
        %h = lathe.reshape %b : !b -> tensor<4x12x2x64xf32>
        %t = lathe.permute %h order [0, 2, 1, 3] : tensor<4x12x2x64xf32> -> tensor<4x2x12x64xf32>
        %r = lathe.reshape %t : tensor<4x2x12x64xf32> -> !b
        lathe.yield %r : !b
      }
      lathe.derived @both : !packed {
        %h = lathe.get @heads : !b
        %b = lathe.get @b : !b
        %some = lathe.slice %b along 0 [80, 96] : !b -> tensor<16x64xf32>
        %c = lathe.concat %some, %h along 0 : (tensor<16x64xf32>, !b) -> tensor<112x64xf32>
        %q = lathe.quantize %c to <quantum = ui4, group = 32, scale = f16, zero = 8> : tensor<112x64xf32> -> !quant
        %p = lathe.pack %q : !quant -> !packed
        lathe.yield %p : !packed
      }
      lathe.derived @halves : tensor<96x80xbf16> {
        %b = lathe.get @b : !b
        %s = lathe.get @b : !b
        %some = lathe.slice %s along 1 [16, 32] : !b -> tensor<96x16xf32>
        %c = lathe.concat %b, %some along 1 : (!b, tensor<96x16xf32>) -> tensor<96x80xf32>
        %h = lathe.cast %c : tensor<96x80xf32> -> tensor<96x80xbf16>
        lathe.yield %h : tensor<96x80xbf16>
      }
      lathe.derived @rope : tensor<40x4xf32> {
        %t = lathe.rope_table [1.0, 0.25] scale 1.0 : tensor<40x4xf32>
        lathe.yield %t : tensor<40x4xf32>
      }
    })");
  ASSERT_TRUE(weights.checkFiles().isOk());
  auto bytesOf = [](const HostTensor &tensor) {
    return std::vector<std::byte>(tensor.bytes().begin(), tensor.bytes().end());
  };
  for (auto [name, step] : {std::pair("panels", 32),
                            {"heads", 1},
                            {"both", 32},
                            {"halves", 1},
                            {"rope", 1}}) {
    Result<HostTensor> whole = weights.evaluate(name);
    ASSERT_TRUE(whole.isOk()) << whole.status().message();
    RowSteps steps = weights.rowSteps(name);
    ASSERT_GT(steps.rows, 0) << name;
    EXPECT_EQ(steps.step, step) << name;
    for (int64_t size : {steps.step, 2 * steps.step, 7 * steps.step}) {
      std::vector<std::byte> all;
      for (int64_t begin = 0; begin < steps.rows; begin += size) {
        Result<HostTensor> some =
            weights.evaluate(name, {begin, std::min(begin + size, steps.rows)});
        ASSERT_TRUE(some.isOk()) << some.status().message();
        llvm::append_range(all, some->bytes());
      }
      EXPECT_EQ(all, bytesOf(*whole)) << name << " by " << size;
    }
  }
}

TEST_F(WeightEvaluatorTest, WhatMixesRowsOrIsReadTwiceIsHadAsAWhole) {
  WeightEvaluator weights = load(R"(
    module {
      lathe.parameter @w : tensor<2x3xf32> from "w.safetensors" key "w"
      lathe.derived @transposed : tensor<3x2xf32> {
        %w = lathe.get @w : tensor<2x3xf32>
        %t = lathe.permute %w order [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
        lathe.yield %t : tensor<3x2xf32>
      }
      lathe.derived @regrouped : tensor<3x2xf32> {
        %w = lathe.get @w : tensor<2x3xf32>
        %t = lathe.reshape %w : tensor<2x3xf32> -> tensor<3x2xf32>
        lathe.yield %t : tensor<3x2xf32>
      }
      lathe.derived @twice : tensor<4x3xf32> {
        %w = lathe.get @w : tensor<2x3xf32>
        %t = lathe.concat %w, %w along 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
        lathe.yield %t : tensor<4x3xf32>
      }
      lathe.derived @itself : tensor<2x3xf32> {
        %w = lathe.get @itself : tensor<2x3xf32>
        lathe.yield %w : tensor<2x3xf32>
      }
    })");
  for (const char *name : {"w", "transposed", "regrouped", "twice", "itself"})
    EXPECT_EQ(weights.rowSteps(name).rows, 0) << name;
}

} // namespace
