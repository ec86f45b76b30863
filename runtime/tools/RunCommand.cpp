//===- RunCommand.cpp - lathe run: any entry on arrays --------------------===//
//
// Entries that take text are given in Hugging Face's names and shapes: rows of
// `input_ids` with a mask become a flat list of tokens, and what comes out goes
// back to its row and column, zero where the mask is 0. Other entries take
// their inputs by their own names.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/Arrays.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/Comparison.h"
#include "runtime/tools/LaunchWatch.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/TextBatch.h"

#include <climits>
#include <cstring>

using namespace lathe;
using namespace lathe::tools;
using runtime::ElementType;

namespace {

struct RunCommandOptions : RunOptions {
  std::string entry;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  bool hiddenStates = false;
  std::string compare;
  double bound = 1e-4;
  WatchOptions watch;
  bool json = false;
};

/// Rows of text, and for each token the column that it came from.
struct TextInput {
  int64_t rowCount = 0;
  int64_t columnCount = 0;
  std::vector<Row> rows;
  std::vector<std::vector<int64_t>> columns;
};

} // namespace

/// Reads the integer array \p name of shape (B, T) or (T); absent: empty.
static Exit readMatrix(const Arrays &arrays, const std::string &name,
                       int64_t &rows, int64_t &columns,
                       std::vector<int64_t> &values) {
  auto found = arrays.find(name);
  if (found == arrays.end())
    return Exit::Done;
  const Array &array = found->second;
  if (array.dims.empty() || array.dims.size() > 2)
    return array.fail(name, "expected the shape (rows, tokens), got " +
                                std::to_string(array.dims.size()) +
                                " dimensions");
  int64_t rowCount = array.dims.size() == 2 ? array.dims[0] : 1;
  int64_t columnCount = array.dims.back();
  if (rows < 0) {
    rows = rowCount;
    columns = columnCount;
  }
  if (rowCount != rows || columnCount != columns)
    return array.fail(name, "expected the shape of input_ids, " +
                                std::to_string(rows) + " x " +
                                std::to_string(columns) + ", got " +
                                std::to_string(rowCount) + " x " +
                                std::to_string(columnCount));
  return asIntegers(name, array, values);
}

static bool isIndex(int64_t value, int64_t limit) {
  return value >= 0 && value < limit;
}

static Exit refuseIndex(const std::string &name, const Array &array,
                        int64_t value, int64_t limit) {
  return array.fail(name, std::to_string(value) +
                              " is no index (expected 0 to " +
                              std::to_string(limit - 1) + ")");
}

/// What the elements of the input \p name of \p entry must be below.
static int64_t inputLimit(const lathe_model_t *model, size_t entry,
                          const char *name) {
  lathe_tensor_info_t input;
  for (size_t i = 0; !lathe_model_input(model, entry, i, &input); ++i)
    if (!std::strcmp(input.name, name) && input.limit >= 0)
      return input.limit;
  return int64_t(INT_MAX) + 1;
}

namespace {

/// One array of text: its name, what it is called in an entry, and its values;
/// none where it is not given.
struct TextArray {
  const char *name;
  const char *input;
  std::vector<int64_t> values = {};
  int64_t limit = 0;

  int64_t at(size_t index, int64_t fallback) const {
    return values.empty() ? fallback : values[index];
  }
};

} // namespace

/// Refuses rows of more tokens than the model has positions, where these are
/// counted.
static Exit checkLengths(const Array &ids, const TextArray &positions,
                         const std::vector<Row> &rows) {
  for (size_t b = 0; positions.values.empty() && b < rows.size(); ++b)
    if (static_cast<int64_t>(rows[b].tokens.size()) > positions.limit)
      return ids.fail("input_ids", "row " + std::to_string(b) + " has " +
                                       std::to_string(rows[b].tokens.size()) +
                                       " tokens, the model has " +
                                       std::to_string(positions.limit) +
                                       " positions (give shorter rows)");
  return Exit::Done;
}

