//===- Rope.cpp - Frequencies of rotary position embedding ----------------===//

#include "frontend/models/Rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lathe;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Elements of a head that are rotated, two for each frequency.
static int64_t rotatedSize(const TransformerConfig &config) {
  return int64_t(double(config.headSize) * config.rope->partialFactor);
}

static int64_t pairCount(const TransformerConfig &config) {
  return (rotatedSize(config) + 1) / 2;
}

static std::optional<RopeKind> kindFromName(std::string_view name) {
  if (name == "default")
    return RopeKind::Default;
  if (name == "linear")
    return RopeKind::Linear;
  if (name == "dynamic")
    return RopeKind::Dynamic;
  if (name == "llama3")
    return RopeKind::Llama3;
  if (name == "yarn")
    return RopeKind::Yarn;
  if (name == "longrope")
    return RopeKind::LongRope;
  return std::nullopt;
}

/// Phi3's first configs called longrope "su", and once "yarn".
static std::string kindName(ConfigReader &part, const std::string &family) {
  auto today = [&](const std::string &name) {
    bool isOld = family == "phi3" && (name == "su" || name == "yarn");
    return isOld ? "longrope" : name;
  };
  std::string type = part.text("type", "default");
  std::string name = part.text("rope_type", type);
  // Readers differ in which of the two they take.
  if (part.has("type") && today(type) != today(name))
    part.fail("type", "is \"" + type + "\", but rope_type is \"" + name +
                          "\" (keep the one that is meant)");
  return today(name);
}

static void readYarn(ConfigReader &part, RopeConfig &rope) {
  rope.attentionFactor = part.optionalPositive("attention_factor");
  rope.mscale = part.number("mscale", 0.0, 0.0, 1e6);
  rope.mscaleAllDim = part.number("mscale_all_dim", 0.0, 0.0, 1e6);
  rope.betaFast = part.number("beta_fast", 0.0, 0.0, 1e6);
  rope.betaSlow = part.number("beta_slow", 0.0, 0.0, 1e6);
  // Zero counts as left out in the reference.
  if (rope.betaFast == 0.0)
    rope.betaFast = 32.0;
  if (rope.betaSlow == 0.0)
    rope.betaSlow = 1.0;
  rope.truncate = part.boolean("truncate", true);
}

/// Reads what belongs to the kind. \p trained is the length of the first
/// training, as the config gives it beside the rope fields.
static void readKind(ConfigReader &part, TransformerConfig &config,
                     std::optional<int64_t> trained) {
  RopeConfig &rope = *config.rope;
  rope.originalContext = trained.value_or(
      part.integer("original_max_position_embeddings", config.context));
  part.ignore({"original_max_position_embeddings"});
  switch (rope.kind) {
  case RopeKind::Default:
    part.ignore({"factor"});
    return;
  case RopeKind::Linear:
  case RopeKind::Dynamic:
    if (!part.has("factor"))
      part.fail("factor", "expected a number, there is none");
    rope.factor = part.positive("factor", 1.0);
    return;
  case RopeKind::Llama3:
    for (std::string_view key :
         {"factor", "low_freq_factor", "high_freq_factor"})
      if (!part.has(key))
        part.fail(key, "expected a number, there is none");
    rope.factor = part.positive("factor", 1.0);
    rope.lowFrequencyFactor = part.positive("low_freq_factor", 1.0);
    rope.highFrequencyFactor = part.positive("high_freq_factor", 4.0);
    if (rope.highFrequencyFactor <= rope.lowFrequencyFactor)
      part.fail("high_freq_factor", "expected more than low_freq_factor, " +
                                        numberText(rope.lowFrequencyFactor) +
                                        ", got " +
                                        numberText(rope.highFrequencyFactor));
    return;
  case RopeKind::Yarn:
  case RopeKind::LongRope:
    rope.factor = part.positive("factor", double(config.context) /
                                              double(rope.originalContext));
    if (rope.kind == RopeKind::Yarn)
      return readYarn(part, rope);
    rope.attentionFactor = part.optionalPositive("attention_factor");
    rope.shortFactors = part.positives("short_factor", pairCount(config));
    rope.longFactors = part.positives("long_factor", pairCount(config));
    // Phi3's configs carry these beside attention_factor; nothing reads them.
    part.ignore({"short_mscale", "long_mscale"});
    return;
  }
}

