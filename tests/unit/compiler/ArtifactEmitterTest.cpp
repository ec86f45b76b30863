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
  rt.model "test" {chat_templates = {default = "{{ a }}\0A", "tool use" = "t"}, context_length = 8 : i64}
  rt.provenance "p" from "s" options "o"
  rt.symbol @tokens in [1, 8]
  rt.target @machine
  rt.kernel @k scalars [@tokens] {
    rt.cost flops affine_map<()[s0] -> (s0 * 8)> in bytes
      reads [affine_map<()[s0] -> (s0 * 4, 100)>, affine_map<()[s0] -> (0)>]
      writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (s0 + 3)>]
      pairs [#rt.pairs<cached, sequences = 1, flops = 2, window = 3, positions = 0, keys = 1, values = 0, key_bytes = 4, value_bytes = 5>]
  }
  rt.kernel @long scalars [] {
    rt.cost flops affine_map<()[s0] -> (LONG)> reads [] writes []
  }
  rt.kernel @pairs scalars [] {
    rt.cost flops affine_map<()[s0] -> (2)> in bf16 reads [] writes []
  }
  rt.kernel @floats scalars [] {
    rt.cost flops affine_map<()[s0] -> (2)> reads [] writes []
  }
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
    // More pairs than an expression of the schema holds.
    std::string sum = "s0 mod 2", text = kModule;
    for (int64_t divisor = 3; divisor < 30; ++divisor)
      sum += " + s0 mod " + std::to_string(divisor);
    text.replace(text.find("LONG"), 4, sum);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    path = std::filesystem::temp_directory_path() /
           ("lathe-emit-" + std::to_string(getpid()) + ".lathe");
  }
  void TearDown() override { std::filesystem::remove(path); }

  Status emit(std::string target, unsigned threads = 1) {
    std::vector<TargetImage> images = {{std::move(target), "code"}};
    WeightEvaluator weights(
        module->lookupSymbol<mlir::ModuleOp>(rt::kWeightsModule), ".");
    return emitArtifact(*module, {images, {}, threads}, weights, path.string());
  }
  std::string bytes() {
    Result<MappedFile> file = MappedFile::open(path.string());
    return file.isOk() ? std::string(file->text()) : "";
  }

  /// The program of the file that was written.
  artifact::ProgramT readProgram() {
    std::string file = bytes();
    LatheSection section;
    std::memcpy(&section, file.data() + sizeof(LatheFileHeader),
                sizeof section);
    std::string metadata = file.substr(section.offset, section.length);
    artifact::ProgramT program;
    artifact::GetProgram(metadata.data())->UnPackTo(&program);
    return program;
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
  ASSERT_EQ(program.model->chat_templates.size(), 2u);
  EXPECT_EQ(program.model->chat_templates[0]->name, "default");
  EXPECT_EQ(program.model->chat_templates[0]->text, "{{ a }}\n");
  EXPECT_EQ(program.model->chat_templates[1]->name, "tool use");
  const artifact::EntryT &entry = *program.entries[0];
  EXPECT_NE(entry.commands[0]->action.AsCopy(), nullptr);
  // ceil(tokens / 2), and the larger of two sums.
  EXPECT_EQ(entry.inputs[0]->limit->code,
            (std::vector<int64_t>{1, 0, 0, 2, 4, 0}));
  EXPECT_EQ(entry.peak->code,
            (std::vector<int64_t>{1, 0, 0, 4, 3, 0, 1, 0, 0, 7, 2, 0, 8, 0}));
}

TEST_F(ArtifactEmitterTest, WritesWhatKernelsCost) {
  ASSERT_TRUE(emit("machine").isOk());
  artifact::ProgramT program = readProgram();
  const artifact::KernelCostT &cost = *program.kernels[0]->cost;
  EXPECT_EQ(cost.flops->code, (std::vector<int64_t>{1, 0, 0, 8, 3, 0}));
  // The smaller of two.
  EXPECT_EQ(cost.reads[0]->code,
            (std::vector<int64_t>{1, 0, 0, 4, 3, 0, 0, 100, 7, 0}));
  EXPECT_EQ(cost.writes[1]->code, (std::vector<int64_t>{1, 0, 0, 3, 2, 0}));
  const artifact::PairCostT &pairs = *cost.pairs[0];
  EXPECT_EQ(pairs.kind, artifact::PairKind_Cached);
  EXPECT_EQ(pairs.window, 3);
  EXPECT_EQ(pairs.sequences, 1u);
  EXPECT_EQ(pairs.positions, 0u);
  EXPECT_EQ(pairs.flops, 2);
  EXPECT_EQ(pairs.keys, 1u);
  EXPECT_EQ(pairs.values, 0u);
  EXPECT_EQ(pairs.key_bytes, 4);
  EXPECT_EQ(pairs.value_bytes, 5);
}

TEST_F(ArtifactEmitterTest, WritesWhatMultiplyAddsTake) {
  ASSERT_TRUE(emit("machine").isOk());
  artifact::ProgramT program = readProgram();
  EXPECT_EQ(program.kernels[0]->cost->arithmetic, artifact::Arithmetic_Bytes);
  EXPECT_EQ(program.kernels[2]->cost->arithmetic, artifact::Arithmetic_BF16);
  EXPECT_EQ(program.kernels[3]->cost->arithmetic, artifact::Arithmetic_F32);
}

TEST_F(ArtifactEmitterTest, LeavesOutACostThatTheSchemaCannotHold) {
  ASSERT_TRUE(emit("machine").isOk());
  EXPECT_EQ(readProgram().kernels[1]->cost, nullptr);
}

TEST_F(ArtifactEmitterTest, GivesTheSameBytesAgain) {
  ASSERT_TRUE(emit("machine").isOk());
  std::string first = bytes();
  for (unsigned threads : {1, 2}) {
    ASSERT_TRUE(emit("machine", threads).isOk());
    EXPECT_EQ(bytes(), first) << threads;
  }
}

TEST_F(ArtifactEmitterTest, RefusesATargetWithoutCode) {
  Status status = emit("another");
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_EQ(status.message(), "rt.target @machine: there is no code for it");
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