/// Takes the tokens whose mask is 1 out of the arrays.
static Exit readTextInput(const lathe_model_t *model, size_t entry,
                          const Arrays &arrays, TextInput &text) {
  TextArray ids = {"input_ids", "tokens"}, mask = {"attention_mask", ""},
            positions = {"position_ids", "positions"},
            types = {"token_type_ids", "token_types"};
  if (!arrays.count("input_ids"))
    return fail(Exit::Usage, "-i: the entry needs the input 'input_ids'");
  int64_t rows = -1, columns = -1;
  for (TextArray *array : {&ids, &mask, &positions, &types}) {
    array->limit = inputLimit(model, entry, array->input);
    if (Exit exit =
            readMatrix(arrays, array->name, rows, columns, array->values);
        exit != Exit::Done)
      return exit;
  }
  text = {rows, columns, std::vector<Row>(static_cast<size_t>(rows)),
          std::vector<std::vector<int64_t>>(static_cast<size_t>(rows))};
  for (int64_t at = 0; at < rows * columns; ++at) {
    int64_t b = at / columns, t = at % columns;
    auto index = static_cast<size_t>(at);
    int64_t kept = mask.at(index, 1);
    if (kept != 0 && kept != 1)
      return arrays.at(mask.name).fail(mask.name, "expected 0 or 1, got " +
                                                      std::to_string(kept));
    if (kept == 0)
      continue;
    Row &row = text.rows[static_cast<size_t>(b)];
    int64_t id = ids.at(index, 0), type = types.at(index, 0);
    int64_t position =
        positions.at(index, static_cast<int64_t>(row.tokens.size()));
    for (auto [array, value] :
         {std::pair{&ids, id}, {&positions, position}, {&types, type}})
      // What is not given is counted here.
      if (!array->values.empty() && !isIndex(value, array->limit))
        return refuseIndex(array->name, arrays.at(array->name), value,
                           array->limit);
    row.tokens.push_back(static_cast<int32_t>(id));
    row.positions.push_back(static_cast<int32_t>(position));
    row.tokenTypes.push_back(static_cast<int32_t>(type));
    text.columns[static_cast<size_t>(b)].push_back(t);
  }
  return checkLengths(arrays.at("input_ids"), positions, text.rows);
}

namespace {

/// The calls of one text entry, and where their outputs go.
struct TextCalls {
  const lathe_model_t *model;
  size_t entry;
  lathe_context_t *context;
  const TextInput &text;
  Arrays &results;

  Exit runBatch(const Batch &batch);
  Exit runPieces(size_t step, size_t row);
  Exit keepOutput(const lathe_tensor_t &tensor,
                  const std::vector<int64_t> &leading,
                  const std::vector<size_t> &places);
};

} // namespace

/// Puts the rows of \p tensor at \p places of the array of its name, whose
/// first dimensions are \p leading.
Exit TextCalls::keepOutput(const lathe_tensor_t &tensor,
                           const std::vector<int64_t> &leading,
                           const std::vector<size_t> &places) {
  if (tensor.dtype != LATHE_F32 && tensor.dtype != LATHE_I32)
    return fail(Exit::Cannot,
                std::string("output '") + tensor.name + "' is of type " +
                    lathe_dtype_name(tensor.dtype) + ", expected f32");
  size_t rowBytes = lathe_dtype_size(tensor.dtype);
  for (uint32_t i = 1; i < tensor.rank; ++i)
    rowBytes *= static_cast<size_t>(tensor.dims[i]);
  auto [place, isNew] = results.try_emplace(tensor.name);
  Array &array = place->second;
  if (isNew) {
    array.type = static_cast<ElementType>(tensor.dtype);
    array.dims = leading;
    array.dims.insert(array.dims.end(), tensor.dims + 1,
                      tensor.dims + tensor.rank);
    size_t bytes = rowBytes;
    for (int64_t dim : leading)
      bytes *= static_cast<size_t>(dim);
    array.bytes.resize(bytes);
  }
  auto *source = static_cast<const std::byte *>(tensor.data);
  for (size_t row : places) {
    std::memcpy(array.bytes.data() + row * rowBytes, source, rowBytes);
    source += rowBytes;
  }
  return Exit::Done;
}

