//===- Arrays.cpp - Named arrays that a user gives and gets ---------------===//

#include "runtime/tools/Arrays.h"

#include "runtime/formats/Npy.h"
#include "runtime/formats/SafeTensors.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

using namespace lathe;
using namespace lathe::tools;
using runtime::ElementType;

int64_t Array::size() const {
  int64_t size = 1;
  for (int64_t dim : dims)
    size *= dim;
  return size;
}

Exit Array::fail(const std::string &name, const std::string &what) const {
  return tools::fail(Exit::Cannot,
                     (file.empty() ? name : file + ": " + name) + ": " + what);
}

static Exit addArray(const std::string &name, Array array, Arrays &arrays) {
  if (!arrays.emplace(name, std::move(array)).second)
    return fail(Exit::Usage, "-i: the input '" + name + "' is given twice");
  return Exit::Done;
}

static Exit readNpyArray(const std::string &name, const std::string &path,
                         Arrays &arrays) {
  runtime::Result<runtime::Npy> npy = runtime::Npy::open(path);
  if (!npy.isOk())
    return fail(npy.takeStatus());
  std::span<const std::byte> bytes = npy->bytes();
  return addArray(
      name, {npy->type(), npy->shape(), {bytes.begin(), bytes.end()}, path},
      arrays);
}

static Exit readTensors(const std::string &path, const std::string &prefix,
                        Arrays &arrays) {
  runtime::Result<runtime::SafeTensors> file = runtime::SafeTensors::open(path);
  if (!file.isOk())
    return fail(file.takeStatus());
  bool found = false;
  for (const runtime::Tensor &tensor : file->tensors()) {
    if (!tensor.name.starts_with(prefix))
      continue;
    found = true;
    Exit exit = addArray(std::string(tensor.name.substr(prefix.size())),
                         {tensor.type,
                          tensor.shape,
                          {tensor.bytes.begin(), tensor.bytes.end()},
                          path},
                         arrays);
    if (exit != Exit::Done)
      return exit;
  }
  if (!found)
    return fail(Exit::Usage, path + ": has no tensor whose name begins with '" +
                                 prefix + "'");
  return Exit::Done;
}

Exit tools::readArrays(const std::string &argument, Arrays &arrays) {
  size_t equals = argument.find('=');
  if (equals != std::string::npos && access(argument.c_str(), F_OK) != 0) {
    std::string path = argument.substr(equals + 1);
    if (equals == 0 || !path.ends_with(".npy"))
      return fail(Exit::Usage,
                  "-i: expected NAME=FILE.npy, got '" + argument + "'");
    return readNpyArray(argument.substr(0, equals), path, arrays);
  }
  std::string path = argument, prefix;
  size_t colon = argument.rfind(':');
  if (colon != std::string::npos && access(argument.c_str(), F_OK) != 0) {
    path = argument.substr(0, colon);
    prefix = argument.substr(colon + 1);
  }
  if (path.ends_with(".npy"))
    return fail(Exit::Usage, "-i: '" + argument +
                                 "' needs the input's name (NAME=" + path +
                                 ")");
  return readTensors(path, prefix, arrays);
}

Exit tools::checkOutputs(const std::vector<std::string> &arguments) {
  for (const std::string &argument : arguments) {
    size_t equals = argument.find('=');
    bool isNamed =
        equals != std::string::npos && equals > 0 && argument.ends_with(".npy");
    if (!isNamed && !argument.ends_with(".safetensors"))
      return fail(Exit::Usage,
                  "-o: expected NAME=FILE.npy or FILE.safetensors, got '" +
                      argument + "'");
  }
  return Exit::Done;
}

static runtime::Status writeTensors(const std::string &path,
                                    const Arrays &arrays) {
  std::vector<runtime::TensorSpec> specs;
  for (const auto &[name, array] : arrays)
    specs.push_back({name, array.type, array.dims});
  runtime::Result<runtime::SafeTensorsWriter> writer =
      runtime::SafeTensorsWriter::create(path, specs);
  if (!writer.isOk())
    return writer.takeStatus();
  for (const auto &[name, array] : arrays)
    LATHE_RETURN_IF_ERROR(writer->write(array.bytes));
  return writer->finish();
}

Exit tools::writeArrays(const std::vector<std::string> &arguments,
                        const Arrays &arrays) {
  for (const std::string &argument : arguments) {
    if (argument.ends_with(".safetensors") &&
        argument.find('=') == std::string::npos) {
      if (runtime::Status status = writeTensors(argument, arrays);
          !status.isOk())
        return fail(status);
      continue;
    }
    size_t equals = argument.find('=');
    auto found = arrays.find(argument.substr(0, equals));
    if (found == arrays.end()) {
      std::string names;
      for (const auto &[name, array] : arrays)
        names += (names.empty() ? "" : ", ") + name;
      return fail(Exit::Usage, "-o: there is no output '" +
                                   argument.substr(0, equals) +
                                   "' (there are " + names + ")");
    }
    const Array &array = found->second;
    runtime::Status status = runtime::writeNpy(
        argument.substr(equals + 1), array.type, array.dims, array.bytes);
    if (!status.isOk())
      return fail(status);
  }
  return Exit::Done;
}

template <typename T>
static void widen(const Array &array, std::vector<int64_t> &values) {
  for (size_t at = 0; at + sizeof(T) <= array.bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, array.bytes.data() + at, sizeof(T));
    values.push_back(static_cast<int64_t>(value));
  }
}

Exit tools::asIntegers(const std::string &name, const Array &array,
                       std::vector<int64_t> &values) {
  values.clear();
  switch (array.type) {
  case ElementType::I64:
    widen<int64_t>(array, values);
    return Exit::Done;
  case ElementType::I32:
    widen<int32_t>(array, values);
    return Exit::Done;
  case ElementType::I16:
    widen<int16_t>(array, values);
    return Exit::Done;
  case ElementType::I8:
    widen<int8_t>(array, values);
    return Exit::Done;
  case ElementType::U8:
  case ElementType::Bool:
    widen<uint8_t>(array, values);
    return Exit::Done;
  default:
    return array.fail(name, "expected integers, got " +
                                std::string(runtime::elementName(array.type)));
  }
}
