//===- Decoder.cpp - Token ids to text ------------------------------------===//
//
// Each step takes the tokens that the step before it made, one by one, and may
// hold some back. So there is one decoder, and one-shot decoding is streaming
// to the end.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tables.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <utility>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

struct StreamDecoder::State {
  /// What a step remembers from one token to the next.
  struct StepState {
    std::string held;
    /// Of `held`: bytes that were passed on, and go once the token is through.
    size_t passed = 0;
    uint64_t count = 0; ///< Tokens seen; DecodeStrip: characters cut.
    bool isOpen = false;
  };

  /// Takes a token in whole: if memory runs out in its middle, the decoder is
  /// as it was. Runs of bytes, which alone are long, are not copied for it:
  /// steps append to them or mark them as passed on.
  class Transaction {
  public:
    explicit Transaction(State &state);
    ~Transaction();
    void commit();

  private:
    State &state;
    bool isCommitted = false;
  };

  State(std::shared_ptr<const Tables> tables, bool skipSpecial)
      : tables(std::move(tables)), skipSpecial(skipSpecial),
        steps(this->tables->decoders.size()) {}

  void push(size_t stepIndex, std::string_view token);
  void finish(size_t stepIndex);
  void emit(std::string_view token);
  void decodeWordPiece(size_t stepIndex, std::string_view token);
  void decodeMetaspace(size_t stepIndex, std::string_view token);
  void decodeBytes(size_t stepIndex, std::string_view token);
  void flushBytes(size_t stepIndex);
  void strip(size_t stepIndex, std::string_view token);
  void stripFused(size_t stepIndex, std::string_view token);

  std::shared_ptr<const Tables> tables;
  bool skipSpecial;
  std::vector<StepState> steps;
  std::string pending; ///< Bytes of a character whose end is missing.
  std::string out;
  /// What a transaction began with; `passed` is the length of a run of bytes.
  std::vector<StepState> saved;
  std::string savedPending;
};

StreamDecoder::State::Transaction::Transaction(State &state) : state(state) {
  state.saved.resize(state.steps.size());
  for (size_t i = 0; i < state.steps.size(); ++i) {
    const StepState &step = state.steps[i];
    StepState &saved = state.saved[i];
    saved.passed = step.held.size();
    saved.count = step.count;
    saved.isOpen = step.isOpen;
    if (StepKind(state.tables->decoders[i].kind) !=
        StepKind::DecodeByteFallback)
      saved.held = step.held;
  }
  state.savedPending = state.pending;
  state.out.clear();
}

StreamDecoder::State::Transaction::~Transaction() {
  if (isCommitted)
    return;
  state.pending.swap(state.savedPending);
  for (size_t i = 0; i < state.steps.size(); ++i) {
    StepState &step = state.steps[i];
    StepState &saved = state.saved[i];
    if (StepKind(state.tables->decoders[i].kind) ==
        StepKind::DecodeByteFallback)
      step.held.resize(saved.passed);
    else
      step.held.swap(saved.held);
    step.passed = 0;
    step.count = saved.count;
    step.isOpen = saved.isOpen;
  }
}

void StreamDecoder::State::Transaction::commit() {
  for (StepState &step : state.steps)
    if (std::exchange(step.passed, 0) > 0)
      step.held.clear();
  isCommitted = true;
}

static std::string replaceAll(std::string_view text, std::string_view pattern,
                              std::string_view content) {
  std::string out;
  size_t done = 0;
  for (size_t at = text.find(pattern); at != std::string_view::npos;
       at = text.find(pattern, done)) {
    out += text.substr(done, at - done);
    out += content;
    done = at + pattern.size();
  }
  out += text.substr(done);
  return out;
}

/// What BERT's decoder does to the spaces around punctuation, in each token.
static std::string cleanUp(std::string token) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [pattern, content] : kRules)
    token = replaceAll(token, pattern, content);
  return token;
}

