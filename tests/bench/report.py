"""Figures of records: the table, the JSON, and the section of docs/performance.md."""

import json
import re
import statistics

import machine
import rounds
from runner import LATHE

SCHEMA = "lathe.bench.v2"
BEGIN, END = "<!-- scripts/bench writes from here -->", "<!-- to here -->"
HEADING = ("work", "threads", "Lathe", "best peer", "ratio", "limit", "share", "target", "met")


def samples_of(record, engine):
    return [rounds.Sample(**sample) for sample in record.get("engines", {}).get(engine, [])]


def values(record, samples):
    """Each sample in the unit of the record: milliseconds, or the amount by the second."""
    if record["unit"] == "ms":
        return [sample.time() * 1e3 for sample in samples]
    return [record["amount"] / sample.time() for sample in samples]


def summarise(record):
    """What a record says, each figure as a spread; without Lathe's samples, why there are none."""
    own = samples_of(record, LATHE)
    if not own:
        return {"failure": record["failures"].get(LATHE, "not measured")}
    result = rounds.Result({name: samples_of(record, name) for name in record["engines"]}, record["failures"])
    kind = rounds.binding_limit(own, record["demands"])
    found = {"value": rounds.spread(values(record, own)), "share": rounds.spread(rounds.shares(own, record["demands"])),
             "limit": {"kind": kind, "unit": machine.UNITS[kind], **rounds.spread([s.limit(kind) for s in own])},
             "engines": {name: rounds.spread(values(record, samples)) for name, samples in result.samples.items()}}
    best = rounds.fastest(result, [name for name in result.samples if name != LATHE])
    if best:
        found.update(best=best, ratio=rounds.spread(rounds.ratios(own, result.samples[best])))
    found["met"] = is_met(record["target"], found, record.get("cosine", {}).get(LATHE))
    return found


# Of the limit: nobody is asked to be faster than the machine.
ENOUGH = 0.85


def is_met(target, found, cosine):
    """If a target is reached; None where there is none, or nothing to hold it against. A ratio to a peer counts as
    reached where the limit is."""
    share = found["share"]["median"]
    wanted = [share >= target["share"]] if target["share"] is not None else []
    if target["ratio"] is not None and "ratio" in found:
        wanted.append(found["ratio"]["median"] >= target["ratio"] or share >= ENOUGH)
    if target.get("cosine") is not None and cosine is not None:
        wanted.append(cosine >= target["cosine"])
    return all(wanted) if wanted else None


def number(value):
    """Three digits that count."""
    digits = max(0, 3 - len(str(int(abs(value))))) if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def ranged(spread, unit=""):
    return f"{number(spread['median'])} ({number(spread['min'])}–{number(spread['max'])}){unit and ' ' + unit}"


def percent(spread):
    return f"{100 * spread['median']:.0f} % ({100 * spread['min']:.0f}–{100 * spread['max']:.0f})"


def target_cell(target):
    parts = []
    if target["ratio"] is not None:
        parts.append(f"≥ {target['ratio']:g} ×")
    if target["share"] is not None:
        parts.append(f"≥ {100 * target['share']:g} %")
    if target.get("cosine") is not None:
        parts.append(f"cosine ≥ {target['cosine']:g}")
    return ", ".join(parts) or "–"


def cells(record):
    """The row of the table that stands for a record."""
    found = summarise(record)
    start = [record["name"], str(record["threads"])]
    if "failure" in found:
        return [*start, "not measured", "–", "–", "–", "–", target_cell(record["target"]), "–"]
    best, ratio = "–", "–"
    if "best" in found:
        best = f"{ranged(found['engines'][found['best']])} {found['best']}"
        ratio = f"{ranged(found['ratio'])} ×"
    limit = f"{number(found['limit']['median'])} {found['limit']['unit']} {found['limit']['kind']}"
    met = {True: "yes", False: "no", None: "–"}[found["met"]]
    return [*start, ranged(found["value"], record["unit"]), best, ratio, limit, percent(found["share"]),
            target_cell(record["target"]), met]


def table(heading, lines):
    """A table in Markdown; columns behind the first stand at the right."""
    rule = ["---"] + ["--:"] * (len(heading) - 1)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n"
                   for line in (heading, rule, *lines))


