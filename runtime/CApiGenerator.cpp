//===- CApiGenerator.cpp - Generators in the C interface ------------------===//

#include "runtime/CApi.h"

using namespace lathe::runtime;

lathe_status_t lathe_generator_create(lathe_context_t *context,
                                      lathe_generator_t **generator) try {
  LATHE_REQUIRE(context);
  LATHE_REQUIRE(generator);
  *generator = nullptr;
  Result<std::unique_ptr<Generator>> made =
      Generator::create(*context->context);
  if (!made.isOk())
    return report(made.status());
  auto owner = std::make_unique<lathe_generator_t>();
  owner->generator = std::move(*made);
  owner->tokens.reserve(owner->generator->mostResults());
  *generator = owner.release();
  return LATHE_OK;
}
LATHE_CATCH

void lathe_generator_free(lathe_generator_t *generator) { delete generator; }

lathe_status_t lathe_generator_add(lathe_generator_t *generator,
                                   const lathe_request_t *given,
                                   int64_t *sequence) try {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(given);
  LATHE_REQUIRE(sequence);
  lathe_request_t source;
  if (!readStruct(given, source))
    return reportInvalid("request: struct_size is not set (use LATHE_INIT)");
  if ((!source.prompt && source.prompt_count > 0) ||
      (!source.stop_strings && source.stop_string_count > 0) ||
      (!source.stop_ids && source.stop_id_count > 0))
    return reportInvalid("request: a list is null");
  GenerationRequest request;
  if (source.prompt_count > 0)
    request.prompt.assign(source.prompt, source.prompt + source.prompt_count);
  request.maxTokens = source.max_tokens;
  const lathe_sampling_t &sampling = source.sampling;
  request.sampling = {sampling.temperature,
                      sampling.top_k,
                      sampling.top_p,
                      sampling.min_p,
                      sampling.repetition_penalty,
                      sampling.seed};
  for (size_t i = 0; i < source.stop_string_count; ++i) {
    LATHE_REQUIRE(source.stop_strings[i]);
    request.stopStrings.emplace_back(source.stop_strings[i]);
  }
  if (source.stop_id_count > 0)
    request.stopIds.assign(source.stop_ids,
                           source.stop_ids + source.stop_id_count);
  request.ignoreEos = source.ignore_eos;
  request.keepSpecial = source.keep_special;
  Result<int64_t> number = generator->generator->add(std::move(request));
  if (!number.isOk())
    return report(number.status());
  *sequence = *number;
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_generator_remove(lathe_generator_t *generator,
                                      int64_t sequence) try {
  LATHE_REQUIRE(generator);
  return report(generator->generator->remove(sequence));
}
LATHE_CATCH

size_t lathe_generator_active(const lathe_generator_t *generator) {
  return generator ? generator->generator->active() : 0;
}

lathe_status_t lathe_generator_step(lathe_generator_t *generator,
                                    const lathe_token_t **tokens,
                                    size_t *count) try {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(tokens);
  LATHE_REQUIRE(count);
  *count = 0;
  Result<std::span<const GeneratedToken>> results =
      generator->generator->step();
  if (!results.isOk())
    return report(results.status());
  generator->tokens.clear();
  for (const GeneratedToken &token : *results)
    generator->tokens.push_back({token.sequence, token.id,
                                 static_cast<lathe_finish_t>(token.finish),
                                 token.text.c_str(), token.text.size()});
  *tokens = generator->tokens.data();
  *count = generator->tokens.size();
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_generator_stats(const lathe_generator_t *generator,
                                     lathe_generator_stats_t *stats) try {
  LATHE_REQUIRE(generator);
  LATHE_REQUIRE(stats);
  const GenerationStats &source = generator->generator->stats();
  lathe_generator_stats_t result = {};
  result.prompt_tokens = source.promptTokens;
  result.new_tokens = source.newTokens;
  result.steps = source.steps;
  result.prompt_nanoseconds = source.promptNanoseconds;
  result.decode_nanoseconds = source.decodeNanoseconds;
  result.decode_tokens = source.decodeTokens;
  return writeStruct(result, stats);
}
LATHE_CATCH
