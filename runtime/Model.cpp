//===- Model.cpp - An artifact with its code, ready for contexts ----------===//

#include "runtime/Model.h"

#include "runtime/ProgramTables.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>
#include <cstdlib>

using namespace lathe::runtime;

Model::~Model() = default;

/// \p status with the file's name before its message.
static Status inFile(const Artifact &artifact, Status status) {
  return Status::error(status.code(),
                       artifact.name() + ": " + status.message());
}

/// The target that the user asks for, or empty.
static std::string wantedTarget(const ModelOptions &options) {
  if (!options.target.empty() || options.device != "cpu")
    return options.target;
  const char *forced = std::getenv("LATHE_CPU");
  return forced ? forced : "";
}

Result<std::shared_ptr<const Model>>
Model::create(std::shared_ptr<const Artifact> artifact,
              const ModelOptions &options) {
  std::shared_ptr<Model> model(new Model());
  model->file = std::move(artifact);
  model->machine = findDevice(options.device);
  if (!model->machine)
    return Status::error(StatusCode::NotFound, "device '" + options.device +
                                                   "' is not in this build");
  for (Status (Model::*step)(const ModelOptions &) :
       {&Model::chooseTarget, &Model::loadKernels, &Model::mapWeights,
        &Model::loadTokenizer})
    if (Status status = (model.get()->*step)(options); !status.isOk())
      return inFile(*model->file, std::move(status));
  return std::shared_ptr<const Model>(std::move(model));
}

Status Model::chooseTarget(const ModelOptions &options) {
  std::vector<std::string_view> targets;
  for (const artifact::Target *target : *file->program().targets())
    targets.push_back(target->name()->string_view());
  Result<size_t> chosen = machine->chooseTarget(targets, wantedTarget(options));
  if (chosen.isOk())
    targetIndex = *chosen;
  return chosen.isOk() || options.inspectOnly ? Status::ok()
                                              : chosen.takeStatus();
}

Status Model::loadKernels(const ModelOptions &options) {
  if (options.inspectOnly)
    return Status::ok();
  const artifact::Program &program = file->program();
  std::vector<std::string_view> names;
  for (const artifact::Kernel *kernel : *program.kernels()) {
    size_t index = 0;
    while (index < kernel->code()->size() &&
           kernel->code()->Get(index)->target() != *targetIndex)
      ++index;
    if (index == kernel->code()->size())
      return Status::error(
          StatusCode::InvalidFile,
          "kernel '" + kernel->name()->str() + "': has no code for target '" +
              at(*program.targets(), *targetIndex)->name()->str() + "'");
    codeIndices.push_back(index);
    scratch =
        std::max<size_t>(scratch, kernel->code()->Get(index)->scratch_bytes());
    names.push_back(kernel->name()->string_view());
  }
  uint32_t section = at(*program.targets(), *targetIndex)->section();
  Result<std::unique_ptr<DeviceCode>> code =
      machine->loadCode(file->sectionBytes(section), names);
  if (!code.isOk())
    return code.takeStatus();
  kernels = std::move(*code);
  return Status::ok();
}

Status Model::mapWeights(const ModelOptions &options) {
  if (options.inspectOnly)
    return Status::ok();
  size_t count = file->program().weights()->size();
  for (size_t i = 0; i < count; ++i) {
    Result<const std::byte *> address =
        machine->mapConstant(file->weightBytes(i));
    if (!address.isOk())
      return address.takeStatus();
    weights.push_back(*address);
  }
  return Status::ok();
}

Status Model::loadTokenizer(const ModelOptions &) {
  uint32_t section = file->program().tokenizer();
  if (section == 0)
    return Status::ok();
  Result<Tokenizer> loaded = Tokenizer::create(file->sectionBytes(section));
  if (!loaded.isOk())
    return loaded.takeStatus();
  words = std::make_unique<const Tokenizer>(std::move(*loaded));
  return Status::ok();
}
