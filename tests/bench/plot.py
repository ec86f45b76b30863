"""Draws a run as SVG: for each row, with each number of threads, a bar of its share of the machine's limit and one
of its speed over the best peer's.
"""

import html

import report

NAME_WIDTH, THREADS_WIDTH, BAR_WIDTH, GAP = 350, 28, 300, 60
TOP, LANE, ROW_GAP = 58, 12, 6
COLOURS = {"share": "#2b6cb0", "ratio": "#2f855a", "behind": "#c05621", "grid": "#d7d7d7", "text": "#222222"}
MOST_SHARE, MOST_RATIO = 1.2, 4.0  # Longer bars are cut; their numbers are not.


def text(x, y, content, anchor="start", size=11, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{COLOURS["text"]}">{html.escape(content)}</text>\n')


def line(x1, y1, x2, y2, colour, extra=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="1" {extra}/>\n')


def bar(x, y, spread, scale, colour, label):
    """A bar with a line from its smallest to its largest value; `scale` is units of the picture for 1."""
    width, least, most = (min(spread[name] * scale, BAR_WIDTH) for name in ("median", "min", "max"))
    middle = y + LANE / 2
    return (f'<rect x="{x:.1f}" y="{y + 1.5:.1f}" width="{width:.1f}" height="{LANE - 3}" fill="{colour}"/>\n'
            + line(x + least, middle, x + most, middle, "#000000", 'opacity="0.6"')
            + text(x + max(width, most) + 4, y + LANE - 2.5, label, size=10))


def axis(x, scale, marks, bottom, title):
    parts = [text(x, 34, title, weight="bold")]
    for value, label in marks:
        parts.append(line(x + value * scale, TOP - 4, x + value * scale, bottom, COLOURS["grid"]))
        parts.append(text(x + value * scale, TOP - 8, label, "middle", 10))
    return "".join(parts)


def measured(run):
    """{name of a row: its (record, figures)}, of the rows that were measured."""
    rows = {}
    for record in run["rows"]:
        figures = report.summarise(record)
        if "failure" not in figures:
            rows.setdefault(record["name"], []).append((record, figures))
    return rows


def draw(run):
    """The picture of a run, as text."""
    rows = measured(run)
    bottom = TOP + sum(LANE * len(lanes) + ROW_GAP for lanes in rows.values())
    shares = NAME_WIDTH + THREADS_WIDTH + 6
    ratios = shares + BAR_WIDTH + GAP
    share_scale, ratio_scale = BAR_WIDTH / MOST_SHARE, BAR_WIDTH / MOST_RATIO
    width, height = ratios + BAR_WIDTH + GAP, bottom + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Arial, sans-serif">\n',
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n',
             text(8, 18, f"Lathe on {run['machine']['cpu']}, {run['date'][:10]}", size=13, weight="bold"),
             axis(shares, share_scale, [(v / 4, f"{25 * v} %") for v in range(5)], bottom,
                  "share of the machine's limit"),
             axis(ratios, ratio_scale, [(v, f"{v} ×") for v in range(int(MOST_RATIO) + 1)], bottom,
                  "speed over the best peer's")]
    y = TOP
    for name, lanes in rows.items():
        parts.append(text(NAME_WIDTH, y + LANE * len(lanes) / 2 + 4, name, "end"))
        for record, figures in lanes:
            share = figures["share"]
            parts.append(text(NAME_WIDTH + THREADS_WIDTH, y + LANE - 2.5, f"{record['threads']} t", "end", 9))
            parts.append(bar(shares, y, share, share_scale, COLOURS["share"], f"{100 * share['median']:.0f} %"))
            if "ratio" in figures:
                ratio = figures["ratio"]
                colour = COLOURS["ratio" if ratio["median"] >= 1 else "behind"]
                parts.append(bar(ratios, y, ratio, ratio_scale, colour, f"{ratio['median']:.2f} ×"))
            y += LANE
        y += ROW_GAP
    parts.append(line(ratios + ratio_scale, TOP - 4, ratios + ratio_scale, bottom, COLOURS["text"],
                      'stroke-dasharray="3 3"'))
    return "".join(parts) + "</svg>\n"
