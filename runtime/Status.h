//===- Status.h - Success, or a code and a message --------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_STATUS_H
#define LATHE_RUNTIME_STATUS_H

#include <cassert>
#include <memory>
#include <optional>
#include <string>

namespace lathe::runtime {

/// The values are those of lathe_status_t in the C API, and never change.
enum class StatusCode {
  Ok = 0,
  /// The bytes of a file break its format or contradict each other.
  InvalidFile = 1,
  /// A name, file or entry does not exist.
  NotFound = 2,
  /// A kernel or device failed while it ran.
  DeviceError = 3,
  /// Well-formed, but not something that this build can do.
  Unsupported = 4,
  /// The caller's arguments are wrong, or do not fit what was compiled.
  InvalidArgument = 5,
  /// Memory, disk or device space ran out.
  ResourceExhausted = 6,
  /// The caller asked for an end.
  Cancelled = 7,
  /// Reading or writing failed.
  IoError = 8,
};

/// Success, or a code and a message for a person. Success is a null pointer.
class [[nodiscard]] Status {
public:
  static Status ok() { return Status(); }
  static Status error(StatusCode code, std::string message) {
    Status status;
    status.failure.reset(new Failure{code, std::move(message)});
    return status;
  }

  bool isOk() const { return !failure; }
  StatusCode code() const { return failure ? failure->code : StatusCode::Ok; }
  std::string message() const { return failure ? failure->message : ""; }

private:
  struct Failure {
    StatusCode code;
    std::string message;
  };
  std::unique_ptr<Failure> failure;
};

/// The caller's mistake.
inline Status invalidArgument(std::string message) {
  return Status::error(StatusCode::InvalidArgument, std::move(message));
}

/// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)) {}
  Result(Status error) : error(std::move(error)) {
    assert(!this->error.isOk());
  }

  bool isOk() const { return value.has_value(); }
  const Status &status() const { return error; }
  const T &operator*() const { return *value; }
  const T *operator->() const { return &*value; }
  T &operator*() { return *value; }
  T *operator->() { return &*value; }
  Status takeStatus() { return std::move(error); }

private:
  std::optional<T> value;
  Status error;
};

} // namespace lathe::runtime

/// Returns from the calling function if \p expr, a Status, is not ok.
#define LATHE_RETURN_IF_ERROR(expr)                                            \
  do {                                                                         \
    if (::lathe::runtime::Status status_ = (expr); !status_.isOk())            \
      return status_;                                                          \
  } while (false)

#endif // LATHE_RUNTIME_STATUS_H