/// Appends where tokens \p first to \p last of row \p row are in (B, T).
static void appendPlaces(const TextInput &text, size_t row, size_t first,
                         size_t last, std::vector<size_t> &places) {
  for (size_t i = first; i < last; ++i)
    places.push_back(row * static_cast<size_t>(text.columnCount) +
                     static_cast<size_t>(text.columns[row][i]));
}

/// One call. Rows of tokens go into (B, T, ...), rows of sequences into
/// (B, ...).
Exit TextCalls::runBatch(const Batch &batch) {
  if (Exit exit = callBatch(context, model, entry, text.rows, batch);
      exit != Exit::Done)
    return exit;
  std::vector<size_t> ofTokens, ofSequences;
  for (size_t b = batch.firstRow; b < batch.lastRow; ++b) {
    appendPlaces(text, b, 0, text.columns[b].size(), ofTokens);
    if (!text.columns[b].empty())
      ofSequences.push_back(b);
  }
  lathe_entry_info_t info;
  if (lathe_status_t status = lathe_model_entry(model, entry, &info))
    return fail(status);
  std::optional<size_t> tokens = findSymbol(model, "tokens");
  for (size_t i = 0; i < info.output_count; ++i) {
    lathe_tensor_info_t output;
    lathe_tensor_t tensor;
    if (lathe_status_t status = lathe_model_output(model, entry, i, &output))
      return fail(status);
    if (lathe_status_t status =
            lathe_context_output(context, entry, i, &tensor))
      return fail(status);
    bool isByToken =
        tokens && output.symbols[0] == static_cast<int32_t>(*tokens);
    Exit exit =
        isByToken
            ? keepOutput(tensor, {text.rowCount, text.columnCount}, ofTokens)
            : keepOutput(tensor, {text.rowCount}, ofSequences);
    if (exit != Exit::Done)
      return exit;
  }
  return Exit::Done;
}

/// A row longer than a call, through the cache.
Exit TextCalls::runPieces(size_t step, size_t row) {
  size_t next = 0;
  while (next < text.rows[row].tokens.size()) {
    size_t first = next;
    if (Exit exit = callPiece(context, model, step, text.rows[row], next);
        exit != Exit::Done)
      return exit;
    lathe_tensor_t tensor;
    if (lathe_status_t status = lathe_context_output(context, step, 0, &tensor))
      return fail(status);
    std::vector<size_t> places;
    appendPlaces(text, row, first, next, places);
    if (Exit exit =
            keepOutput(tensor, {text.rowCount, text.columnCount}, places);
        exit != Exit::Done)
      return exit;
  }
  return Exit::Done;
}

/// Runs a text entry on the rows of \p arrays.
static Exit runText(const RunCommandOptions &options,
                    const lathe_model_t *model, size_t entry,
                    lathe_context_t *context, const Arrays &arrays,
                    Arrays &results) {
  TextInput text;
  if (Exit exit = readTextInput(model, entry, arrays, text); exit != Exit::Done)
    return exit;
  // A comparison knows values by name, and pieces have the same names.
  std::optional<size_t> step;
  if (options.compare.empty())
    step = findStep(model, entry);
  std::vector<Batch> batches;
  if (Exit exit = splitRows(
          model, text.rows,
          {.what = "input_ids: row", .allowLong = step.has_value()}, batches);
      exit != Exit::Done)
    return exit;
  if (batches.empty())
    return fail(Exit::Usage,
                "input_ids: there is no token that the mask keeps");
  TextCalls calls = {model, entry, context, text, results};
  for (const Batch &batch : batches)
    if (Exit exit = batch.isLong ? calls.runPieces(*step, batch.firstRow)
                                 : calls.runBatch(batch);
        exit != Exit::Done)
      return exit;
  return Exit::Done;
}

