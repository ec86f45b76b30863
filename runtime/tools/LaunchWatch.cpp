//===- LaunchWatch.cpp - What --profile and --trace see -------------------===//

#include "runtime/tools/LaunchWatch.h"

#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/PathFlag.h"

#include <cstdio>

using namespace lathe;
using namespace lathe::tools;

CLI::Option *tools::addTraceFlag(CLI::App &command, WatchOptions &options) {
  return command
      .add_option("--trace", options.trace,
                  "File for a Chrome trace of the launches (Perfetto opens it)")
      ->check(nonEmptyPath());
}

Exit LaunchWatch::begin(const WatchOptions &options, const lathe_model_t *model,
                        lathe_context_t *context) {
  this->model = model;
  this->context = context;
  if (options.profile)
    profile.emplace();
  if (!options.trace.empty()) {
    runtime::Result<LaunchTrace> made =
        LaunchTrace::create(options.trace, model);
    if (!made.isOk())
      return fail(made.takeStatus());
    trace.emplace(std::move(*made));
  }
  if (!profile && !trace)
    return Exit::Done;
  lathe_status_t status = lathe_context_observe(context, onLaunch, this);
  // Looks at the clock would be part of a profile's times.
  if (!status && !profile)
    status = lathe_context_time_workers(context, /*enabled=*/1);
  return status ? fail(status) : Exit::Done;
}

void LaunchWatch::onLaunch(void *self, const lathe_launch_t *launch) {
  LaunchWatch &watch = *static_cast<LaunchWatch *>(self);
  if (watch.profile)
    watch.profile->add(*launch);
  if (watch.trace)
    watch.trace->add(*launch);
}

Exit LaunchWatch::end() {
  if (trace) {
    if (runtime::Status status = trace->finish(); !status.isOk())
      return fail(status);
    if (trace->dropped() > 0)
      warn("--trace: holds the first " +
           std::to_string(LaunchTrace::kMostLaunches) + " launches, " +
           std::to_string(trace->dropped()) +
           " more ran (trace a shorter run)");
  }
  if (!profile)
    return Exit::Done;
  lathe_model_info_t info = {};
  info.struct_size = sizeof(info);
  if (lathe_status_t status = lathe_model_info(model, &info))
    return fail(status);
  limits = measureLimits(info.target, lathe_context_threads(context));
  return Exit::Done;
}

void LaunchWatch::print() const {
  if (profile)
    std::fputs(profile->describe(limits).c_str(), stderr);
}

void LaunchWatch::write(runtime::JsonWriter &json) const {
  if (!profile)
    return;
  json.key("profile");
  profile->write(limits, json);
}