void lathe::readRope(ConfigReader &reader, TransformerConfig &config,
                     double defaultTheta) {
  RopeConfig &rope = config.rope.emplace();
  rope.theta = reader.positive("rope_theta", defaultTheta);
  rope.partialFactor = reader.number("partial_rotary_factor", 1.0, 0.0, 1.0);
  std::optional<int64_t> trained;
  if (config.family == "phi3")
    trained = reader.integer("original_max_position_embeddings", 4096);

  std::string_view key = reader.firstOf({"rope_scaling", "rope_parameters"});
  reader.ignore({"rope_scaling", "rope_parameters"});
  std::optional<ConfigReader> part = reader.object(key);
  if (part && part->isOk()) {
    std::string name = kindName(*part, config.family);
    std::optional<RopeKind> kind = kindFromName(name);
    if (!kind)
      part->unsupported(part->firstOf({"rope_type", "type"}),
                        "rope of kind \"" + name + "\" is not supported");
    rope.kind = kind.value_or(RopeKind::Default);
    rope.theta = part->positive("rope_theta", rope.theta);
    // Says how the model was trained.
    part->ignore({"finetuned"});
    rope.partialFactor =
        part->number("partial_rotary_factor", rope.partialFactor, 0.0, 1.0);
  }
  if (rope.partialFactor != 1.0 && config.family != "phi3")
    reader.unsupported("partial_rotary_factor",
                       "is not supported in the family " + config.family);
  if (rotatedSize(config) < 2 || 2 * pairCount(config) > config.headSize)
    reader.fail("head_dim", "rope rotates pairs, but it is given " +
                                std::to_string(rotatedSize(config)) +
                                " elements of a head of " +
                                std::to_string(config.headSize));
  if (part) {
    if (part->isOk() && reader.isOk())
      readKind(*part, config, trained);
    for (const std::string &left : part->unread())
      part->unsupported(left, "is not known for this kind of rope");
    reader.merge(*part);
  }
}

/// The theta of dynamic rope for \p context positions, in f32 step by step as
/// the reference computes it from the length of a call.
static double dynamicTheta(const TransformerConfig &config, int64_t context) {
  const RopeConfig &rope = *config.rope;
  if (context <= config.context)
    return rope.theta;
  double size = double(rotatedSize(config));
  float stretch = float(rope.factor) * float(context) / float(config.context) -
                  float(rope.factor - 1.0);
  float power =
      float(std::pow(double(stretch), double(float(size / (size - 2.0)))));
  return double(float(rope.theta) * power);
}

/// theta^(2i / D) for each pair, as the reference computes it in f32.
static std::vector<float> thetaPowers(const TransformerConfig &config,
                                      double theta) {
  int64_t size = rotatedSize(config);
  std::vector<float> powers(pairCount(config));
  for (size_t i = 0; i < powers.size(); ++i) {
    float exponent = float(2 * i) / float(size);
    powers[i] = float(std::pow(double(float(theta)), double(exponent)));
  }
  return powers;
}

static void scaleLlama3(const RopeConfig &rope, std::vector<float> &f) {
  float original = float(rope.originalContext);
  float low = float(rope.lowFrequencyFactor);
  float high = float(rope.highFrequencyFactor);
  float factor = float(rope.factor);
  float lowWavelength = float(double(original) / rope.lowFrequencyFactor);
  float highWavelength = float(double(original) / rope.highFrequencyFactor);
  float range = float(rope.highFrequencyFactor - rope.lowFrequencyFactor);
  for (float &frequency : f) {
    float wavelength = float(2.0 * std::numbers::pi) / frequency;
    if (wavelength > lowWavelength) {
      frequency = frequency / factor;
      continue;
    }
    if (wavelength < highWavelength || high == low)
      continue;
    float smooth = (original / wavelength - low) / range;
    frequency = (1.0f - smooth) * frequency / factor + smooth * frequency;
  }
}

