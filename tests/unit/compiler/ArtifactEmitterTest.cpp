//===- ArtifactEmitterTest.cpp - Tests of ArtifactEmitter.h ---------------===//

#include "compiler/emit/ArtifactEmitter.h"

#include "dialects/rt/Rt.h"
#include "runtime/abi/ArtifactFormat.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/schema/artifact_generated.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace lathe;
using runtime::MappedFile;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// A program that copies its input, and has one weight and one target.
const char *const kModule = R"(
  rt.model "test" {context_length = 8 : i64}
  rt.provenance "p" from "s" options "o"
  rt.symbol @tokens in [1, 8]
  rt.target @machine
  rt.weight @rope : tensor<3x2xf32> bytes affine_map<()[s0] -> (24)>
  rt.entry @forward peak affine_map<()[s0] -> (s0 * 4, s0 + 7)> {
    rt.buffer input @x : tensor<?xi32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 4)>
    rt.buffer output @y : tensor<?xi32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 4)>
    rt.input "x" @x limit affine_map<()[s0] -> (s0 ceildiv 2)>
    rt.output "y" @y
    rt.copy @x to @y
    rt.plan bounds [8] arena 0 live 0 offsets [0, 0]
  }
  module @weights {
    lathe.derived @rope : tensor<3x2xf32> {
      %0 = lathe.rope_table [1.0] scale 1.0 : tensor<3x2xf32>
      lathe.yield %0 : tensor<3x2xf32>
    }
  })";

class ArtifactEmitterTest : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<LatheDialect, rt::RtDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(kModule, &context);
    ASSERT_TRUE(module);
    path = std::filesystem::temp_directory_path() /
           ("lathe-emit-" + std::to_string(getpid()) + ".lathe");
  }
  void TearDown() override { std::filesystem::remove(path); }

  Status emit(std::string target) {
    std::vector<TargetImage> images = {{std::move(target), "code"}};
    WeightEvaluator weights(
        module->lookupSymbol<mlir::ModuleOp>(rt::kWeightsModule), ".");
    return emitArtifact(*module, {images, {}}, weights, path.string());
  }
  std::string bytes() {
    Result<MappedFile> file = MappedFile::open(path.string());
    return file.isOk() ? std::string(file->text()) : "";
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::filesystem::path path;
};

TEST_F(ArtifactEmitterTest, WritesTheProgramAndItsSections) {
  ASSERT_TRUE(emit("machine").isOk());
  std::string file = bytes();
  LatheSection sections[3];
  ASSERT_GT(file.size(), sizeof(LatheFileHeader) + sizeof sections);
  std::memcpy(sections, file.data() + sizeof(LatheFileHeader), sizeof sections);
  EXPECT_EQ(sections[0].kind, LATHE_SECTION_PROGRAM);
  EXPECT_EQ(file.substr(sections[1].offset, sections[1].length), "code");
  EXPECT_EQ(sections[2].kind, LATHE_SECTION_WEIGHTS);
  EXPECT_EQ(sections[2].length, 24u);
  float first;
  std::memcpy(&first, file.data() + sections[2].offset, sizeof first);
  EXPECT_EQ(first, 1.0f);

  std::string metadata = file.substr(sections[0].offset, sections[0].length);
  artifact::ProgramT program;
  artifact::GetProgram(metadata.data())->UnPackTo(&program);
  EXPECT_EQ(program.targets[0]->section, 1u);
  EXPECT_EQ(program.weights[0]->section, 2u);
  EXPECT_EQ(program.tokenizer, 0u);
  const artifact::EntryT &entry = *program.entries[0];
  EXPECT_NE(entry.commands[0]->action.AsCopy(), nullptr);
  // ceil(tokens / 2), and the larger of two sums.
  EXPECT_EQ(entry.inputs[0]->limit->code,
            (std::vector<int64_t>{1, 0, 0, 2, 4, 0}));
  EXPECT_EQ(entry.peak->code,
            (std::vector<int64_t>{1, 0, 0, 4, 3, 0, 1, 0, 0, 7, 2, 0, 8, 0}));
}

TEST_F(ArtifactEmitterTest, GivesTheSameBytesAgain) {
  ASSERT_TRUE(emit("machine").isOk());
  std::string first = bytes();
  ASSERT_TRUE(emit("machine").isOk());
  EXPECT_EQ(bytes(), first);
}

TEST_F(ArtifactEmitterTest, RefusesATargetWithoutCode) {
  Status status = emit("another");
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_EQ(status.message(), "rt.target @machine: there is no code for it");
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
