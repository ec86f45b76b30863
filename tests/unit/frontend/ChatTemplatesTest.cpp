//===- ChatTemplatesTest.cpp - Tests of frontend/models/ChatTemplates.h ---===//

#include "frontend/models/ChatTemplates.h"

#include "tests/unit/formats/GgufBytes.h"
#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lathe;
using runtime::Gguf;
using runtime::GgufKind;
using runtime::Result;
using runtime::StatusCode;

namespace {

constexpr size_t kLongest = 1 << 20;

/// "name=text, …", or the message.
std::string shown(const Result<std::vector<ChatTemplate>> &templates) {
  if (!templates.isOk())
    return templates.status().message();
  std::string text;
  for (const ChatTemplate &found : *templates)
    text += (text.empty() ? "" : ", ") + found.name + "=" + found.text;
  return text;
}

struct ChatTemplatesTest : testing::Test {
  void config(const std::string &field) {
    folder.write("tokenizer_config.json", "{\"chat_template\": " + field + "}");
  }
  std::string read() { return shown(readChatTemplates(folder.path)); }
  void expectFault(const std::string &file, const std::string &message) {
    Result<std::vector<ChatTemplate>> templates =
        readChatTemplates(folder.path);
    ASSERT_FALSE(templates.isOk()) << message;
    EXPECT_EQ(templates.status().message(), folder / file + ": " + message);
    EXPECT_EQ(templates.status().code(), StatusCode::InvalidFile);
  }

  TemporaryFolder folder;
};

TEST_F(ChatTemplatesTest, ThereMayBeNone) {
  EXPECT_EQ(read(), "");
  folder.write("tokenizer_config.json", "{}");
  EXPECT_EQ(read(), "");
  config("null");
  EXPECT_EQ(read(), "");
  config("[]");
  EXPECT_EQ(read(), "");
}

TEST_F(ChatTemplatesTest, ReadsATextAndNamedTexts) {
  config(R"("{{ a }}\n")");
  EXPECT_EQ(read(), "default={{ a }}\n");
  config(R"([{"name": "tool use", "template": "t"},
             {"name": "default", "template": "d"}])");
  EXPECT_EQ(read(), "tool use=t, default=d");
}

TEST_F(ChatTemplatesTest, TheFileOfItsOwnReplacesTheDefaultOne) {
  folder.write("chat_template.jinja", "new");
  EXPECT_EQ(read(), "default=new");
  config("\"old\"");
  EXPECT_EQ(read(), "default=new");
  config(R"([{"name": "default", "template": "old"},
             {"name": "tools", "template": "t"}])");
  EXPECT_EQ(read(), "default=new, tools=t");
}

TEST_F(ChatTemplatesTest, RefusesOtherKindsOfValues) {
  config("7");
  expectFault("tokenizer_config.json",
              "chat_template: expected a string, got an integer");
  config("[7]");
  expectFault("tokenizer_config.json",
              "chat_template[0]: expected an object, got an integer");
  config(R"([{"name": "a"}])");
  expectFault("tokenizer_config.json", "chat_template[0].template: is missing");
  config(R"([{"name": 1, "template": "t"}])");
  expectFault("tokenizer_config.json",
              "chat_template[0].name: expected a string, got an integer");
  folder.write("tokenizer_config.json", "[]");
  EXPECT_NE(read().find("expected an object"), std::string::npos) << read();
  folder.write("tokenizer_config.json", "{");
  EXPECT_NE(read().find("tokenizer_config.json: "), std::string::npos);
}

TEST_F(ChatTemplatesTest, RefusesNamesThatAreNone) {
  const std::string fault =
      "chat_template[0]: the name of a template is empty, longer than 256 "
      "bytes, no UTF-8 or has control characters";
  for (const std::string &name :
       {std::string(), std::string(257, 'a'), std::string("a\\nb"),
        std::string("\\u007f")}) {
    config("[{\"name\": \"" + name + "\", \"template\": \"t\"}]");
    expectFault("tokenizer_config.json", fault);
  }
  std::string longest(256, 'a');
  config("[{\"name\": \"" + longest + "\", \"template\": \"t\"}]");
  EXPECT_EQ(read(), longest + "=t");
  config(R"([{"name": "a", "template": "t"}, {"name": "a", "template": "u"}])");
  expectFault("tokenizer_config.json",
              "chat_template[1]: a template of this name is there already");
}

TEST_F(ChatTemplatesTest, RefusesTextsThatAreNone) {
  folder.write("chat_template.jinja", std::string(kLongest, 'x'));
  EXPECT_EQ(read(), "default=" + std::string(kLongest, 'x'));
  folder.write("chat_template.jinja", std::string(kLongest + 1, 'x'));
  expectFault("chat_template.jinja",
              "1048577 bytes are too long for a chat template (at most "
              "1048576)");
  for (const std::string &text :
       {std::string("\xff"), std::string("a\0b", 3)}) {
    folder.write("chat_template.jinja", text);
    expectFault("chat_template.jinja",
                "expected a chat template of UTF-8 without a 0");
  }
}

TEST_F(ChatTemplatesTest, RefusesTooMany) {
  std::string list;
  for (int i = 0; i < 64; ++i)
    list += "{\"name\": \"" + std::to_string(i) + "\", \"template\": \"\"},";
  config("[" + list.substr(0, list.size() - 1) + "]");
  EXPECT_TRUE(readChatTemplates(folder.path).isOk());
  config("[" + list + "{\"name\": \"x\", \"template\": \"\"}]");
  expectFault("tokenizer_config.json",
              "chat_template[64]: there are more than 64 chat templates");
}

/// A GGUF file of text values and no tensors.
std::string
readGguf(const std::vector<std::pair<std::string, std::string>> &values) {
  GgufBytes head;
  head.add(uint32_t(0x46554747)).add(uint32_t(3));
  head.add(uint64_t(0)).add(uint64_t(values.size()));
  for (const auto &[key, text] : values)
    head.key(key, GgufKind::String).name(text);
  Result<Gguf> file = Gguf::parse(
      std::as_bytes(std::span(head.text.data(), head.text.size())), "f");
  return file.isOk() ? shown(readChatTemplates(*file))
                     : file.status().message();
}

TEST(GgufChatTemplatesTest, ReadsTheTextAndNamedTexts) {
  EXPECT_EQ(readGguf({{"general.name", "x"}}), "");
  EXPECT_EQ(readGguf({{"tokenizer.chat_template", "d"},
                      {"tokenizer.chat_template.rag", "r"},
                      {"tokenizer.chat_templates.x", "no"}}),
            "default=d, rag=r");
}

TEST(GgufChatTemplatesTest, NamesTheKeyOfWhatItRefuses) {
  EXPECT_EQ(readGguf({{"tokenizer.chat_template", "\xff"}}),
            "f: tokenizer.chat_template: expected a chat template of UTF-8 "
            "without a 0");
  EXPECT_EQ(readGguf({{"tokenizer.chat_template.default", "a"},
                      {"tokenizer.chat_template", "b"}}),
            "f: tokenizer.chat_template: a template of this name is there "
            "already");
  GgufBytes head;
  head.add(uint32_t(0x46554747)).add(uint32_t(3));
  head.add(uint64_t(0)).add(uint64_t(1));
  head.key("tokenizer.chat_template", GgufKind::U32).add(uint32_t(1));
  Result<Gguf> file = Gguf::parse(
      std::as_bytes(std::span(head.text.data(), head.text.size())), "f");
  ASSERT_TRUE(file.isOk());
  EXPECT_EQ(readChatTemplates(*file).status().code(), StatusCode::InvalidFile);
}

} // namespace
