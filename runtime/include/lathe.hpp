//===- lathe.hpp - The C interface with owners and spans --------*- C++ -*-===//
//
// Thin owners around lathe.h for C++20: objects free themselves, arrays are
// spans, text is std::string_view. Without exceptions: what can fail returns a
// lathe_status_t, and lathe::lastMessage() has the reason.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_HPP
#define LATHE_HPP

#include "lathe.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// lathe_message() of this thread.
inline std::string_view lastMessage() { return lathe_message(); }

namespace detail {
struct Free {
  void operator()(lathe_model_t *model) const { lathe_model_free(model); }
  void operator()(lathe_context_t *context) const {
    lathe_context_free(context);
  }
  void operator()(lathe_generator_t *generator) const {
    lathe_generator_free(generator);
  }
};
} // namespace detail

/// Owns a lathe_model_t; empty until one of the open functions gave LATHE_OK.
class ModelHandle {
public:
  [[nodiscard]] lathe_status_t
  open(const std::string &path,
       const lathe_model_options_t *options = nullptr) {
    return take([&](lathe_model_t **model) {
      return lathe_model_open(path.c_str(), options, model);
    });
  }
  /// \p bytes as lathe_model_open_memory wants them.
  [[nodiscard]] lathe_status_t
  open(std::span<const std::byte> bytes, const std::string &name,
       const lathe_model_options_t *options = nullptr) {
    return take([&](lathe_model_t **model) {
      return lathe_model_open_memory(bytes.data(), bytes.size(), name.c_str(),
                                     options, model);
    });
  }

  lathe_model_t *get() const { return handle.get(); }
  explicit operator bool() const { return handle != nullptr; }

  /// Only for an open model.
  lathe_model_info_t info() const {
    lathe_model_info_t info = LATHE_INIT(lathe_model_info_t);
    lathe_model_info(get(), &info);
    return info;
  }
  [[nodiscard]] lathe_status_t findEntry(const std::string &name,
                                         size_t &index) const {
    return lathe_model_find_entry(get(), name.c_str(), &index);
  }
  /// Replaces \p ids by those of \p text.
  [[nodiscard]] lathe_status_t encode(std::string_view text, uint32_t flags,
                                      std::vector<int32_t> &ids) const {
    // No token is shorter than a byte; a few are added around the text.
    ids.resize(text.size() + 16);
    size_t count = 0;
    lathe_status_t status = lathe_tokenizer_encode(
        get(), text.data(), text.size(), flags, ids.data(), ids.size(), &count);
    bool isCut = status == LATHE_OK && count > ids.size();
    ids.resize(status == LATHE_OK ? count : 0);
    if (isCut)
      status = lathe_tokenizer_encode(get(), text.data(), text.size(), flags,
                                      ids.data(), ids.size(), &count);
    return status;
  }
  /// Replaces \p text by that of \p ids.
  [[nodiscard]] lathe_status_t decode(std::span<const int32_t> ids,
                                      uint32_t flags, std::string &text) const {
    size_t bytes = 0;
    lathe_status_t status = lathe_tokenizer_decode(
        get(), ids.data(), ids.size(), flags, nullptr, 0, &bytes);
    text.resize(status == LATHE_OK ? bytes : 0);
    if (status != LATHE_OK)
      return status;
    return lathe_tokenizer_decode(get(), ids.data(), ids.size(), flags,
                                  text.data(), text.size(), &bytes);
  }

private:
  template <typename Open>
  lathe_status_t take(Open open) {
    lathe_model_t *model = nullptr;
    lathe_status_t status = open(&model);
    handle.reset(model);
    return status;
  }

  std::unique_ptr<lathe_model_t, detail::Free> handle;
};

/// Owns a lathe_context_t; empty until create() gave LATHE_OK.
class ContextHandle {
public:
  [[nodiscard]] lathe_status_t
  create(const ModelHandle &model,
         const lathe_context_options_t *options = nullptr) {
    lathe_context_t *context = nullptr;
    lathe_status_t status =
        lathe_context_create(model.get(), options, &context);
    handle.reset(context);
    return status;
  }

  lathe_context_t *get() const { return handle.get(); }
  explicit operator bool() const { return handle != nullptr; }

  /// \p values has as many elements as \p dims say.
  template <typename T>
  [[nodiscard]] lathe_status_t setInput(size_t entry, size_t input,
                                        std::span<const T> values,
                                        std::span<const int64_t> dims) {
    return lathe_context_set_input(get(), entry, input, values.data(),
                                   dims.data(), dims.size());
  }
  [[nodiscard]] lathe_status_t call(size_t entry) {
    return lathe_context_call(get(), entry);
  }
  [[nodiscard]] lathe_status_t output(size_t entry, size_t output,
                                      lathe_tensor_t &tensor) const {
    return lathe_context_output(get(), entry, output, &tensor);
  }
  void cancel() { lathe_context_cancel(get()); }

private:
  std::unique_ptr<lathe_context_t, detail::Free> handle;
};

/// Owns a lathe_generator_t. Its context must outlive it.
class GeneratorHandle {
public:
  [[nodiscard]] lathe_status_t create(const ContextHandle &context) {
    lathe_generator_t *generator = nullptr;
    lathe_status_t status = lathe_generator_create(context.get(), &generator);
    handle.reset(generator);
    return status;
  }

  lathe_generator_t *get() const { return handle.get(); }
  explicit operator bool() const { return handle != nullptr; }

  [[nodiscard]] lathe_status_t add(const lathe_request_t &request,
                                   int64_t &sequence) {
    return lathe_generator_add(get(), &request, &sequence);
  }
  /// \p tokens is valid until the next step.
  [[nodiscard]] lathe_status_t step(std::span<const lathe_token_t> &tokens) {
    const lathe_token_t *first = nullptr;
    size_t count = 0;
    lathe_status_t status = lathe_generator_step(get(), &first, &count);
    tokens = {first, count};
    return status;
  }
  size_t active() const { return lathe_generator_active(get()); }

private:
  std::unique_ptr<lathe_generator_t, detail::Free> handle;
};

} // namespace lathe

#endif // LATHE_HPP
