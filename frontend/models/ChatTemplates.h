//===- ChatTemplates.h - How a model is spoken to ---------------*- C++ -*-===//
//
// A chat template is a program in Jinja that makes a prompt of a conversation.
// Nothing here interprets it: it is kept as it is.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_FRONTEND_MODELS_CHATTEMPLATES_H
#define LATHE_FRONTEND_MODELS_CHATTEMPLATES_H

#include "runtime/Status.h"
#include "runtime/formats/Gguf.h"

#include <string>
#include <vector>

namespace lathe {

/// What a model's only template is called, and the first choice among several.
inline constexpr const char *kDefaultTemplate = "default";

struct ChatTemplate {
  std::string name;
  std::string text; ///< UTF-8 without a 0, at most 1 MiB.
};

/// Reads the chat templates of the checkpoint in \p directory, which may have
/// none: `chat_template` of tokenizer_config.json, a text or a list of named
/// ones, and chat_template.jinja, which replaces the default one. No two have
/// one name. InvalidFile for files that break their format, names that are
/// empty, longer than 256 bytes, hold control characters or occur twice, texts
/// that are not as above, and more than 64 templates; messages name file and
/// field.
runtime::Result<std::vector<ChatTemplate>>
readChatTemplates(const std::string &directory);

/// The same of a GGUF file: `tokenizer.chat_template`, and
/// `tokenizer.chat_template.NAME`.
runtime::Result<std::vector<ChatTemplate>>
readChatTemplates(const runtime::Gguf &file);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_CHATTEMPLATES_H
