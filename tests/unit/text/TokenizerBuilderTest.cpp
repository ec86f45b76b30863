//===- TokenizerBuilderTest.cpp - Tests of TokenizerBuilder.h -------------===//
#include "tests/unit/text/TokenizerTestData.h"

#include "runtime/text/Matcher.h"
#include "runtime/text/PatternCompiler.h"

#include <filesystem>
#include <fstream>

using namespace lathe::runtime;

namespace {

/// A tokenizer.json with \p model and more members \p rest (", …").
std::string makeJson(const std::string &model, const std::string &rest = "") {
  return "{\"version\": \"1.0\", \"model\": " + model + rest + "}";
}

const char *const kTinyBpe = R"({"type": "BPE", "vocab": {"a": 0, "b": 1,
    "ab": 2}, "merges": [["a", "b"]]})";

Result<std::vector<std::byte>> build(std::string_view json) {
  TokenizerFiles files;
  files.tokenizerJson = json;
  return buildTokenizerTablesFrom(files, "t.json");
}

/// The message that \p json is refused with.
std::string messageOf(const std::string &json, StatusCode code) {
  Result<std::vector<std::byte>> tables = build(json);
  if (tables.isOk())
    return "accepted";
  EXPECT_EQ(tables.status().code(), code) << tables.status().message();
  return tables.status().message();
}

TEST(TokenizerBuilder, BuildsATinyModel) {
  Result<std::vector<std::byte>> tables = build(makeJson(kTinyBpe));
  ASSERT_TRUE(tables.isOk()) << tables.status().message();
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  ASSERT_TRUE(tokenizer.isOk());
  EXPECT_EQ(encode(*tokenizer, "abba"), (std::vector<int32_t>{2, 1, 0}));
}

TEST(TokenizerBuilder, RefusesByNameWhatItDoesNotDo) {
  StatusCode code = StatusCode::Unsupported;
  EXPECT_EQ(messageOf(makeJson(kTinyBpe, R"(, "surprise": 1)"), code),
            "t.json: surprise: is not supported");
  EXPECT_EQ(
      messageOf(makeJson(kTinyBpe, R"(, "normalizer": {"type": "Odd"})"), code),
      "t.json: normalizer: type: Odd is not supported");
  EXPECT_EQ(messageOf(makeJson(kTinyBpe,
                               R"(, "pre_tokenizer": {"type": "Digits",
                                  "roman": true})"),
                      code),
            "t.json: pre_tokenizer.roman: is not supported");
  EXPECT_EQ(messageOf(makeJson(R"({"type": "WordLevel"})"), code),
            "t.json: model: type: WordLevel is not supported");
  EXPECT_EQ(messageOf(makeJson(R"({"type": "BPE", "dropout": 0.1,
                                  "vocab": {}, "merges": []})"),
                      code),
            "t.json: model.dropout: is not supported");
  EXPECT_EQ(messageOf(makeJson(kTinyBpe,
                               R"(, "pre_tokenizer": {"type": "Split",
                                  "behavior": "Isolated",
                                  "pattern": {"Regex": "(?<=a)b"}})"),
                      code),
            "t.json: pre_tokenizer.pattern: this kind of group at byte 1 of "
            "the pattern is not supported");
}

TEST(TokenizerBuilder, RefusesWhatContradictsItself) {
  StatusCode code = StatusCode::InvalidFile;
  EXPECT_EQ(messageOf(makeJson(R"({"type": "BPE", "vocab": {"a": 0},
                                  "merges": [["a", "a"]]})"),
                      code),
            "t.json: model.merges[0]: one of its tokens, or the two joined, is "
            "not in the vocabulary");
  EXPECT_EQ(messageOf(makeJson(R"({"type": "BPE", "vocab": {"a": 0, "b": 0},
                                  "merges": []})"),
                      code),
            "t.json: model.vocab.b: id 0 is used twice");
  EXPECT_EQ(messageOf(makeJson(R"({"type": "BPE", "vocab": {"a": 67108863},
                                  "merges": []})"),
                      code),
            "t.json: model.vocab.a: id 67108863 is too large for 1 tokens");
  EXPECT_EQ(messageOf(makeJson(kTinyBpe, R"(, "added_tokens": [
                                  {"id": 1, "content": "c"}])"),
                      code),
            "t.json: added_tokens[0]: id: the vocabulary has another token at "
            "1");
  EXPECT_NE(messageOf("{", code), "accepted");
  EXPECT_NE(messageOf("[]", code), "accepted");
}

