//===- TokenizeCommand.cpp - lathe tokenize: text to ids and back ---------===//

#include "runtime/abi/ArtifactFormat.h"
#include "runtime/formats/Json.h"
#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/TextInput.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <sys/stat.h>

using namespace lathe;
using namespace lathe::tools;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

struct TokenizeOptions {
  std::string file;
  std::optional<std::string> text;
  bool special = false;
  bool noParseSpecial = false;
  bool decode = false;
  bool jsonl = false;
  bool json = false;
};

/// The tables of a tokenizer and what holds them.
struct Tables {
  std::vector<std::byte> built;
  std::optional<runtime::MappedFile> mapped;
  std::span<const std::byte> bytes;
};

} // namespace

/// Finds the tokenizer's section in the artifact \p path after all checks that
/// loading it as a model makes. That it was built for another machine does not
/// matter: those checks come first.
static Result<std::span<const std::byte>>
findSection(const std::string &path, std::span<const std::byte> file) {
  LatheFileHeader header = {};
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof(header)));
  lathe_model_t *opened = nullptr;
  lathe_status_t status = lathe_model_open_memory(
      file.data(), file.size(), path.c_str(), /*options=*/nullptr, &opened);
  ModelPtr model(opened);
  bool isForOthers =
      status == LATHE_UNSUPPORTED && header.version == LATHE_ARTIFACT_VERSION;
  if (status != LATHE_OK && !isForOthers)
    return Status::error(static_cast<StatusCode>(status), lathe_message());
  for (uint32_t i = 0; i < header.section_count; ++i) {
    LatheSection section;
    std::memcpy(&section, file.data() + sizeof(header) + i * sizeof(section),
                sizeof(section));
    if (section.kind == LATHE_SECTION_TOKENIZER)
      return file.subspan(section.offset, section.length);
  }
  return Status::error(StatusCode::Unsupported,
                       path + ": has no tokenizer (compile from a folder "
                              "that has tokenizer.json)");
}

/// Loads or builds the tables that \p path has.
static Status loadTables(const std::string &path, Tables &tables) {
  struct stat info;
  bool isFile = stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
  if (isFile) {
    Result<runtime::MappedFile> file = runtime::MappedFile::open(path);
    if (!file.isOk())
      return file.takeStatus();
    std::span<const std::byte> bytes = file->bytes();
    if (bytes.size() >= 8 &&
        std::memcmp(bytes.data(), LATHE_ARTIFACT_MAGIC, 8) == 0) {
      Result<std::span<const std::byte>> section = findSection(path, bytes);
      if (!section.isOk())
        return section.takeStatus();
      tables.bytes = *section;
      tables.mapped.emplace(std::move(*file));
      return Status::ok();
    }
  }
  std::string name = path.substr(path.rfind('/') + 1);
  if (isFile && (name.ends_with("config.json") ||
                 name.ends_with(".safetensors") || name.ends_with(".mlir")))
    return Status::error(StatusCode::InvalidFile,
                         path + ": is no tokenizer (name the folder, or its "
                                "tokenizer.json, tokenizer.model or "
                                "vocab.txt)");
  Result<std::vector<std::byte>> built = runtime::buildTokenizerTables(path);
  if (!built.isOk())
    return built.takeStatus();
  tables.built = std::move(*built);
  tables.bytes = tables.built;
  return Status::ok();
}

static Status encodeText(const runtime::Tokenizer &tokenizer,
                         const TokenizeOptions &options, std::string_view text,
                         std::vector<int32_t> &ids) {
  ids.clear();
  runtime::EncodeOptions encode;
  encode.addSpecial = options.special;
  encode.parseSpecial = !options.noParseSpecial;
  return tokenizer.encode(text, encode, ids);
}

static std::string joined(const std::vector<int32_t> &ids,
                          const char *between) {
  std::string line;
  for (size_t i = 0; i < ids.size(); ++i)
    line += (i ? between : "") + std::to_string(ids[i]);
  return line;
}

