"""Checks that the limits of docs/security.md are those of the code. Run from the root.

- each row of its table that names a constant has that constant's value
- each constant kMax…, kMost…, kLargest…, kLongest… or LATHE_…MAX… of a header that reads bytes from outside is in the table
"""

import pathlib
import re
import sys

UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
HEADERS = ["runtime/*.h", "runtime/abi/*.h", "runtime/devices/*.h", "runtime/formats/*.h", "runtime/text/*.h"]
NUMBER = re.compile(r"[0-9][0-9a-fA-FxX']*[uUlL]*")
errors = []


def evaluate(expression):
    """The value of a C++ constant: a product or shift of numbers."""
    text = re.sub(r"\b(?:u?int\d+_t|size_t|double)\b", "", expression)
    text = NUMBER.sub(lambda m: m[0].replace("'", "").rstrip("uUlL"), text)
    if not re.fullmatch(r"[\d\s()<*+-]*", text):
        return None
    return eval(text)  # digits and operators alone


def constant(source, name):
    """The value of `name` in `source`, a constant, a default or a macro."""
    match = re.search(rf"\b{name}\s*=\s*([^;]+);|#define {name} (.+)", source)
    return evaluate(match[1] or match[2]) if match else None


rows = {}
document = pathlib.Path("docs/security.md").read_text()
for what, limit, where in re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \|$", document, re.M):
    path, name = where.rsplit(" ", 1)
    rows[path, name] = what
    number = re.match(r"([\d,]+)(?: (\w+))?", limit)
    stated = int(number[1].replace(",", "")) * UNITS.get(number[2] or "", 1) if number else None
    source = pathlib.Path(path)
    actual = constant(source.read_text(), name) if source.exists() else None
    if stated is None or stated != actual:
        errors.append(f"docs/security.md: {what}: is {limit}, but {name} of {path} is {actual}")
if len(rows) < 10:
    errors.append(f"docs/security.md: only {len(rows)} rows name a constant")

LIMIT = re.compile(r"constexpr [\w:]+ (k(?:Max|Most|Largest|Longest)\w+)\s*=|#define (LATHE_\w*MAX\w*) ")
for pattern in HEADERS:
    for header in sorted(pathlib.Path().glob(pattern)):
        for match in LIMIT.finditer(header.read_text()):
            name = match[1] or match[2]
            if (str(header), name) not in rows:
                errors.append(f"{header}: {name} is not in the table of docs/security.md")

print("\n".join(errors))
sys.exit(bool(errors))
