//===- Generator.cpp - Text from a decoder's step entries -----------------===//

#include "runtime/Generator.h"

#include "runtime/ProgramTables.h"
#include "runtime/Sequence.h"

#include <algorithm>
#include <array>
#include <chrono>

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

/// The inputs of a step entry, in the order in which Batch fills them.
static constexpr std::array<const char *, 5> kInputNames = {
    "tokens", "positions", "sequences", "rows", "page_table"};

/// The flat list of one call. Its lists have room for the largest one, so that
/// only what comes of a call needs memory.
struct Generator::Batch {
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int32_t> slots;
  std::vector<int32_t> rows;
  std::vector<Sequence *> emitters; ///< Of each row.
  /// Sequences whose ids are in the list, and what was cached of them before.
  std::vector<std::pair<Sequence *, size_t>> advances;
  size_t promptTokens = 0;
  size_t taken = 0; ///< Rows whose ids were taken in.
  std::chrono::steady_clock::time_point start;

  void reserve(size_t mostTokens, size_t mostRows) {
    for (std::vector<int32_t> *list : {&tokens, &positions, &slots})
      list->reserve(mostTokens);
    advances.reserve(mostTokens);
    // A call has one row at least.
    rows.reserve(std::max<size_t>(mostRows, 1));
    emitters.reserve(mostRows);
  }

  void clear() {
    tokens.clear();
    positions.clear();
    slots.clear();
    rows.clear();
    emitters.clear();
    advances.clear();
    promptTokens = 0;
    taken = 0;
  }

  /// Takes back a call that did not end: its ids will be put in again.
  void undo() {
    for (auto [sequence, cached] : advances)
      sequence->cached = cached;
    clear();
  }
};

Generator::~Generator() = default;

static Status unsupported(const Context &context, std::string message) {
  return Status::error(StatusCode::Unsupported,
                       context.model().artifact().name() + ": " +
                           std::move(message));
}

/// The largest size of dimension \p dim of input \p input.
static int64_t largestDim(const Model &model, const artifact::Entry &entry,
                          size_t input, size_t dim) {
  uint32_t buffer =
      entry.inputs()->Get(static_cast<flatbuffers::uoffset_t>(input))->buffer();
  const artifact::Expression &size =
      *entry.buffers()->Get(buffer)->type()->dims()->Get(
          static_cast<flatbuffers::uoffset_t>(dim));
  return boundExpression(size, model.artifact().symbolRanges())->maximum;
}

/// Finds the inputs of a step entry by name and checks their shape.
static Status findInputs(const Context &context, const artifact::Entry &entry,
                         std::array<size_t, 5> &inputs) {
  std::string place = "entry '" + entry.name()->str() + "': ";
  if (entry.inputs()->size() != kInputNames.size() ||
      entry.outputs()->size() != 1)
    return unsupported(context, place + "has other inputs or outputs than "
                                        "tokens, positions, sequences, rows, "
                                        "page_table and one result");
  for (size_t i = 0; i < kInputNames.size(); ++i) {
    size_t found = 0;
    while (found < entry.inputs()->size() &&
           entry.inputs()
                   ->Get(static_cast<flatbuffers::uoffset_t>(found))
                   ->name()
                   ->string_view() != kInputNames[i])
      ++found;
    if (found == entry.inputs()->size())
      return unsupported(context,
                         place + "has no input '" + kInputNames[i] + "'");
    uint32_t buffer = entry.inputs()
                          ->Get(static_cast<flatbuffers::uoffset_t>(found))
                          ->buffer();
    const artifact::TensorType &type = *entry.buffers()->Get(buffer)->type();
    if (type.element() != artifact::ElementType_I32 ||
        type.dims()->size() != (i == 4 ? 2u : 1u))
      return unsupported(context, place + "input '" + kInputNames[i] +
                                      "' has another type than expected");
    inputs[i] = found;
  }
  return Status::ok();
}