/// The bytes of \p array as \p input takes them: integers may be of any size.
static Exit rawBytes(const lathe_tensor_info_t &input, const Array &array,
                     std::vector<std::byte> &bytes) {
  if (static_cast<int>(array.type) == static_cast<int>(input.dtype)) {
    bytes = array.bytes;
    return Exit::Done;
  }
  if (input.dtype != LATHE_I32)
    return array.fail(input.name,
                      std::string("expected ") + lathe_dtype_name(input.dtype) +
                          ", got " +
                          std::string(runtime::elementName(array.type)));
  std::vector<int64_t> values;
  if (Exit exit = asIntegers(input.name, array, values); exit != Exit::Done)
    return exit;
  constexpr int64_t kLimit = int64_t(INT_MAX) + 1;
  for (int64_t value : values) {
    if (!isIndex(value, kLimit))
      return refuseIndex(input.name, array, value, kLimit);
    auto narrow = static_cast<int32_t>(value);
    auto *begin = reinterpret_cast<const std::byte *>(&narrow);
    bytes.insert(bytes.end(), begin, begin + sizeof(narrow));
  }
  return Exit::Done;
}

/// Runs an entry on arrays of its own names.
static Exit runRaw(const lathe_model_t *model, size_t entry,
                   lathe_context_t *context, const Arrays &arrays,
                   Arrays &results) {
  lathe_entry_info_t info;
  if (lathe_status_t status = lathe_model_entry(model, entry, &info))
    return fail(status);
  for (size_t i = 0; i < info.input_count; ++i) {
    lathe_tensor_info_t input;
    if (lathe_status_t status = lathe_model_input(model, entry, i, &input))
      return fail(status);
    auto found = arrays.find(input.name);
    if (found == arrays.end())
      return fail(Exit::Usage, std::string("-i: the entry '") + info.name +
                                   "' needs the input '" + input.name + "'");
    const Array &array = found->second;
    std::vector<std::byte> bytes;
    if (Exit exit = rawBytes(input, array, bytes); exit != Exit::Done)
      return exit;
    if (lathe_status_t status =
            lathe_context_set_input(context, entry, i, bytes.data(),
                                    array.dims.data(), array.dims.size()))
      return fail(status);
  }
  if (lathe_status_t status = lathe_context_call(context, entry))
    return fail(status);
  for (size_t i = 0; i < info.output_count; ++i) {
    lathe_tensor_t tensor;
    if (lathe_status_t status =
            lathe_context_output(context, entry, i, &tensor))
      return fail(status);
    auto *data = static_cast<const std::byte *>(tensor.data);
    results[tensor.name] = {static_cast<ElementType>(tensor.dtype),
                            {tensor.dims, tensor.dims + tensor.rank},
                            {data, data + tensor.bytes}};
  }
  return Exit::Done;
}

static Exit runEntry(const RunCommandOptions &options,
                     const lathe_model_t *model, size_t entry,
                     lathe_context_t *context, const Arrays &arrays,
                     Arrays &results) {
  bool isRaw = arrays.count("tokens") > 0;
  if (!isRaw && isTextEntry(model, entry))
    return runText(options, model, entry, context, arrays, results);
  return runRaw(model, entry, context, arrays, results);
}

/// Opens \p options.model and finds the entry that is to run.
static Exit openEntry(const RunCommandOptions &options, ModelPtr &model,
                      size_t &entry, ContextPtr &context) {
  if (Exit exit = openModel(options, model); exit != Exit::Done)
    return exit;
  std::string name = options.entry + (options.hiddenStates ? "_hidden" : "");
  if (lathe_model_find_entry(model.get(), name.c_str(), &entry) != LATHE_OK)
    return fail(Exit::Usage, lathe_message());
  return createContext(options, model.get(), 0, 0, context);
}

/// Prints what came out, and the profile if there is one, as one object.
static Exit printJson(const Arrays &results, const LaunchWatch &watch) {
  runtime::JsonWriter json;
  json.beginObject().field("schema", "lathe.run.v1");
  json.key("outputs").beginArray();
  for (const auto &[name, array] : results) {
    json.beginObject()
        .field("name", name)
        .field("dtype",
               lathe_dtype_name(static_cast<lathe_dtype_t>(array.type)));
    json.key("dims").beginArray();
    for (int64_t dim : array.dims)
      json.value(dim);
    json.endArray().endObject();
  }
  json.endArray();
  watch.write(json);
  return print(json.endObject().take() + "\n");
}

