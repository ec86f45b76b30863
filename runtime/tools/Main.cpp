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
#include <csignal>
#include <new>

using namespace lathe::tools;

/// Returns the usage message of a wrong command line, in the form of all
/// messages: which flag, what is wrong, what to do.
static Exit reportUsage(const CLI::App &app, const CLI::ParseError &error) {
  const CLI::App *chosen = &app;
  for (const CLI::App *sub : app.get_subcommands())
    chosen = sub;
  std::string name = chosen == &app ? "lathe" : "lathe " + chosen->get_name();
  return fail(Exit::Usage,
              std::string(error.what()) + " (see " + name + " --help)");
}

static bool isCommand(const CLI::App &app, const std::string &name) {
  auto commands = app.get_subcommands([](const CLI::App *) { return true; });
  return std::any_of(
      commands.begin(), commands.end(),
      [&](const CLI::App *command) { return command->get_name() == name; });
}

static int runMain(int argc, char **argv) {
  CLI::App app("Compiles Transformers into one file and runs it.", "lathe");
  app.set_version_flag("--version", std::string("lathe ") + lathe_version());
  app.require_subcommand(1);
  app.fallthrough();
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose,
               "Print notes, also where standard error is no terminal")
      ->envname("LATHE_VERBOSE");
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
  addTokenizeCommand(app, result);
  addInspectCommand(app, result);
  addImportCommand(app, result);
  addEnvCommand(app, result);

  if (argc > 1 && argv[1][0] != '-' && !isCommand(app, argv[1]))
    return static_cast<int>(
        fail(Exit::Usage, std::string("there is no command '") + argv[1] +
                              "' (see lathe --help)"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    const CLI::App *chosen = &app;
    for (const CLI::App *sub : app.get_subcommands())
      chosen = sub;
    return print(chosen->help()) ? 0 : static_cast<int>(Exit::NoSpace);
  } catch (const CLI::CallForAllHelp &) {
    return print(app.help("", CLI::AppFormatMode::All))
               ? 0
               : static_cast<int>(Exit::NoSpace);
  } catch (const CLI::CallForVersion &) {
    return print(app.version() + "\n") ? 0 : static_cast<int>(Exit::NoSpace);
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
