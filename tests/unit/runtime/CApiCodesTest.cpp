//===- CApiCodesTest.cpp - Each code of lathe.h is given ------------------===//
//
// A code that no call gives would be a promise that nobody keeps. Each is
// produced here, by a call whose message says the reason.
//
//===----------------------------------------------------------------------===//

#include "runtime/include/lathe.h"

#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

namespace {

class CApiCodesTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(lathe_model_open(LATHE_TEST_ARTIFACT, nullptr, &model), LATHE_OK);
    ASSERT_EQ(lathe_context_create(model, nullptr, &context), LATHE_OK);
    ASSERT_EQ(lathe_generator_create(context, &generator), LATHE_OK);
  }
  void TearDown() override {
    lathe_generator_free(generator);
    lathe_context_free(context);
    lathe_model_free(model);
  }

  lathe_status_t open(const char *path, const char *target = nullptr) {
    lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);
    options.target = target;
    lathe_model_t *opened = nullptr;
    lathe_status_t status = lathe_model_open(path, &options, &opened);
    lathe_model_free(opened);
    return status;
  }
  lathe_status_t add() {
    const int32_t prompt[] = {1};
    lathe_request_t request = LATHE_INIT(lathe_request_t);
    request.prompt = prompt;
    request.prompt_count = 1;
    int64_t sequence = 0;
    return lathe_generator_add(generator, &request, &sequence);
  }
  /// Index of the entry \p name.
  size_t entry(const char *name) {
    size_t index = 99;
    EXPECT_EQ(lathe_model_find_entry(model, name, &index), LATHE_OK);
    return index;
  }

  lathe_model_t *model = nullptr;
  lathe_context_t *context = nullptr;
  lathe_generator_t *generator = nullptr;
};

/// The codes of the header, by the names that lathe_status_name gives them.
std::map<std::string, int> codesOfHeader() {
  std::ifstream file(LATHE_SOURCE_DIR "/runtime/include/lathe.h");
  std::string header((std::istreambuf_iterator<char>(file)), {});
  header = header.substr(0, header.find("} lathe_status_t;"));
  std::map<std::string, int> codes;
  std::regex line("LATHE_([A-Z_]+) = (\\d+),");
  for (std::sregex_iterator i(header.begin(), header.end(), line), end;
       i != end; ++i) {
    std::string name = (*i)[1];
    for (char &c : name)
      c = static_cast<char>(std::tolower(c));
    codes[name] = std::stoi((*i)[2]);
  }
  return codes;
}

TEST_F(CApiCodesTest, EachIsGivenWithAReason) {
  std::map<std::string, int> given;
  auto take = [&](lathe_status_t status, const char *reason) {
    given[lathe_status_name(status)] = status;
    EXPECT_NE(std::string(lathe_message()).find(reason), std::string::npos)
        << lathe_message();
  };
  take(add(), "");
  take(add(), "free slots");
  take(open(LATHE_SOURCE_DIR "/README.md"), "magic");
  take(open("/nowhere/m.lathe"), "cannot open");
  take(open("/"), "is not a regular file");
  take(open(LATHE_TEST_ARTIFACT, "pdp-11"), "'pdp-11' was asked for");
  take(lathe_context_call(context, entry("fail")), "failed with code 7");
  take(lathe_context_call(context, entry("scale")), "was not set");
  lathe_context_cancel(context);
  take(lathe_context_call(context, entry("fill")), "was cancelled");
  EXPECT_EQ(given, codesOfHeader());
  EXPECT_EQ(given.size(), 9u);
}

} // namespace