TEST(TokenizerBuilder, MakesEqualTablesOfEqualFiles) {
  Result<std::vector<std::byte>> again =
      buildTokenizerTables(tokenizerFolder("t5-style") + "/tokenizer.json");
  ASSERT_TRUE(again.isOk());
  EXPECT_EQ(*again, tokenizerTables("t5-style"));
}

TEST(TokenizerBuilder, ReadsAVocabTxt) {
  // The vocabulary of minilm-bert, as the file it was made from.
  Tokenizer expected = loadTokenizer("minilm-bert");
  std::string vocab;
  for (int32_t id = 0; id < expected.vocabSize(); ++id)
    vocab += std::string(expected.tokenText(id)) + "\n";
  TokenizerFiles files;
  files.vocabTxt = vocab;
  Result<std::vector<std::byte>> tables =
      buildTokenizerTablesFrom(files, "vocab.txt");
  ASSERT_TRUE(tables.isOk()) << tables.status().message();
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  ASSERT_TRUE(tokenizer.isOk());
  for (const char *text : {"Hello, wörld! 你好", "unaffable [MASK] ", ""})
    EXPECT_EQ(encode(*tokenizer, text, {.addSpecial = true}),
              encode(expected, text, {.addSpecial = true}));
  EXPECT_EQ(tokenizer->specialTokens().cls, 101);
}

/// A SentencePiece model with the vocabulary of \p tokenizer, of BPE.
std::string makeSentencePiece(const Tokenizer &tokenizer) {
  auto varint = [](uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7)
      out += char(value | 0x80);
    return out + char(value);
  };
  auto message = [&](uint32_t number, const std::string &bytes) {
    return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
  };
  std::string model;
  for (int32_t id = 0; id < tokenizer.vocabSize(); ++id) {
    std::string text(tokenizer.tokenText(id));
    float score = -float(id);
    char kind = id == 0 ? 2 : id < 3 ? 3 : text.starts_with("<0x") ? 6 : 1;
    std::string piece = message(1, text) + "\x15" +
                        std::string(reinterpret_cast<char *>(&score), 4) +
                        "\x18" + kind;
    model += message(1, piece);
  }
  // model_type BPE; add_dummy_prefix, no remove_extra_whitespaces.
  model += message(2, "\x18\x02");
  model += message(3, std::string("\x18\x01\x20\x00", 4));
  return model;
}

TEST(TokenizerBuilder, ReadsASentencePieceModel) {
  Tokenizer expected = loadTokenizer("stories-tok512");
  std::string model = makeSentencePiece(expected);
  TokenizerFiles files;
  files.sentencePieceModel = model;
  Result<std::vector<std::byte>> tables =
      buildTokenizerTablesFrom(files, "tokenizer.model");
  ASSERT_TRUE(tables.isOk()) << tables.status().message();
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  ASSERT_TRUE(tokenizer.isOk());
  for (const char *text : {"Once upon a time, there was", "  two  spaces",
                           "naïve \xF0\x9F\x98\x80</s> x", ""}) {
    std::vector<int32_t> ids = encode(expected, text, {.addSpecial = true});
    EXPECT_EQ(encode(*tokenizer, text, {.addSpecial = true}), ids);
    EXPECT_EQ(tokenizer->decode(ids, true), expected.decode(ids, true));
  }
  // Cut within the first piece.
  for (size_t size : {1, 2, 5, 9}) {
    std::string cut = model.substr(0, size);
    files.sentencePieceModel = cut;
    EXPECT_FALSE(buildTokenizerTablesFrom(files, "m").isOk()) << size;
  }
}

