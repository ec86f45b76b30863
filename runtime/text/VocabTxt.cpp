//===- VocabTxt.cpp - Reads a WordPiece vocabulary ------------------------===//
//
// A vocab.txt holds tokens only. The rest is what BERT does, but for what
// tokenizer_config.json says.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TokenizerReaders.h"
#include "runtime/text/Utf8.h"

#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static Status fail(const std::string &name, const std::string &what) {
  return Status::error(StatusCode::InvalidFile, name + ": " + what);
}

static Status readLines(std::string_view text, const std::string &name,
                        TokenizerSpec &spec) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (!isUtf8(line))
      return fail(name, "line " + std::to_string(spec.tokens.size() + 1) +
                            ": is not UTF-8");
    SpecToken &token = spec.tokens.emplace_back();
    token.text = line;
    token.isPresent = true;
  }
  return Status::ok();
}

Status text::readVocabTxt(std::string_view vocab, const std::string &name,
                          const JsonValue *config, TokenizerSpec &spec) {
  spec.model = ModelKind::WordPiece;
  spec.continuationPrefix = "##";
  LATHE_RETURN_IF_ERROR(readLines(vocab, name, spec));
  int32_t cls = spec.findId("[CLS]");
  int32_t sep = spec.findId("[SEP]");
  spec.unknownId = spec.findId("[UNK]");
  if (cls < 0 || sep < 0 || spec.unknownId < 0)
    return fail(name, "expected the tokens [CLS], [SEP] and [UNK]");
  for (const char *content : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    int32_t id = spec.findId(content);
    if (id >= 0)
      addToken({content, id, kAddedSpecial, /*isNormalized=*/false}, spec);
  }

  bool lowers = true;
  bool padsChinese = true;
  bool strips = true;
  if (config) {
    Result<bool> lower = config->get<bool>("do_lower_case", true);
    if (!lower.isOk())
      return lower.takeStatus();
    Result<bool> chinese = config->get<bool>("tokenize_chinese_chars", true);
    if (!chinese.isOk())
      return chinese.takeStatus();
    Result<bool> accents = config->get<bool>("strip_accents", *lower);
    if (!accents.isOk())
      return accents.takeStatus();
    lowers = *lower;
    padsChinese = *chinese;
    strips = *accents;
  }
  addBertNormalizer(/*cleansText=*/true, padsChinese, strips, lowers, spec);
  addBertPreTokenizer(spec);
  spec.prefixIds = {cls};
  spec.suffixIds = {sep};
  SpecStep decoder{StepKind::DecodeWordPiece, /*number=*/1};
  decoder.text = "##";
  spec.decoders.push_back(std::move(decoder));
  return Status::ok();
}
