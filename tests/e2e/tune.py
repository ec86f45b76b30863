"""What `lathe compile --tune` measures, keeps and takes.

    tune.py BUILD_DIRECTORY

Says nothing of speed: which schedule wins is the machine's business, and no result
depends on it (schedules.py).
"""

import json
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tiny
from program import Program, check

program = Program(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    model = folder / "tiny"
    tiny.write_checkpoint(model)
    env = {"LATHE_CACHE_DIR": str(folder / "cache")}
    level = json.loads(program.run("env", "--json").stdout)["targets"].split(", ")[0]

    def compiled(name, *flags):
        """The artifact's bytes, and the messages."""
        done = program.run("-v", "compile", model, "-o", folder / name, *flags, env=env)
        return (folder / name).read_bytes(), done.stderr

    def rows(*flags):
        """The steps of --timing."""
        done = program.run("compile", model, "-o", folder / "timed.lathe", "--timing", *flags, env=env)
        return re.findall(r"^ *\d+\.\d{3} +\d+\.\d%  ([a-z]+)", done.stderr, re.M)

    # Nothing is known, and there is no time to find anything out.
    plain, _ = compiled("plain.lathe", "--dump-ir", folder / "dump")
    _, messages = compiled("nothing.lathe", "--tune=0")
    note = re.search(r"tuned 0 kinds of kernels, 0 of them to other schedules, (\d+) left; the results are in (.*)",
                     messages)
    check(note, messages)
    cache = pathlib.Path(note[2])
    check(cache.is_relative_to(folder / "cache") and not cache.exists(), f"{cache} is there before anything was found")
    every = json.loads((folder / "dump" / level / "schedules.json").read_text())
    check(int(note[1]) == len(every["levels"][level]), "as many kinds as the dump has")

    # All kinds but one are known, and not as the compiler would choose; that one is measured,
    # since what is there of it fits no register file.
    known = {name: {**schedule, "row_block": schedule["rows"]} for name, schedule in every["levels"][level].items()}
    missing = sorted(known)[-1]
    unfit = {**known.pop(missing), "rows": 16, "row_block": 16, "columns": 256}
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps({"schema": every["schema"], "levels": {level: {**known, missing: unfit}}}))
    tuned, messages = compiled("tuned.lathe", "--tune=3600")
    check("tuned 1 kinds" in messages and " 0 left" in messages, messages)
    text = cache.read_text()
    file = json.loads(text)
    kept = file["levels"][level]
    check({name: kept[name] for name in known} == known and set(kept) == {*known, missing}, "adds the missing kind")
    check(kept[missing] != unfit, "keeps what does not fit")
    check(list(kept) == sorted(kept) and text.count("\n") == len(kept) + 8, "one line a kernel, in order")
    check(file["machine"].endswith("workers"), f"machine {file['machine']!r}")

    # From then on it is taken without a measurement: the same file, the same artifact.
    for flag in ("--tune=0", "--tune=3600"):
        again, messages = compiled("again.lathe", flag)
        check("tuned 0 kinds" in messages and " 0 left" in messages, messages)
        check(again == tuned and cache.read_text() == text, f"{flag}: other bytes")
    steps = rows("--tune=0")
    check(steps.count("tune") == 1 and steps.index("plan") < steps.index("tune") < steps.index("code"),
          f"the search is a step: {steps}")
    check("tune" not in rows(), "a plain compile has no search")
    # A compile that does not ask for it never sees it, and a file goes before it.
    check(compiled("plain2.lathe")[0] == plain != tuned, "a plain compile does not depend on the machine")
    dump = json.loads((folder / "dump" / level / "schedules.json").read_text())
    check(dump == every, "the dump of a plain compile")
    compiled("both.lathe", "--tune=0", "--schedules", folder / "dump" / level / "schedules.json", "--dump-ir",
             folder / "both")
    check(json.loads((folder / "both" / level / "schedules.json").read_text()) == every, "--schedules before --tune")
    # A cache that is broken holds nothing, and that is said.
    cache.write_text("{")
    messages = compiled("broken.lathe", "--tune=0")[1]
    check(" left" in messages and f"warning: {cache}: " in messages, f"a broken cache: {messages}")

    arguments = ["compile", model, "-o", folder / "x.lathe"]
    for value in ("x", "-1", "1.5", "86401"):
        program.refuses(2, ["--tune: expected a whole number from 0 to 86400", value], *arguments, f"--tune={value}")
    program.refuses(2, ["--tune=", "expected a value"], *arguments, "--tune=")
    program.refuses(2, ["--schedules", "expected a path"], *arguments, "--schedules", "")
    program.refuses(1, ["--tune", "-O0"], *arguments, "--tune", "-O0")
    other = "aarch64" if level != "aarch64" else "x86-64-v3"
    program.refuses(1, ["--tune", "add host"], *arguments, "--tune", "--target", other)