/// A folder with a vocab.txt and \p files, (name, content), and the message
/// that it is refused with.
std::string messageOfFolder(
    std::initializer_list<std::pair<const char *, const char *>> files) {
  std::string folder = testing::TempDir() + "tokenizer-folder";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/vocab.txt") << "[UNK]\n[CLS]\n[SEP]\na\n";
  for (auto [name, content] : files)
    std::ofstream(folder + "/" + name) << content;
  Result<std::vector<std::byte>> tables = buildTokenizerTables(folder);
  if (tables.isOk())
    return "accepted";
  EXPECT_EQ(tables.status().code(), StatusCode::InvalidFile);
  std::string message = tables.status().message();
  EXPECT_EQ(message.find(folder + "/"), 0u) << message;
  return message.substr(std::min(message.size(), folder.size() + 1));
}

TEST(TokenizerBuilder, NamesTheConfigBesidesAVocabularyThatItRefuses) {
  EXPECT_EQ(messageOfFolder({{"tokenizer_config.json", "{}"}}), "accepted");
  EXPECT_EQ(messageOfFolder({{"tokenizer_config.json", ""}}),
            "tokenizer_config.json: is empty");
  EXPECT_EQ(messageOfFolder({{"special_tokens_map.json", ""}}),
            "special_tokens_map.json: is empty");
  EXPECT_EQ(messageOfFolder({{"special_tokens_map.json", "[]"}}),
            "special_tokens_map.json: expected an object");
  EXPECT_TRUE(messageOfFolder({{"tokenizer_config.json", "{"}})
                  .starts_with("tokenizer_config.json: "));
  EXPECT_TRUE(
      messageOfFolder({{"tokenizer_config.json", "{\"do_lower_case\": 1}"}})
          .starts_with("tokenizer_config.json: do_lower_case: "));
}

TEST(PatternCompiler, PrefersAsABacktrackingMatcherDoes) {
  auto match = [](std::string_view pattern, std::string_view text) {
    Result<text::CompiledPattern> compiled =
        text::compilePattern(pattern, text::regexWord());
    EXPECT_TRUE(compiled.isOk()) << compiled.status().message();
    std::vector<uint16_t> index(text::kCodePointPages);
    for (uint32_t i = 0; i < index.size(); ++i)
      index[i] = uint16_t(i);
    text::Matcher matcher{compiled->classes,
                          {index.data(), compiled->classOf.data()},
                          compiled->moves.data()};
    return text::matchAt(matcher, text.data(), text.data() + text.size()) -
           text.data();
  };
  // The first alternative, not the longest.
  EXPECT_EQ(match("a|ab", "ab"), 1);
  EXPECT_EQ(match("(?:a|ab)c?", "abc"), 1);
  EXPECT_EQ(match("ab|a", "ab"), 2);
  EXPECT_EQ(match("a{2,3}", "aaaa"), 3);
  EXPECT_EQ(match("a{2}", "a"), 0);
  EXPECT_EQ(match(R"(\s+(?!\S)|\s+)", "   x"), 2);
  EXPECT_EQ(match(R"(\s+(?!\S)|\s+)", "   "), 3);
  EXPECT_EQ(match(R"(\s+(?!\S)|\s+)", " x"), 1);
  EXPECT_EQ(match("(?i:'RE)", "'re"), 3);
  EXPECT_EQ(match("[^a-c]", "b"), 0);
  EXPECT_EQ(match(R"(\p{Lu}\P{L})", "É1"), 3);
}

TEST(PatternCompiler, RefusesWhatItCannotMatchInLinearTime) {
  for (const char *pattern :
       {"(?!", "a(?=", "a*", "a+?", "(?<=a)b", "\\bx", "^a", "a+b",
        "[a-z]*X|[a-z]", "(a", "a)", "[a", "\\p{Greek}", "a{300}",
        "((((a{200}){200}){200}){200})", "a?+a", "(?!ab)c", "\\1"})
    EXPECT_EQ(text::compilePattern(pattern, text::regexWord()).status().code(),
              StatusCode::Unsupported)
        << pattern;
}

} // namespace
