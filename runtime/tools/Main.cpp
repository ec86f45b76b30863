//===- Main.cpp - The lathe program ---------------------------------------===//
//
// Free of LLVM, so that it starts in milliseconds. Sub-commands that compile
// start lathe-compiler as a child.
//
//===----------------------------------------------------------------------===//

#include "runtime/include/lathe.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <new>
#include <string_view>

using namespace lathe::tools;

/// The sub-command of the command line, or the program itself.
static const CLI::App &chosenCommand(const CLI::App &app) {
  const CLI::App *chosen = &app;
  for (const CLI::App *sub : app.get_subcommands())
    chosen = sub;
  return *chosen;
}

/// The help of the chosen command, which begins with the program's name.
static std::string helpOf(const CLI::App &app) {
  const CLI::App &chosen = chosenCommand(app);
  return chosen.help(&chosen == &app ? "" : app.get_name());
}

/// Returns the usage message of a wrong command line, in the form of all
/// messages: which flag, what is wrong, what to do.
static Exit reportUsage(const CLI::App &app, const CLI::ParseError &error) {
  const CLI::App &chosen = chosenCommand(app);
  std::string name = &chosen == &app ? "lathe" : "lathe " + chosen.get_name();
  std::string message = error.what();
  // A flag that does not exist explains more than what is missing beside it.
  for (const std::string &left : app.remaining(/*recurse=*/true))
    if (left.starts_with('-')) {
      message = "there is no flag '" + left + "'";
      break;
    }
  return fail(Exit::Usage, message + " (see " + name + " --help)");
}

/// Gives each flag of \p command its twin: LATHE_ and its long name. Flags
/// whose name means something else in another command have one with the
/// command's.
static void nameTwins(CLI::App &command) {
  for (CLI::Option *option :
       command.get_options([](const CLI::Option *) { return true; })) {
    bool isInformation =
        option == command.get_help_ptr() || option == command.get_version_ptr();
    if (isInformation || option->get_lnames().empty() ||
        !option->get_envname().empty())
      continue;
    std::string twin = "LATHE_";
    for (char c : option->get_lnames().front())
      twin += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    option->envname(twin);
  }
}

static bool isCommand(const CLI::App &app, const std::string &name) {
  auto commands = app.get_subcommands([](const CLI::App *) { return true; });
  return std::any_of(
      commands.begin(), commands.end(),
      [&](const CLI::App *command) { return command->get_name() == name; });
}

/// The first argument that is `--FLAG=` without a value, which CLI11 takes for
/// a flag without `=`; null where there is none.
static const char *findEmptyValue(int argc, char **argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (std::string_view argument(argv[i]);
        argument.starts_with("--") && argument.find('=') == argument.size() - 1)
      return argv[i];
  return nullptr;
}

static int runMain(int argc, char **argv) {
  CLI::App app("Compiles Transformers into one file and runs it.", "lathe");
  app.set_version_flag("--version", std::string("lathe ") + lathe_version());
  app.require_subcommand(1);
  app.fallthrough();
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose,
               "Print notes, also where standard error is no terminal");
  app.footer("Exit codes: 0 done, 1 cannot be done, 2 usage, 3 bad file, 4 out "
             "of space,\n"
             "5 a check failed, 6 interrupted, 70 a bug of ours.");
  app.parse_complete_callback([&] { setVerbose(verbose); });

  Exit result = Exit::Done;
  addCompileCommand(app, result);
  addGenerateCommand(app, result);
  addEmbedCommand(app, result);
  addRunCommand(app, result);
  addEvalCommand(app, result);
  addBenchCommand(app, result);
  addTokenizeCommand(app, result);
  addInspectCommand(app, result);
  addImportCommand(app, result);
  addEnvCommand(app, result);
  nameTwins(app);
  for (CLI::App *command :
       app.get_subcommands([](const CLI::App *) { return true; }))
    nameTwins(*command);

  if (argc > 1 && argv[1][0] != '-' && !isCommand(app, argv[1]))
    return static_cast<int>(
        fail(Exit::Usage, std::string("there is no command '") + argv[1] +
                              "' (see lathe --help)"));
  if (const char *flag = findEmptyValue(argc, argv))
    return static_cast<int>(
        fail(Exit::Usage, std::string(flag) + ": expected a value after it"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    return static_cast<int>(print(helpOf(app)));
  } catch (const CLI::CallForAllHelp &) {
    return static_cast<int>(print(app.help("", CLI::AppFormatMode::All)));
  } catch (const CLI::CallForVersion &) {
    return static_cast<int>(print(app.version() + "\n"));
  } catch (const CLI::ParseError &error) {
    return static_cast<int>(reportUsage(app, error));
  }
  return static_cast<int>(result);
}

int main(int argc, char **argv) {
  // A limit on the size of files is seen by the failed write, not by a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  handleSignals();
  try {
    return runMain(argc, argv);
  } catch (const std::bad_alloc &) {
    return static_cast<int>(fail(Exit::NoSpace, "out of memory"));
  } catch (const std::exception &error) {
    return static_cast<int>(fail(Exit::Bug, error.what()));
  }
}
