//===- SystemError.cpp - An errno as a Status -----------------------------===//

#include "runtime/formats/SystemError.h"

#include <cctype>
#include <cerrno>
#include <string>
#include <system_error>

using namespace lathe::runtime;

static StatusCode codeOf(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return StatusCode::NotFound;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case ENOMEM:
  case EMFILE:
  case ENFILE:
    return StatusCode::ResourceExhausted;
  default:
    return StatusCode::IoError;
  }
}

Status lathe::runtime::systemError(std::string_view path,
                                   std::string_view action, int error) {
  std::string reason = std::generic_category().message(error);
  if (!reason.empty())
    reason[0] =
        static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return Status::error(codeOf(error), std::string(path) + ": cannot " +
                                          std::string(action) + ": " + reason);
}