/// One JSON string a line in, one array of ids a line out; with --decode the
/// other way round.
static Exit runLines(const runtime::Tokenizer &tokenizer,
                     const TokenizeOptions &options, const std::string &input) {
  std::vector<int32_t> ids;
  size_t number = 0;
  for (std::string_view line : splitLines(input)) {
    ++number;
    Result<runtime::Json> json =
        runtime::Json::parse(line, "--jsonl: record " + std::to_string(number));
    if (!json.isOk())
      return fail(json.takeStatus());
    std::string out;
    if (options.decode) {
      if (Status status = json->root().expectArray(); !status.isOk())
        return fail(status);
      ids.clear();
      for (runtime::JsonValue element : json->root().elements()) {
        Result<int64_t> id = element.asInt();
        if (!id.isOk())
          return fail(id.takeStatus());
        if (*id < 0 || *id >= tokenizer.vocabSize())
          return fail(Exit::Usage, "--jsonl: record " + std::to_string(number) +
                                       ": id " + std::to_string(*id) +
                                       " is outside the vocabulary of " +
                                       std::to_string(tokenizer.vocabSize()));
        ids.push_back(static_cast<int32_t>(*id));
      }
      runtime::appendJsonString(out, tokenizer.decode(ids, !options.special));
    } else {
      Result<std::string_view> text = json->root().asString();
      if (!text.isOk())
        return fail(text.takeStatus());
      if (Status status = encodeText(tokenizer, options, *text, ids);
          !status.isOk())
        return fail(status);
      out = "[" + joined(ids, ",") + "]";
    }
    if (Exit exit = print(out + "\n"); exit != Exit::Done)
      return exit;
  }
  return Exit::Done;
}

static Exit runDecode(const runtime::Tokenizer &tokenizer,
                      const TokenizeOptions &options,
                      const std::string &input) {
  std::vector<int32_t> ids;
  const char *at = input.data(), *end = at + input.size();
  while (at != end) {
    if (std::strchr(" ,[]\n\r\t", *at)) {
      ++at;
      continue;
    }
    int32_t id = 0;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 || id >= tokenizer.vocabSize())
      return fail(Exit::Usage,
                  "--decode: expected ids below " +
                      std::to_string(tokenizer.vocabSize()) + ", got '" +
                      std::string(at, std::min<size_t>(20, end - at)) + "'");
    ids.push_back(id);
    at = next;
  }
  return print(tokenizer.decode(ids, !options.special) + "\n");
}

static Exit tokenize(const TokenizeOptions &options) {
  Tables tables;
  if (Status status = loadTables(options.file, tables); !status.isOk())
    return fail(status);
  Result<runtime::Tokenizer> tokenizer =
      runtime::Tokenizer::create(tables.bytes);
  if (!tokenizer.isOk())
    return fail(exitOf(tokenizer.status().code()),
                options.file + ": tokenizer: " + tokenizer.status().message());
  std::string input;
  if (options.text)
    input = *options.text;
  else if (Exit exit = readText("-", input); exit != Exit::Done)
    return exit;
  if (options.jsonl)
    return runLines(*tokenizer, options, input);
  if (options.decode)
    return runDecode(*tokenizer, options, input);
  std::vector<int32_t> ids;
  if (Status status = encodeText(*tokenizer, options, input, ids);
      !status.isOk())
    return fail(status);
  std::string out = joined(ids, " ") + "\n";
  if (options.json)
    out = "{\"schema\":\"lathe.tokenize.v1\",\"ids\":[" + joined(ids, ",") +
          "]}\n";
  return print(out);
}

void tools::addTokenizeCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("tokenize", "Turn text into token ids, or back");
  auto options = std::make_shared<TokenizeOptions>();
  command
      ->add_option("FILE", options->file,
                   "Artifact, checkpoint directory, tokenizer.json, "
                   "tokenizer.model, vocab.txt or .gguf")
      ->required();
  command->add_option("TEXT", options->text,
                      "The text; standard input where it is left out");
  command->add_flag("--special", options->special,
                    "Add what the post-processor adds (BOS, [CLS]); with "
                    "--decode keep special tokens");
  command->add_flag("--no-parse-special", options->noParseSpecial,
                    "Special tokens in the text are text like any other");
  command->add_flag("--decode", options->decode, "Turn ids into text");
  auto *jsonl = command->add_flag(
      "--jsonl", options->jsonl,
      "One JSON string a line in, one array of ids a line out");
  command->add_flag("--json", options->json, "Print one JSON object")
      ->excludes(jsonl);
  command->callback([options, &result] { result = tokenize(*options); });
}