/// The byte that \p token, "<0x0A>" or such, stands for, or -1.
static int byteOf(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>')
    return -1;
  int value = 0;
  for (char c : token.substr(3, 2)) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

void StreamDecoder::State::decodeWordPiece(size_t stepIndex,
                                           std::string_view token) {
  const Step &step = tables->decoders[stepIndex];
  std::string_view prefix = tables->string(step.text);
  std::string text;
  if (steps[stepIndex].count++ > 0) {
    if (token.starts_with(prefix))
      token.remove_prefix(prefix.size());
    else
      text = " ";
  }
  text += token;
  push(stepIndex + 1, step.number ? cleanUp(std::move(text)) : text);
}

void StreamDecoder::State::decodeMetaspace(size_t stepIndex,
                                           std::string_view token) {
  const Step &step = tables->decoders[stepIndex];
  bool dropped = steps[stepIndex].count++ == 0 &&
                 MetaspaceScheme(step.number) != MetaspaceScheme::Never;
  push(stepIndex + 1,
       replaceAll(token, tables->string(step.text), dropped ? "" : " "));
}

void StreamDecoder::State::decodeBytes(size_t stepIndex,
                                       std::string_view token) {
  int byte = byteOf(token);
  if (byte >= 0) {
    steps[stepIndex].held += char(byte);
    return;
  }
  flushBytes(stepIndex);
  push(stepIndex + 1, token);
}

/// Passes on the bytes held, which are text as a whole or not at all.
void StreamDecoder::State::flushBytes(size_t stepIndex) {
  std::string_view held = steps[stepIndex].held;
  steps[stepIndex].passed = held.size();
  if (held.empty())
    return;
  if (isUtf8(held))
    return push(stepIndex + 1, held);
  for (size_t i = 0; i < held.size(); ++i)
    push(stepIndex + 1, "\uFFFD");
}

/// Cuts up to `number` characters off the start of \p token and `number2` off
/// its end.
void StreamDecoder::State::strip(size_t stepIndex, std::string_view token) {
  const Step &step = tables->decoders[stepIndex];
  std::string_view content = tables->string(step.text);
  for (uint32_t i = 0; i < step.number && token.starts_with(content); ++i)
    token.remove_prefix(content.size());
  for (uint32_t i = 0; i < step.number2 && token.ends_with(content); ++i)
    token.remove_suffix(content.size());
  push(stepIndex + 1, token);
}

/// The same for a text that comes in parts: counts what it has cut off the
/// start, and holds back what may be the end.
void StreamDecoder::State::stripFused(size_t stepIndex,
                                      std::string_view token) {
  const Step &step = tables->decoders[stepIndex];
  std::string_view content = tables->string(step.text);
  StepState &state = steps[stepIndex];
  while (!state.isOpen && !token.empty()) {
    if (state.count < step.number && token.starts_with(content)) {
      token.remove_prefix(content.size());
      ++state.count;
      continue;
    }
    state.isOpen = true;
  }
  std::string text = std::move(state.held);
  text += token;
  size_t kept = text.size();
  for (uint32_t i = 0; i < step.number2; ++i) {
    if (!std::string_view(text).substr(0, kept).ends_with(content))
      break;
    kept -= content.size();
  }
  state.held = text.substr(kept);
  text.resize(kept);
  if (!text.empty())
    push(stepIndex + 1, text);
}

void StreamDecoder::State::push(size_t stepIndex, std::string_view token) {
  if (stepIndex == tables->decoders.size())
    return emit(token);
  const Step &step = tables->decoders[stepIndex];
  switch (StepKind(step.kind)) {
  case StepKind::DecodeWordPiece:
    return decodeWordPiece(stepIndex, token);
  case StepKind::DecodeMetaspace:
    return decodeMetaspace(stepIndex, token);
  case StepKind::DecodeByteFallback:
    return decodeBytes(stepIndex, token);
  case StepKind::DecodeStrip:
    return step.invert ? stripFused(stepIndex, token) : strip(stepIndex, token);
  case StepKind::DecodeReplace:
    return push(stepIndex + 1, replaceAll(token, tables->string(step.text),
                                          tables->string(step.content)));
  case StepKind::DecodeJoin:
    if (steps[stepIndex].count++ > 0)
      emit(" ");
    return push(stepIndex + 1, token);
  default:
    // DecodeBytes: token texts are bytes already. DecodeFuse: DecodeStrip is
    // told by its `invert` that it comes after one.
    return push(stepIndex + 1, token);
  }
}

void StreamDecoder::State::finish(size_t stepIndex) {
  for (; stepIndex < steps.size(); ++stepIndex)
    if (StepKind(tables->decoders[stepIndex].kind) ==
        StepKind::DecodeByteFallback)
      flushBytes(stepIndex);
}

/// Writes whole characters and keeps the begun one.
void StreamDecoder::State::emit(std::string_view token) {
  if (pending.empty() && isAscii(token)) {
    out += token;
    return;
  }
  pending += token;
  size_t complete = completeUtf8(pending);
  appendValidUtf8(out, std::string_view(pending).substr(0, complete));
  pending.erase(0, complete);
}

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial)
    : state(std::make_unique<State>(tokenizer.tables, skipSpecial)) {}
StreamDecoder::StreamDecoder(StreamDecoder &&) noexcept = default;
StreamDecoder &StreamDecoder::operator=(StreamDecoder &&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(int32_t id) {
  const Tables &tables = *state->tables;
  if (id < 0 || uint32_t(id) >= tables.config->vocabSize)
    return std::string();
  uint8_t flags = tables.tokenFlags[id];
  if (!(flags & kPresent) || ((flags & kSpecial) && state->skipSpecial))
    return std::string();
  State::Transaction transaction(*state);
  state->push(0, tables.decodedToken(id));
  transaction.commit();
  return std::move(state->out);
}

std::string StreamDecoder::finish() {
  State::Transaction transaction(*state);
  state->finish(0);
  appendValidUtf8(state->out, state->pending);
  transaction.commit();
  state->pending.clear();
  // A fused strip drops what it holds: it is the end.
  for (State::StepState &step : state->steps)
    step = State::StepState();
  return std::move(state->out);
}
