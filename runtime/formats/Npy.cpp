//===- Npy.cpp - Reads and writes .npy files ------------------------------===//
//
// The header is the text of a Python dict of three known keys; it is scanned as
// just that and never evaluated.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Npy.h"

#include "runtime/formats/AtomicFile.h"
#include "runtime/formats/CheckedSize.h"
#include "runtime/formats/Reader.h"

#include <charconv>
#include <utility>

using namespace lathe::runtime;

static constexpr std::string_view kMagic("\x93NUMPY", 6);
/// Data begins at a multiple of this, as NumPy writes it.
static constexpr uint64_t kAlignment = 64;

/// NumPy's name of each element type, without the byte order.
static constexpr std::pair<ElementType, std::string_view> kTypes[] = {
    {ElementType::F16, "f2"},  {ElementType::F32, "f4"},
    {ElementType::F64, "f8"},  {ElementType::I8, "i1"},
    {ElementType::I16, "i2"},  {ElementType::I32, "i4"},
    {ElementType::I64, "i8"},  {ElementType::U8, "u1"},
    {ElementType::Bool, "b1"},
};

namespace {

/// Scans the header's dict.
class HeaderScanner {
public:
  HeaderScanner(std::string_view text, const std::string &path)
      : text(text), path(path) {}

  Status scan();

  std::optional<ElementType> type;
  std::optional<std::vector<int64_t>> shape;

private:
  Status scanMember();
  Status scanType();
  Status scanOrder();
  Status scanShape();
  std::optional<std::string_view> scanString();

  void skipSpace() {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\n'))
      text.remove_prefix(1);
  }

  /// Takes \p token, after white space, if it is next.
  bool accept(std::string_view token) {
    skipSpace();
    if (!text.starts_with(token))
      return false;
    text.remove_prefix(token.size());
    return true;
  }

  Status fail(const std::string &fault,
              StatusCode code = StatusCode::InvalidFile) const {
    return Status::error(code, path + ": header: " + fault);
  }

  std::string_view text;
  const std::string &path;
  bool hasOrder = false;
};

} // namespace

std::optional<std::string_view> HeaderScanner::scanString() {
  skipSpace();
  if (text.empty() || (text[0] != '\'' && text[0] != '"'))
    return std::nullopt;
  size_t end = text.find(text[0], 1);
  if (end == std::string_view::npos)
    return std::nullopt;
  std::string_view string = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return string;
}

Status HeaderScanner::scanType() {
  if (accept("["))
    return fail("descr: arrays of records are not supported (save each field "
                "by itself)",
                StatusCode::Unsupported);
  std::optional<std::string_view> descr = scanString();
  if (!descr)
    return fail("descr: expected a string");
  std::string shown = "'" + std::string(descr->substr(0, 32)) + "'";
  if (descr->size() < 2)
    return fail("descr: expected a type such as '<f4', got " + shown);
  char order = descr->front();
  if (order == '>')
    return fail("descr: the big-endian type " + shown +
                    " is not supported (save it with byte order '<')",
                StatusCode::Unsupported);
  for (auto [candidate, name] : kTypes)
    if (descr->substr(1) == name &&
        (order == '<' || (order == '|' && elementBytes(candidate) == 1)))
      type = candidate;
  if (!type)
    return fail("descr: the type " + shown +
                    " is not supported (expected f2, f4, f8, i1, i2, i4, i8, "
                    "u1 or b1)",
                StatusCode::Unsupported);
  return Status::ok();
}

Status HeaderScanner::scanOrder() {
  hasOrder = true;
  if (accept("False"))
    return Status::ok();
  if (accept("True"))
    return fail("fortran_order: column-major arrays are not supported (save "
                "numpy.ascontiguousarray of it)",
                StatusCode::Unsupported);
  return fail("fortran_order: expected True or False");
}

Status HeaderScanner::scanShape() {
  if (!accept("("))
    return fail("shape: expected a tuple");
  std::vector<int64_t> dims;
  bool afterComma = true;
  while (!accept(")")) {
    skipSpace();
    int64_t size = 0;
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), size);
    if (!afterComma || error != std::errc() || size < 0)
      return fail("shape: expected sizes of 0 or more, below 2^63");
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    dims.push_back(size);
    if (dims.size() > Npy::kMaximumRank)
      return fail("shape: has more than " + std::to_string(Npy::kMaximumRank) +
                  " dimensions");
    afterComma = accept(",");
  }
  // In Python, (3) is a number.
  if (dims.size() == 1 && !afterComma)
    return fail("shape: expected a tuple, got a number");
  shape = std::move(dims);
  return Status::ok();
}

Status HeaderScanner::scanMember() {
  std::optional<std::string_view> key = scanString();
  if (!key || !accept(":"))
    return fail("expected a key and ':'");
  bool isTwice = (*key == "descr" && type) ||
                 (*key == "fortran_order" && hasOrder) ||
                 (*key == "shape" && shape);
  if (isTwice)
    return fail(std::string(*key) + ": is there twice");
  if (*key == "descr")
    return scanType();
  if (*key == "fortran_order")
    return scanOrder();
  if (*key == "shape")
    return scanShape();
  return fail("the key '" + std::string(key->substr(0, 32)) + "' is unknown");
}