static Exit run(const RunCommandOptions &options) {
  if (Exit exit = checkOutputs(options.outputs); exit != Exit::Done)
    return exit;
  Arrays arrays;
  for (const std::string &input : options.inputs)
    if (Exit exit = readArrays(input, arrays); exit != Exit::Done)
      return exit;
  ModelPtr model;
  ContextPtr context;
  size_t entry = 0;
  if (Exit exit = openEntry(options, model, entry, context); exit != Exit::Done)
    return exit;

  Comparison comparison(options.bound);
  if (!options.compare.empty()) {
    RunCommandOptions twinOptions = options;
    twinOptions.model = options.compare;
    ModelPtr twin;
    ContextPtr twinContext;
    size_t twinEntry = 0;
    if (Exit exit = openEntry(twinOptions, twin, twinEntry, twinContext);
        exit != Exit::Done)
      return exit;
    comparison.record(twinContext.get());
    Arrays ignored;
    Exit exit = runEntry(options, twin.get(), twinEntry, twinContext.get(),
                         arrays, ignored);
    if (exit != Exit::Done)
      return exit;
    comparison.check(model.get(), context.get());
  }
  LaunchWatch watch;
  // The first call also waits for the memory that it touches.
  if (options.watch.profile) {
    Arrays ignored;
    if (Exit exit = runEntry(options, model.get(), entry, context.get(), arrays,
                             ignored);
        exit != Exit::Done)
      return exit;
  }
  if (options.compare.empty())
    if (Exit exit = watch.begin(options.watch, model.get(), context.get());
        exit != Exit::Done)
      return exit;

  CancelOnSignal cancel(context.get());
  Arrays results;
  if (Exit exit =
          runEntry(options, model.get(), entry, context.get(), arrays, results);
      exit != Exit::Done)
    return exit;
  if (Exit exit = writeArrays(options.outputs, results); exit != Exit::Done)
    return exit;
  if (Exit exit = watch.end(); exit != Exit::Done)
    return exit;
  if (options.json) {
    if (Exit exit = printJson(results, watch); exit != Exit::Done)
      return exit;
  } else {
    watch.print();
  }
  return options.compare.empty() ? Exit::Done : comparison.report();
}

void tools::addRunCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("run", "Run any entry of an artifact on arrays");
  auto options = std::make_shared<RunCommandOptions>();
  addRunOptions(*command, *options);
  command
      ->add_option("ENTRY", options->entry,
                   "forward, embed, step … (lathe inspect lists them)")
      ->required();
  command
      ->add_option("-i,--input", options->inputs,
                   "NAME=x.npy, x.safetensors, or x.safetensors:PREFIX; may be "
                   "given again")
      ->take_all()
      ->required();
  command
      ->add_option("-o,--output", options->outputs,
                   "NAME=y.npy for one output, out.safetensors for all; may be "
                   "given again")
      ->envname("LATHE_RUN_OUTPUT")
      ->take_all();
  command->add_flag("--hidden-states", options->hiddenStates,
                    "Give hidden.0, hidden.1 … too");
  auto *compare = command->add_option(
      "--compare", options->compare,
      "Slow twin (compiled with -O0): name the first value that differs");
  command
      ->add_option("--bound", options->bound,
                   "With --compare: largest difference, as a share of the "
                   "value's largest element")
      ->check(number(0, 1e9))
      ->capture_default_str();
  command
      ->add_flag("--profile", options->watch.profile,
                 "Print time, bytes, FLOPs and share of the roofline of each "
                 "launch")
      ->excludes(compare);
  addTraceFlag(*command, options->watch)->excludes(compare);
  command->add_flag("--json", options->json,
                    "Print one JSON object: outputs, and the profile if asked");
  command->callback([options, &result] { result = run(*options); });
}
