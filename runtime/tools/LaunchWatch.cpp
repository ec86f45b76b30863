//===- LaunchWatch.cpp - What --profile sees -----------------------------===//

#include "runtime/tools/LaunchWatch.h"

#include "runtime/tools/LoadedModel.h"

#include <cstdio>

using namespace lathe;
using namespace lathe::tools;

Exit LaunchWatch::begin(const WatchOptions &options, const lathe_model_t *model,
                        lathe_context_t *context) {
  this->model = model;
  this->context = context;
  if (options.profile)
    profile.emplace();
  if (!profile)
    return Exit::Done;
  lathe_status_t status = lathe_context_observe(context, onLaunch, this);
  return status ? fail(status) : Exit::Done;
}

void LaunchWatch::onLaunch(void *self, const lathe_launch_t *launch) {
  LaunchWatch &watch = *static_cast<LaunchWatch *>(self);
  if (watch.profile)
    watch.profile->add(*launch);
}

Exit LaunchWatch::end() {
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