Status HeaderScanner::scan() {
  if (!accept("{"))
    return fail("expected a dict");
  bool afterComma = true;
  while (!accept("}")) {
    if (!afterComma)
      return fail("expected ',' or '}'");
    LATHE_RETURN_IF_ERROR(scanMember());
    afterComma = accept(",");
  }
  skipSpace();
  if (!text.empty())
    return fail("expected nothing after the dict");
  if (!type)
    return fail("descr: is missing");
  if (!hasOrder)
    return fail("fortran_order: is missing");
  if (!shape)
    return fail("shape: is missing");
  return Status::ok();
}

/// Reads magic, version and length, and gives the dict's text.
static Result<std::string_view> takeHeader(Reader &reader,
                                           const std::string &path) {
  auto refuse = [&](const std::string &fault,
                    StatusCode code = StatusCode::InvalidFile) {
    return Status::error(code, path + ": header: " + fault);
  };
  auto asText = [](std::span<const std::byte> bytes) {
    return std::string_view(reinterpret_cast<const char *>(bytes.data()),
                            bytes.size());
  };
  std::optional<std::span<const std::byte>> magic = reader.take(kMagic.size());
  if (!magic || asText(*magic) != kMagic)
    return refuse("does not begin as a .npy file does");
  std::optional<uint8_t> major = reader.read<uint8_t>();
  std::optional<uint8_t> minor = reader.read<uint8_t>();
  if (!major || !minor)
    return refuse("ends within the version");
  if (*major < 1 || *major > 2 || *minor != 0)
    return refuse("version " + std::to_string(*major) + "." +
                      std::to_string(*minor) +
                      " is not supported (expected 1.0 or 2.0)",
                  StatusCode::Unsupported);

  std::optional<uint32_t> length;
  if (*major == 1)
    length = reader.read<uint16_t>();
  else
    length = reader.read<uint32_t>();
  if (!length)
    return refuse("ends within its length");
  if (*length > Npy::kMaximumHeader)
    return refuse("has " + std::to_string(*length) + " bytes, more than " +
                  std::to_string(Npy::kMaximumHeader));
  size_t left = reader.remaining();
  std::optional<std::span<const std::byte>> text = reader.take(*length);
  if (!text)
    return refuse(std::to_string(*length) + " bytes do not fit in the " +
                  std::to_string(left) + " that are left (is it cut short?)");
  return asText(*text);
}

Result<Npy> Npy::parse(std::span<const std::byte> bytes,
                       const std::string &path) {
  Reader reader(bytes);
  Result<std::string_view> text = takeHeader(reader, path);
  if (!text.isOk())
    return text.takeStatus();
  HeaderScanner header(*text, path);
  LATHE_RETURN_IF_ERROR(header.scan());

  std::optional<uint64_t> size =
      (CheckedSize::product(*header.shape) * elementBytes(*header.type))
          .value();
  if (!size)
    return Status::error(StatusCode::InvalidFile,
                         path + ": header: shape: the product of the sizes "
                                "overflows");
  if (*size != reader.remaining())
    return Status::error(StatusCode::InvalidFile,
                         path + ": header: shape: needs " +
                             std::to_string(*size) +
                             " bytes of data, the file has " +
                             std::to_string(reader.remaining()));
  return Npy(*header.type, std::move(*header.shape), *reader.take(*size));
}

Result<Npy> Npy::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  Result<Npy> array = parse(file->bytes(), path);
  if (array.isOk())
    array->file = std::move(*file);
  return array;
}

Status lathe::runtime::writeNpy(const std::string &path, ElementType type,
                                std::span<const int64_t> shape,
                                std::span<const std::byte> bytes) {
  auto refuse = [&](const std::string &fault) {
    return Status::error(StatusCode::InvalidArgument, path + ": " + fault);
  };
  std::string descr;
  for (auto [candidate, name] : kTypes)
    if (candidate == type)
      descr = (elementBytes(type) == 1 ? "|" : "<") + std::string(name);
  if (descr.empty())
    return refuse("a .npy file cannot hold elements of type " +
                  std::string(elementName(type)) + " (convert them to F32)");
  if ((CheckedSize::product(shape) * elementBytes(type)).value() !=
      bytes.size())
    return refuse("the shape does not need " + std::to_string(bytes.size()) +
                  " bytes");
  if (shape.size() > Npy::kMaximumRank)
    return refuse("has more than " + std::to_string(Npy::kMaximumRank) +
                  " dimensions");

  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i)
    header += (i ? ", " : "") + std::to_string(shape[i]);
  header += shape.size() == 1 ? ",), }" : "), }";
  // Magic, version and length take 10 bytes, the line's end one.
  size_t whole = *CheckedSize(header.size() + 11).alignedTo(kAlignment).value();
  header.resize(whole - 11, ' ');
  header += '\n';

  std::string prefix(kMagic);
  prefix += '\1';
  prefix += '\0';
  prefix += static_cast<char>(header.size() & 0xFF);
  prefix += static_cast<char>(header.size() >> 8);
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.isOk())
    return file.takeStatus();
  LATHE_RETURN_IF_ERROR(file->write(prefix + header));
  LATHE_RETURN_IF_ERROR(file->write(bytes));
  return file->commit();
}