def notes(records):
    """Why rows and peers are missing, each reason once."""
    found = {}
    for record in records:
        for engine, reason in record["failures"].items():
            found.setdefault((engine, reason), []).append(f"{record['name']} ({record['threads']})")
    return "".join(f"- {engine}, {', '.join(names)}: {reason}\n" for (engine, reason), names in found.items())


def disturbed(records):
    """Rows of which most rounds were disturbed, however many were made."""
    names = [f"{record['name']} ({record['threads']})" for record in records
             if record.get("others") and statistics.median(record["others"]) > rounds.MOST_OTHERS]
    return ", ".join(names)


def engine_table(records):
    """Every engine of the rows that have several, with the cosine of its output to f32."""
    lines = []
    for record in records:
        found = summarise(record)
        if len(found.get("engines", {})) < 3:
            continue
        for name, spread in sorted(found["engines"].items(), key=lambda item: item[1]["median"]):
            cosine = record.get("cosine", {}).get(name)
            lines.append([record["name"], str(record["threads"]), name, ranged(spread, record["unit"]),
                          f"{cosine:.5f}" if cosine is not None else "–"])
    return table(("work", "threads", "engine", "measured", "cosine to f32"), lines) if lines else ""


def memory_table(records):
    lines = []
    for record in records:
        name = record["name"].removeprefix("memory, ")
        if "failure" in record:
            lines.append([name, "not measured", "–", "–", "–", "–"])
            continue
        parts = [record[name] / 1e6 for name in ("weight_bytes", "cache_bytes", "arena_bytes")]
        peak = record["peak_bytes"] / 1e6
        lines.append([name, f"{peak:.1f} MB", *(f"{part:.1f} MB" for part in parts),
                      f"{peak / sum(parts):.2f} ×"])
    return table(("`lathe bench`, peak resident", "peak", "weights", "cache", "arena", "of their sum"), lines)


def markdown(run):
    """All tables of a run."""
    parts = [table(HEADING, [cells(record) for record in run["rows"]])]
    engines = engine_table(run["rows"])
    if engines:
        parts.append("Every engine, where a row has several peers:\n\n" + engines)
    if run["memory"]:
        parts.append(memory_table(run["memory"]))
    missing = notes(run["rows"]) + "".join(f"- {r['name']}: {r['failure']}\n" for r in run["memory"] if "failure" in r)
    if missing:
        parts.append("Not measured:\n\n" + missing)
    if disturbed(run["rows"]):
        parts.append(f"Other programs took more than {100 * rounds.MOST_OTHERS:.0f} % of the processors in most rounds "
                     f"of: {disturbed(run['rows'])}.\n")
    return "\n".join(parts)


def describe(run):
    """Where, when and how a run was made, in a paragraph."""
    about = run["machine"]
    limits = "; ".join(
        f"{threads} thread{'s' if threads != '1' else ''}: " + ", ".join(
            f"{kind} {number(rate)} {machine.UNITS[kind]}" for kind, rate in rates.items())
        for threads, rates in run["limits"].items())
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    earlier = "".join(f" Other rows: `{run['command']}`, {run['date']}, Lathe {run['lathe']}."
                      for run in run.get("earlier", []))
    return (f"{run['date']}, {about['cpu']} (family {about['family']}, model {about['model']}), "
            f"{about['processors']} processors, {about['memory_gb']:g} GB, {about['system']}; {versions}. "
            f"{run['options']['rounds']} rounds; median (smallest–largest). Other programs used "
            f"{100 * about['others']:.0f} % of the processors meanwhile.{earlier}\n\n"
            f"Limits at the start: {limits}.\n")


def section(run, plot):
    """What stands between the marks of docs/performance.md."""
    return (f"{BEGIN}\n\n    {run['command']}\n\n{describe(run)}\n![shares and ratios]({plot})\n\n"
            f"{markdown(run)}\n{END}")


def write_docs(path, run, plot):
    """Puts the section into the page, in place of the one that is there."""
    text = path.read_text()
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"error: {path}: has no line {BEGIN}")
    path.write_text(pattern.sub(lambda _: section(run, plot), text))


def write_json(path, run):
    """All of a run, every sample and the figures made of them."""
    full = {**run, "rows": [{**record, "figures": summarise(record)} for record in run["rows"]]}
    path.write_text(json.dumps(full, indent=1) + "\n")