Status Generator::findEntries() {
  const Model &model = context->model();
  const auto &entries = *model.program().entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    const artifact::Entry &entry =
        *entries.Get(static_cast<flatbuffers::uoffset_t>(i));
    bool isStep = entry.name()->string_view() == "step";
    bool isGreedy = entry.name()->string_view() == "step_greedy";
    if (!isStep && !isGreedy)
      continue;
    Step &step = isStep ? logitsStep : greedyStep;
    step.entry = i;
    LATHE_RETURN_IF_ERROR(findInputs(*context, entry, step.inputs));
    const artifact::TensorType &result =
        *entry.buffers()->Get(entry.outputs()->Get(0)->buffer())->type();
    artifact::ElementType element =
        isStep ? artifact::ElementType_F32 : artifact::ElementType_I32;
    if (result.element() != element ||
        result.dims()->size() != (isStep ? 2 : 1))
      return unsupported(*context, "entry '" + entry.name()->str() +
                                       "': has another result than expected");
    maxTokens = largestDim(model, entry, step.inputs[0], 0);
    maxRows = largestDim(model, entry, step.inputs[3], 0);
  }
  if (logitsStep.entry == SIZE_MAX)
    return unsupported(*context, "has no entry 'step': it cannot generate");
  return Status::ok();
}

Result<std::unique_ptr<Generator>> Generator::create(Context &context) {
  std::unique_ptr<Generator> generator(new Generator());
  generator->context = &context;
  LATHE_RETURN_IF_ERROR(generator->findEntries());
  const artifact::Program &program = context.model().program();
  generator->pagePositions = program.model()->page_positions();
  for (size_t i = 0; i < program.symbols()->size(); ++i) {
    std::string_view name = program.symbols()
                                ->Get(static_cast<flatbuffers::uoffset_t>(i))
                                ->name()
                                ->string_view();
    if (name == "slots")
      generator->slots = context.symbol(i);
    if (name == "slot_pages")
      generator->slotPages = context.symbol(i);
    if (name == "pages")
      generator->pages = context.symbol(i);
  }
  if (generator->slots < 1 || generator->slotPages < 1 ||
      generator->pages < 1 || generator->pagePositions < 1)
    return unsupported(context, "has no paged cache: it cannot generate");
  // Taken from the back, so the first sequence gets slot and page 0.
  for (int64_t page = generator->pages; page-- > 0;)
    generator->freePages.push_back(static_cast<int32_t>(page));
  for (int64_t slot = generator->slots; slot-- > 0;)
    generator->freeSlots.push_back(static_cast<int32_t>(slot));
  generator->pageTable.resize(
      static_cast<size_t>(generator->slots * generator->slotPages));
  generator->batch = std::make_unique<Batch>();
  generator->batch->reserve(static_cast<size_t>(generator->maxTokens),
                            generator->mostResults());
  generator->results.reserve(generator->mostResults());
  return generator;
}

size_t Generator::active() const {
  return static_cast<size_t>(
      std::count_if(sequences.begin(), sequences.end(),
                    [](const auto &sequence) { return !sequence->isOver; }));
}

/// Checks a request against vocabulary and context; gives it its length.
Status Generator::checkRequest(GenerationRequest &request) const {
  if (request.prompt.empty())
    return invalidArgument("prompt: is empty, at least one token is needed");
  int64_t vocabulary = context->model().program().model()->vocabulary();
  for (int32_t id : request.prompt)
    if (id < 0 || id >= vocabulary)
      return invalidArgument("prompt: holds id " + std::to_string(id) +
                             ", the vocabulary has " +
                             std::to_string(vocabulary));
  if (request.maxTokens < 0)
    return invalidArgument("max_tokens: is " +
                           std::to_string(request.maxTokens));

  int64_t capacity = std::min(context->positions(), slotPages * pagePositions);
  int64_t prompt = static_cast<int64_t>(request.prompt.size());
  if (prompt > capacity)
    return invalidArgument("prompt: has " + std::to_string(prompt) +
                           " tokens, the context holds " +
                           std::to_string(capacity));
  // The last token is never put into the cache.
  int64_t most = capacity - prompt + 1;
  if (request.maxTokens > most)
    return invalidArgument(
        "max_tokens: a prompt of " + std::to_string(prompt) + " and " +
        std::to_string(request.maxTokens) + " new tokens need " +
        std::to_string(prompt + request.maxTokens - 1) +
        " positions, the context holds " + std::to_string(capacity));
  if (request.maxTokens == 0)
    request.maxTokens = most;
  return Status::ok();
}

