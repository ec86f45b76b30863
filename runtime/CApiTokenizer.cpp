//===- CApiTokenizer.cpp - Tokenizers and streams in the C interface ------===//

#include "runtime/CApi.h"

using namespace lathe::runtime;

static lathe_status_t reportNoTokenizer(const lathe_model_t *model) {
  return report(Status::error(StatusCode::NotFound,
                              model->model->artifact().name() +
                                  ": has no tokenizer (give token ids)"));
}

lathe_status_t lathe_tokenizer_encode(const lathe_model_t *model,
                                      const char *text, size_t bytes,
                                      uint32_t flags, int32_t *ids,
                                      size_t capacity, size_t *count) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(count);
  if ((!text && bytes > 0) || (!ids && capacity > 0))
    return reportInvalid("text or ids is null");
  const Tokenizer *tokenizer = model->model->tokenizer();
  if (!tokenizer)
    return reportNoTokenizer(model);
  EncodeOptions options;
  options.addSpecial = flags & LATHE_ADD_SPECIAL;
  options.parseSpecial = !(flags & LATHE_NO_PARSE_SPECIAL);
  std::vector<int32_t> found;
  Status status = tokenizer->encode(bytes > 0 ? std::string_view(text, bytes)
                                              : std::string_view(),
                                    options, found);
  if (!status.isOk())
    return report(status);
  *count = found.size();
  std::copy_n(found.begin(), std::min(capacity, found.size()), ids);
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_tokenizer_decode(const lathe_model_t *model,
                                      const int32_t *ids, size_t count,
                                      uint32_t flags, char *text,
                                      size_t capacity, size_t *bytes) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(bytes);
  if ((!ids && count > 0) || (!text && capacity > 0))
    return reportInvalid("ids or text is null");
  const Tokenizer *tokenizer = model->model->tokenizer();
  if (!tokenizer)
    return reportNoTokenizer(model);
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= tokenizer->vocabSize())
      return report(Status::error(StatusCode::InvalidArgument,
                                  "ids: id " + std::to_string(ids[i]) + " at " +
                                      std::to_string(i) +
                                      " is outside the vocabulary of " +
                                      std::to_string(tokenizer->vocabSize())));
  std::string decoded =
      tokenizer->decode({ids, count}, flags & LATHE_SKIP_SPECIAL);
  *bytes = decoded.size();
  std::copy_n(decoded.begin(), std::min(capacity, decoded.size()), text);
  return LATHE_OK;
}
LATHE_CATCH

size_t lathe_tokenizer_size(const lathe_model_t *model) {
  if (!model || !model->model->tokenizer())
    return 0;
  return static_cast<size_t>(model->model->tokenizer()->vocabSize());
}

lathe_status_t lathe_stream_create(const lathe_model_t *model, uint32_t flags,
                                   lathe_stream_t **stream) try {
  LATHE_REQUIRE(model);
  LATHE_REQUIRE(stream);
  *stream = nullptr;
  if (!model->model->tokenizer())
    return reportNoTokenizer(model);
  *stream = new lathe_stream_t{
      model->model,
      StreamDecoder(*model->model->tokenizer(), flags & LATHE_SKIP_SPECIAL),
      {}};
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_stream_push(lathe_stream_t *stream, int32_t id,
                                 const char **text, size_t *bytes) try {
  LATHE_REQUIRE(stream);
  LATHE_REQUIRE(text);
  LATHE_REQUIRE(bytes);
  stream->text = stream->decoder.push(id);
  *text = stream->text.c_str();
  *bytes = stream->text.size();
  return LATHE_OK;
}
LATHE_CATCH

lathe_status_t lathe_stream_finish(lathe_stream_t *stream, const char **text,
                                   size_t *bytes) try {
  LATHE_REQUIRE(stream);
  LATHE_REQUIRE(text);
  LATHE_REQUIRE(bytes);
  stream->text = stream->decoder.finish();
  *text = stream->text.c_str();
  *bytes = stream->text.size();
  return LATHE_OK;
}
LATHE_CATCH

void lathe_stream_free(lathe_stream_t *stream) { delete stream; }
