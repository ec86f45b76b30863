//===- TokenizerJsonDecoder.cpp - Reads the decoder of tokenizer.json -----===//
#include "runtime/text/TokenizerJsonSteps.h"

#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static Status readDecodeStrip(JsonValue value, SpecStep &step) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"type", "content", "start", "stop"}));
  step.kind = StepKind::DecodeStrip;
  Result<std::string_view> content = value.get<std::string_view>("content");
  if (!content.isOk())
    return content.takeStatus();
  if (content->empty())
    return value.error("content: is empty");
  step.text = *content;
  Result<uint64_t> start = value.get<uint64_t>("start");
  if (!start.isOk())
    return start.takeStatus();
  Result<uint64_t> stop = value.get<uint64_t>("stop");
  if (!stop.isOk())
    return stop.takeStatus();
  if (*start > 1024 || *stop > 1024)
    return value.error("start, stop: more than 1024", StatusCode::Unsupported);
  step.number = uint32_t(*start);
  step.number2 = uint32_t(*stop);
  return Status::ok();
}

static Status readDecoderStep(JsonValue value, std::string_view type,
                              TokenizerSpec &spec, SpecStep &step) {
  if (type == "ByteFallback") {
    step.kind = StepKind::DecodeByteFallback;
    return expectOnly(value, {"type"});
  }
  if (type == "Fuse") {
    step.kind = StepKind::DecodeFuse;
    return expectOnly(value, {"type"});
  }
  if (type == "Replace")
    return readReplace(value, StepKind::DecodeReplace, spec, step);
  if (type == "Strip")
    return readDecodeStrip(value, step);
  if (type == "Metaspace") {
    Result<Metaspace> metaspace = readMetaspace(value);
    if (!metaspace.isOk())
      return metaspace.takeStatus();
    step.kind = StepKind::DecodeMetaspace;
    step.number = uint32_t(metaspace->scheme);
    step.text = metaspace->replacement;
    return Status::ok();
  }
  if (type == "WordPiece") {
    LATHE_RETURN_IF_ERROR(expectOnly(value, {"type", "prefix", "cleanup"}));
    Result<std::string_view> prefix =
        value.get<std::string_view>("prefix", "##");
    if (!prefix.isOk())
      return prefix.takeStatus();
    Result<bool> cleanup = value.get<bool>("cleanup", true);
    if (!cleanup.isOk())
      return cleanup.takeStatus();
    step.kind = StepKind::DecodeWordPiece;
    step.text = *prefix;
    step.number = *cleanup;
    return Status::ok();
  }
  return refuseType(value, type);
}

Status text::readDecoder(JsonValue value, TokenizerSpec &spec) {
  Result<std::string_view> type = value.get<std::string_view>("type");
  if (!type.isOk())
    return type.takeStatus();
  if (*type == "Sequence")
    return readSequence(value, "decoders", readDecoder, spec);
  bool isFused = false;
  for (const SpecStep &step : spec.decoders) {
    if (step.kind == StepKind::DecodeBytes)
      return value.error(std::string(*type) +
                             " after ByteLevel is not supported",
                         StatusCode::Unsupported);
    isFused |= step.kind == StepKind::DecodeFuse;
  }
  if (*type == "ByteLevel") {
    if (!spec.decoders.empty())
      return value.error("ByteLevel after another decoder is not supported",
                         StatusCode::Unsupported);
    spec.decoders.push_back({StepKind::DecodeBytes});
    return expectOnly(
        value, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  }
  SpecStep step{StepKind::DecodeFuse};
  LATHE_RETURN_IF_ERROR(readDecoderStep(value, *type, spec, step));
  // After Fuse there is one token, of which the parts come one by one.
  if (isFused && step.kind != StepKind::DecodeStrip &&
      step.kind != StepKind::DecodeFuse)
    return value.error(std::string(*type) + " after Fuse is not supported",
                       StatusCode::Unsupported);
  step.invert = isFused;
  spec.decoders.push_back(std::move(step));
  return Status::ok();
}