/// The sequence that \p request asks for, without its place in the cache.
Result<std::unique_ptr<Sequence>>
Generator::makeSequence(GenerationRequest &request) const {
  const Model &model = context->model();
  Result<Sampler> sampler =
      Sampler::create(request.sampling, model.program().model()->vocabulary());
  if (!sampler.isOk())
    return sampler.takeStatus();
  auto sequence = std::make_unique<Sequence>(std::move(*sampler));
  for (int32_t id : request.prompt)
    sequence->sampler.observe(id);
  sequence->ids = std::move(request.prompt);
  sequence->promptCount = sequence->ids.size();
  sequence->maxTokens = request.maxTokens;
  sequence->ids.reserve(sequence->promptCount +
                        static_cast<size_t>(request.maxTokens));
  sequence->stopIds = std::move(request.stopIds);
  if (const auto *eos = model.program().model()->eos_ids();
      eos && !request.ignoreEos)
    sequence->stopIds.insert(sequence->stopIds.end(), eos->begin(), eos->end());
  // An empty string would end every text before it begins.
  std::erase(request.stopStrings, std::string());
  sequence->stopStrings = std::move(request.stopStrings);
  if (model.tokenizer())
    sequence->decoder.emplace(*model.tokenizer(), !request.keepSpecial);
  return sequence;
}

Result<int64_t> Generator::add(GenerationRequest request) {
  LATHE_RETURN_IF_ERROR(checkRequest(request));
  int64_t positions =
      static_cast<int64_t>(request.prompt.size()) + request.maxTokens - 1;
  size_t needed =
      static_cast<size_t>((positions + pagePositions - 1) / pagePositions);
  if (freeSlots.empty() || freePages.size() < needed)
    return Status::error(
        StatusCode::ResourceExhausted,
        "the cache has " + std::to_string(freeSlots.size()) +
            " free slots and " + std::to_string(freePages.size()) +
            " free pages, 1 and " + std::to_string(needed) + " are needed");

  Result<std::unique_ptr<Sequence>> made = makeSequence(request);
  if (!made.isOk())
    return made.takeStatus();
  Sequence &sequence = **made;
  sequence.pages.resize(needed);
  sequences.push_back(std::move(*made));
  // Nothing is allocated from here on, so a sequence is in or it is not.
  sequence.number = nextSequence++;
  sequence.slot = freeSlots.back();
  freeSlots.pop_back();
  for (int32_t &page : sequence.pages) {
    page = freePages.back();
    freePages.pop_back();
  }
  std::copy(sequence.pages.begin(), sequence.pages.end(),
            pageTable.begin() + sequence.slot * slotPages);
  return sequence.number;
}

/// Gives slot and pages back. Their lists have had all of them, so they have
/// the room.
void Generator::release(Sequence &sequence) {
  auto row = pageTable.begin() + sequence.slot * slotPages;
  std::fill(row, row + slotPages, 0);
  freePages.insert(freePages.end(), sequence.pages.rbegin(),
                   sequence.pages.rend());
  freeSlots.push_back(sequence.slot);
  sequence.isOver = true;
}

Status Generator::remove(int64_t number) {
  for (const std::unique_ptr<Sequence> &sequence : sequences) {
    if (sequence->number != number || sequence->isOver)
      continue;
    release(*sequence);
    return Status::ok();
  }
  return Status::error(StatusCode::NotFound, "sequence " +
                                                 std::to_string(number) +
                                                 " does not exist or is over");
}

/// Puts up to \p room of the sequence's ids that are not cached into the batch.
void Generator::appendTokens(Sequence &sequence, size_t room) {
  size_t count = std::min(room, sequence.ids.size() - sequence.cached);
  batch->advances.emplace_back(&sequence, sequence.cached);
  for (size_t i = sequence.cached; i < sequence.cached + count; ++i) {
    batch->tokens.push_back(sequence.ids[i]);
    batch->positions.push_back(static_cast<int32_t>(i));
    batch->slots.push_back(sequence.slot);
  }
  if (sequence.cached < sequence.promptCount)
    batch->promptTokens += count;
  sequence.cached += count;
  if (sequence.cached == sequence.ids.size()) {
    batch->rows.push_back(static_cast<int32_t>(batch->tokens.size()) - 1);
    batch->emitters.push_back(&sequence);
  }
}