/// The pair whose wave turns \p rotations times over the first training.
static double correctionPair(const RopeConfig &rope, int64_t size,
                             double rotations) {
  return double(size) *
         std::log(double(rope.originalContext) /
                  (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(rope.theta));
}

static double yarnMagnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

static void scaleYarn(const TransformerConfig &config,
                      const std::vector<float> &powers, RopeFrequencies &result,
                      std::vector<float> &f) {
  const RopeConfig &rope = *config.rope;
  int64_t size = rotatedSize(config);
  double low = correctionPair(rope, size, rope.betaFast);
  double high = correctionPair(rope, size, rope.betaSlow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(size - 1));
  if (low == high)
    high += 0.001;
  for (size_t i = 0; i < f.size(); ++i) {
    float ramp = (float(i) - float(low)) / float(high - low);
    float keep = 1.0f - std::clamp(ramp, 0.0f, 1.0f);
    float interpolated = 1.0f / (float(rope.factor) * powers[i]);
    f[i] = interpolated * (1.0f - keep) + f[i] * keep;
  }
  result.scale = rope.attentionFactor.value_or(
      rope.mscale != 0.0 && rope.mscaleAllDim != 0.0
          ? yarnMagnitude(rope.factor, rope.mscale) /
                yarnMagnitude(rope.factor, rope.mscaleAllDim)
          : yarnMagnitude(rope.factor, 1.0));
}

static std::vector<float> longFrequencies(const RopeConfig &rope,
                                          int64_t context,
                                          const std::vector<float> &powers) {
  const std::vector<double> &factors =
      context > rope.originalContext ? rope.longFactors : rope.shortFactors;
  std::vector<float> f(powers.size());
  for (size_t i = 0; i < f.size(); ++i)
    f[i] = 1.0f / (float(factors[i]) * powers[i]);
  return f;
}

static double longScale(const RopeConfig &rope) {
  double stretch = 1.0;
  if (rope.factor > 1.0)
    stretch = std::sqrt(1.0 + std::log(rope.factor) /
                                  std::log(double(rope.originalContext)));
  return rope.attentionFactor.value_or(stretch);
}

int64_t lathe::ropeContext(const TransformerConfig &config) {
  if (config.rope && config.rope->kind == RopeKind::LongRope)
    return std::min(config.context, config.rope->originalContext);
  return config.context;
}

std::string lathe::ropeNote(const TransformerConfig &config, int64_t context) {
  if (!config.rope || context <= ropeContext(config))
    return {};
  std::string bound = std::to_string(ropeContext(config));
  if (config.rope->kind == RopeKind::LongRope)
    return "for a context of " + std::to_string(context) +
           " sequences of every length take the long factors (up to " + bound +
           " they take the short ones)";
  if (config.rope->kind == RopeKind::Dynamic)
    return "for a context of " + std::to_string(context) +
           " sequences of every length are stretched as one of " +
           std::to_string(context) + " (up to " + bound + " none is)";
  return {};
}

static Status noFrequencies(const TransformerConfig &config) {
  return Status::error(StatusCode::InvalidFile,
                       config.file + ": rope_scaling: gives frequencies that "
                                     "are no finite numbers");
}

Result<RopeFrequencies> lathe::ropeFrequencies(const TransformerConfig &config,
                                               int64_t context) {
  const RopeConfig &rope = *config.rope;
  double theta = rope.kind == RopeKind::Dynamic ? dynamicTheta(config, context)
                                                : rope.theta;
  // A head of two elements has no exponent D / (D - 2).
  if (!std::isfinite(theta))
    return noFrequencies(config);
  RopeFrequencies result;
  std::vector<float> powers = thetaPowers(config, theta);
  std::vector<float> f(powers.size());
  std::transform(powers.begin(), powers.end(), f.begin(),
                 [](float power) { return 1.0f / power; });
  if (rope.kind == RopeKind::Linear)
    for (float &frequency : f)
      frequency /= float(rope.factor);
  if (rope.kind == RopeKind::Llama3)
    scaleLlama3(rope, f);
  if (rope.kind == RopeKind::Yarn)
    scaleYarn(config, powers, result, f);
  if (rope.kind == RopeKind::LongRope) {
    f = longFrequencies(rope, context, powers);
    result.scale = longScale(rope);
  }
  for (size_t i = 0; i < rope.divisors.size(); ++i)
    f[i] /= float(rope.divisors[i]);
  result.frequencies.assign(f.begin(), f.end());
  for (double frequency : result.frequencies)
    if (!std::isfinite(frequency) || !std::isfinite(result.scale))
      return noFrequencies(config);
  return result;
}
