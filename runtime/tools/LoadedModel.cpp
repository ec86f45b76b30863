//===- LoadedModel.cpp - Opens what a sub-command was given ---------------===//

#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"

#include "runtime/abi/ArtifactFormat.h"
#include "runtime/formats/SystemError.h"
#include "runtime/tools/ChildProcess.h"
#include "runtime/tools/Numbers.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace lathe;
using namespace lathe::tools;

void tools::addRunOptions(CLI::App &command, RunOptions &options) {
  command
      .add_option(
          "MODEL", options.model,
          "model.lathe, or a checkpoint that is compiled into the cache first")
      ->required();
  command
      .add_option("-t,--threads", options.threads,
                  "Threads; 0: the physical cores")
      ->check(wholeNumber(0, 4096))
      ->capture_default_str();
  command.add_option("--device", options.device, "Where to run")
      ->check(CLI::IsMember({"cpu"}))
      ->capture_default_str();
  command.add_flag("--no-verify", options.noVerify,
                   "Do not hash the weights when loading");
}

Exit tools::fail(lathe_status_t status) {
  if (status == LATHE_CANCELLED)
    return fail(Exit::Interrupted, "interrupted");
  return fail(exitOf(static_cast<runtime::StatusCode>(status)),
              lathe_message());
}

/// True if \p path is a file that begins as an artifact does, or a file that is
/// neither a checkpoint nor a module by its name: the loader then says what is
/// wrong with it.
static bool isArtifact(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode);
  char magic[8] = {};
  if (FILE *file = std::fopen(path.c_str(), "rb")) {
    size_t read = std::fread(magic, 1, sizeof(magic), file);
    std::fclose(file);
    if (read == sizeof(magic) &&
        std::memcmp(magic, LATHE_ARTIFACT_MAGIC, sizeof(magic)) == 0)
      return true;
  }
  for (const char *suffix : {".gguf", ".onnx", ".mlir"})
    if (path.ends_with(suffix))
      return false;
  return true;
}

/// Hashes the identity (path, size, times) of \p path into \p state.
static void hashIdentity(XXH3_state_t &state, const std::string &path) {
  struct stat info = {};
  stat(path.c_str(), &info);
  XXH3_128bits_update(&state, path.data(), path.size() + 1);
  int64_t facts[] = {static_cast<int64_t>(info.st_ino),
                     info.st_size,
                     info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec,
                     info.st_ctim.tv_sec,
                     info.st_ctim.tv_nsec};
  XXH3_128bits_update(&state, facts, sizeof(facts));
}

/// The artifact in the cache that stands for the model at \p path as it is now.
static std::string cachedArtifact(const std::string &path) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  const char *version = lathe_version();
  XXH3_128bits_update(&state, version, std::strlen(version));
  char *real = realpath(path.c_str(), nullptr);
  std::string absolute = real ? real : path;
  free(real);
  hashIdentity(state, absolute);
  std::vector<std::string> names;
  if (DIR *folder = opendir(absolute.c_str())) {
    while (dirent *entry = readdir(folder))
      names.push_back(entry->d_name);
    closedir(folder);
  }
  std::sort(names.begin(), names.end());
  for (const std::string &name : names)
    if (name != "." && name != "..")
      hashIdentity(state, absolute + "/" + name);
  XXH128_hash_t hash = XXH3_128bits_digest(&state);
  char text[40];
  std::snprintf(text, sizeof(text), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return cacheDirectory() + "/models/" + text + ".lathe";
}

/// Compiles the checkpoint \p path to \p cached.
static Exit compileIntoCache(const std::string &path,
                             const std::string &cached) {
  std::string folder = cacheDirectory();
  mkdir(folder.c_str(), 0755);
  mkdir((folder + "/models").c_str(), 0755);
  note(path + ": compiling into the cache");
  return runCompiler({"compile", path, "-o", cached});
}

static lathe_status_t openArtifact(const RunOptions &options,
                                   const std::string &path, ModelPtr &model) {
  lathe_model_options_t modelOptions = {};
  modelOptions.struct_size = sizeof(modelOptions);
  modelOptions.skip_weight_check = options.noVerify;
  modelOptions.threads = options.threads;
  modelOptions.inspect_only = options.inspectOnly;
  lathe_model_t *opened = nullptr;
  lathe_status_t status =
      lathe_model_open(path.c_str(), &modelOptions, &opened);
  model.reset(opened);
  return status;
}