bool Generator::fillBatch() {
  batch->clear();
  std::erase_if(sequences,
                [](const auto &sequence) { return sequence->isOver; });
  // Those that write come first, so that a long prompt does not stop them; and
  // where not all fit into a call, others begin the next time.
  if (!sequences.empty())
    std::rotate(sequences.begin(),
                sequences.begin() +
                    static_cast<std::ptrdiff_t>(rotation % sequences.size()),
                sequences.end());
  for (bool isPrompt : {false, true})
    for (const std::unique_ptr<Sequence> &sequence : sequences) {
      size_t room = static_cast<size_t>(maxTokens) - batch->tokens.size();
      bool isFull =
          room == 0 || batch->rows.size() == static_cast<size_t>(maxRows);
      if (isFull)
        break;
      if ((sequence->cached < sequence->promptCount) == isPrompt)
        appendTokens(*sequence, room);
    }
  rotation =
      batch->emitters.size() < sequences.size() && batch->promptTokens == 0
          ? batch->emitters.size()
          : 0;
  return !batch->tokens.empty();
}

Status Generator::runBatch(const Step &step) {
  // A call has one row at least; without an emitter nobody reads it.
  if (batch->rows.empty())
    batch->rows.push_back(0);
  const std::array<const std::vector<int32_t> *, 5> values = {
      &batch->tokens, &batch->positions, &batch->slots, &batch->rows,
      &pageTable};
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t count = static_cast<int64_t>(values[i]->size());
    std::array<int64_t, 2> dims = {i == 4 ? slots : count, slotPages};
    LATHE_RETURN_IF_ERROR(
        context->setInput(step.entry, step.inputs[i], values[i]->data(),
                          std::span(dims).first(i == 4 ? 2 : 1)));
  }
  return context->call(step.entry);
}

/// Takes in one token of each emitter, from the first that was not taken yet.
Status Generator::takeResults(const Step &step) {
  Result<TensorView> output = context->output(step.entry, 0);
  if (!output.isOk())
    return output.takeStatus();
  bool isGreedy = &step == &greedyStep;
  for (; batch->taken < batch->emitters.size(); ++batch->taken) {
    Sequence &sequence = *batch->emitters[batch->taken];
    // It was removed while its token waited for memory.
    if (sequence.isOver)
      continue;
    if (!sequence.chosen && isGreedy)
      sequence.chosen =
          reinterpret_cast<const int32_t *>(output->data)[batch->taken];
    if (!sequence.chosen) {
      size_t width = static_cast<size_t>(output->dims[1]);
      const float *logits = reinterpret_cast<const float *>(output->data);
      Result<int32_t> id =
          sequence.sampler.next({logits + batch->taken * width, width});
      if (!id.isOk())
        return id.takeStatus();
      sequence.chosen = *id;
    }
    GeneratedToken token = sequence.prepare(*sequence.chosen);
    sequence.commit(token);
    if (sequence.isOver)
      release(sequence);
    ++statistics.newTokens;
    results.push_back(std::move(token));
  }
  return Status::ok();
}

/// Fills a batch and runs it. False if there is nothing to run.
Result<bool> Generator::startBatch() {
  results.clear();
  if (!fillBatch())
    return false;
  bool isGreedy =
      greedyStep.entry != SIZE_MAX &&
      std::all_of(batch->emitters.begin(), batch->emitters.end(),
                  [](const Sequence *s) { return s->sampler.isGreedy(); });
  current = isGreedy ? &greedyStep : &logitsStep;
  batch->start = std::chrono::steady_clock::now();

  struct Undo {
    Batch *batch;
    ~Undo() {
      if (batch)
        batch->undo();
    }
  } undo{batch.get()};
  LATHE_RETURN_IF_ERROR(runBatch(*current));
  undo.batch = nullptr;
  return true;
}

Result<std::span<const GeneratedToken>> Generator::step() {
  // A step that ended early, for lack of memory, left tokens to be taken in.
  if (batch->taken == batch->emitters.size()) {
    Result<bool> isStarted = startBatch();
    if (!isStarted.isOk())
      return isStarted.takeStatus();
    if (!*isStarted)
      return std::span<const GeneratedToken>();
  }
  LATHE_RETURN_IF_ERROR(takeResults(*current));
  uint64_t nanoseconds = static_cast<uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - batch->start)
          .count());

  ++statistics.steps;
  statistics.promptTokens += batch->promptTokens;
  if (batch->promptTokens > 0) {
    statistics.promptNanoseconds += nanoseconds;
  } else {
    statistics.decodeNanoseconds += nanoseconds;
    statistics.decodeTokens += batch->emitters.size();
  }
  return std::span<const GeneratedToken>(results);
}