Exit tools::openModel(const RunOptions &options, ModelPtr &model) {
  struct stat info;
  if (stat(options.model.c_str(), &info) != 0) {
    runtime::Status status = runtime::systemError(options.model, "open", errno);
    return fail(exitOf(status.code()),
                status.message() +
                    " (expected a .lathe file or a checkpoint folder)");
  }
  if (isArtifact(options.model)) {
    lathe_status_t status = openArtifact(options, options.model, model);
    return status ? fail(status) : Exit::Done;
  }
  if (cacheDirectory().empty())
    return fail(Exit::Usage,
                options.model +
                    ": is no artifact, and there is no cache to compile it "
                    "into (set LATHE_CACHE_DIR, or use lathe compile)");
  std::string cached = cachedArtifact(options.model);
  // What is in the cache may be damaged, or cut for another machine: then it is
  // made again, once.
  if (access(cached.c_str(), R_OK) == 0 &&
      openArtifact(options, cached, model) == LATHE_OK)
    return Exit::Done;
  if (Exit exit = compileIntoCache(options.model, cached); exit != Exit::Done)
    return exit;
  lathe_status_t status = openArtifact(options, cached, model);
  return status ? fail(status) : Exit::Done;
}

Exit tools::openModel(const RunOptions &options, ModelPtr &model,
                      lathe_model_info_t &info) {
  if (Exit exit = openModel(options, model); exit != Exit::Done)
    return exit;
  info = {};
  info.struct_size = sizeof(info);
  lathe_status_t status = lathe_model_info(model.get(), &info);
  return status ? fail(status) : Exit::Done;
}

Exit tools::createContext(const RunOptions &options, const lathe_model_t *model,
                          int64_t slots, int64_t contextLength,
                          ContextPtr &context) {
  lathe_context_options_t contextOptions = {};
  contextOptions.struct_size = sizeof(contextOptions);
  contextOptions.threads = options.threads;
  contextOptions.slots = slots;
  contextOptions.context = contextLength;
  lathe_context_t *created = nullptr;
  if (lathe_status_t status =
          lathe_context_create(model, &contextOptions, &created))
    return fail(status);
  context.reset(created);
  return Exit::Done;
}

Exit tools::encode(const lathe_model_t *model, std::string_view text,
                   uint32_t flags, std::vector<int32_t> &ids) {
  size_t before = ids.size(), count = 0;
  lathe_status_t status = lathe_tokenizer_encode(
      model, text.data(), text.size(), flags, nullptr, 0, &count);
  ids.resize(before + count);
  if (!status)
    status = lathe_tokenizer_encode(model, text.data(), text.size(), flags,
                                    ids.data() + before, count, &count);
  return status ? fail(status) : Exit::Done;
}

std::optional<size_t> tools::findEntry(const lathe_model_t *model,
                                       const char *name) {
  size_t index = 0;
  if (lathe_model_find_entry(model, name, &index) != LATHE_OK)
    return std::nullopt;
  return index;
}

std::optional<size_t> tools::findSymbol(const lathe_model_t *model,
                                        const char *name) {
  lathe_symbol_info_t info;
  for (size_t index = 0; lathe_model_symbol(model, index, &info) == LATHE_OK;
       ++index)
    if (std::strcmp(info.name, name) == 0)
      return index;
  return std::nullopt;
}

int64_t tools::symbolMaximum(const lathe_model_t *model, const char *name) {
  lathe_symbol_info_t info;
  std::optional<size_t> index = findSymbol(model, name);
  if (!index || lathe_model_symbol(model, *index, &info) != LATHE_OK)
    return 0;
  return info.maximum;
}

uint64_t tools::peakMemory() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

/// The call that a signal cancels; null while there is none.
static std::atomic<lathe_context_t *> signalledContext = nullptr;
static std::atomic<bool> signalled = false;

static void onSignal(int) {
  lathe_context_t *context = signalledContext.load();
  if (!signalled.exchange(true) && context) {
    lathe_context_cancel(context);
    return;
  }
  // Nothing to wait for: nothing is half written but files that are removed or
  // renamed whole.
  static constexpr char kMessage[] = "error: interrupted\n";
  [[maybe_unused]] ssize_t written =
      write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(static_cast<int>(Exit::Interrupted));
}

void tools::handleSignals() {
  struct sigaction action = {};
  action.sa_handler = onSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

CancelOnSignal::CancelOnSignal(lathe_context_t *context) {
  signalledContext = context;
}

CancelOnSignal::~CancelOnSignal() { signalledContext = nullptr; }

bool CancelOnSignal::wasSignalled() { return signalled; }
