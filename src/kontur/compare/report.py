"""The report: one page that needs no other file and no network, its numbers as JSON, its figure as SVG."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.errors import OutputError
from ..core.files import atomic_write
from ..metrics.evaluation import without_nan
from .fair import Comparison, Row
from .pareto import FIGURE_STYLE, pareto_svg
from .sheet import Picture

FILES = ("report.html", "report.json", "pareto.svg")

_NONE = "–"
_LEAST_SHARE = 0.8  # of a core's time that the calls of a method have on a quiet machine
_TITLES = {
    "bsds500": "BSDS500", "camvid": "CamVid", "camvid32": "CamVid", "cityscapes": "Cityscapes", "coco": "COCO",
    "drive": "DRIVE", "grabcut": "GrabCut", "isbi2012": "ISBI 2012", "voc": "Pascal VOC", "voc_augmented": "Pascal VOC",
}  # fmt: skip


def check_output(folder: Path, *, force: bool) -> None:
    """Raises OutputError when a report could not be written later, or (without force) is there already."""
    for name in FILES:
        if (folder / name).exists() and not force:
            raise OutputError(f"{folder / name}: exists already. Use --force to overwrite or -o for another folder")
    standing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not standing.is_dir():
        raise OutputError(f"{standing}: a file stands where the folder should be. Choose another folder with -o")
    if not os.access(standing, os.W_OK | os.X_OK):
        raise OutputError(f"{standing}: no permission to write. Choose another folder with -o")


def write_report(folder: Path, comparison: Comparison) -> tuple[Path, ...]:
    """Write report.html, report.json and pareto.svg, each whole or not at all. Raises OutputError."""
    text = json.dumps(without_nan(comparison.to_dict()), indent=1, ensure_ascii=False) + "\n"
    figure = pareto_svg(comparison.rows, comparison.conditions["metric"], standalone=True)
    paths = tuple(folder / name for name in FILES)
    for path, content in zip(paths, (page(comparison), text, figure), strict=True):
        atomic_write(path, content.encode())
    return paths


def page(comparison: Comparison) -> str:
    """The page: figure, table, scores by class, pictures, conditions; light or dark as the reader's system is."""
    made = files(__package__).joinpath("page")
    style, script = (made.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    told = comparison.conditions
    title = f"{_count(len(comparison.rows), 'method')} on {_title(told)}"
    body = "\n".join(
        part
        for part in (
            _head(title, comparison),
            _figure(comparison),
            _table(comparison),
            _classes(comparison),
            _sheet(comparison),
            _conditions(told, [f"{i.name}: {i.error}" for i in comparison.per_image if i.error is not None]),
        )
        if part
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="generator" content="kontur {_text(told["versions"]["kontur"])}">
<title>{_text(title)}</title>
<style>
{style}{FIGURE_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<script>
{script}</script>
</body>
</html>
"""


# --- the parts of the page ------------------------------------------------------------------------------------------


def _head(title: str, comparison: Comparison) -> str:
    told = comparison.conditions
    sizes = told["sizes"]
    size = " and ".join(sizes) if len(sizes) <= 2 else f"{sizes[0]} and {len(sizes) - 1} other sizes"
    whole = "" if told["images"] == told["images_in_split"] else f" of {told['images_in_split']:,}"
    facts = [
        f"{told['images']:,}{whole} images" if told["images"] != 1 else "1 image" + whole,
        f"{size.replace('x', '×')} pixels" if size else "",
        f"{_count(told['images_failed'], 'image')} left out" if told["images_failed"] else "",
        _count(told["threads"], "thread"),
        str(told["machine"]["processor"]),
        _day(told["date"]),
    ]
    busy = _busy(comparison)
    warning = f'<p class="warning">{_text(busy)}</p>' if busy else ""
    return f'<header>\n<h1>{_text(title)}</h1>\n<p class="facts">{_text(" · ".join(filter(None, facts)))}</p>\n{warning}</header>'


def _figure(comparison: Comparison) -> str:
    metric = comparison.conditions["metric"]
    wide = pareto_svg(comparison.rows, metric)
    narrow = pareto_svg(comparison.rows, metric, width=380, height=340)
    rows = [row for row in comparison.rows if row.score is not None]
    keys = ["Up is better, left is faster."]
    if {row.kind for row in rows} == {"classical", "network"}:
        keys.append("Circles: classical methods; squares: networks.")
    if any(row.class_agnostic for row in rows):
        keys.append("Hollow: regions named from the truth, an upper bound.")
    keys.append("The line joins the methods that no other beats in both.")
    return (
        f'<figure class="pareto">\n<div class="wide">{wide}</div>\n<div class="narrow">{narrow}</div>\n'
        f"<figcaption>{_text(' '.join(keys))}</figcaption>\n</figure>"
    )


def _table(comparison: Comparison) -> str:
    metric = comparison.conditions["metric"]
    columns = (
        ("Method", ""), (f"{metric}, %", "number"), ("Median, ms", "number"), ("p95, ms", "number"),
        ("Images/s", "number"), ("Memory, MB", "number"), ("Parameters", "number"), ("GMAC", "number"),
    )  # fmt: skip
    head = "".join(
        f'<th scope="col" class="{kind}"><button type="button">{_text(name)}</button></th>' for name, kind in columns
    )
    body = "\n".join(_table_row(row, comparison.rows) for row in comparison.rows)
    notes = ""
    if any(row.class_agnostic for row in comparison.rows):
        notes = (
            '<p class="note"><span class="dagger">†</span> These methods find regions, not names. Each region was given the '
            "name that most of its pixels have in the truth, and no naming gets more pixels right: read the score as an "
            "upper bound.</p>"
        )
    return (
        '<section>\n<h2>Results</h2>\n<div class="scroll">\n<table class="sortable">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n{notes}\n</section>"
    )


def _table_row(row: Row, rows: Sequence[Row]) -> str:
    base, *options = row.name.split(":")
    if ".onnx" in row.name or "/" in row.name:
        base, options = row.name, []
    name = _text(base) + "".join(f' <span class="option">{_text(option)}</span>' for option in options)
    dagger = (
        '\u2060<span class="dagger" title="upper bound: regions named from the truth">†</span>'
        if row.class_agnostic
        else ""
    )
    task = f'<span class="task">{_text(row.kind if row.kind == "network" else row.task)}</span>'
    first = f'<th scope="row" data-value="{_text(row.name)}">{name}{dagger}{task}</th>'
    if row.error is not None:
        return f'<tr class="failed">{first}<td colspan="7"><div><span class="label">failed</span> {_text(row.error)}</div></td></tr>'
    best = max((r.score for r in rows if r.score is not None and not r.class_agnostic), default=None)
    strong = " best" if row.score is not None and row.score == best and not row.class_agnostic else ""
    values = (row.score, row.latency_median, row.latency_p95, row.images_per_second, row.peak_memory_mb,
              row.parameters or None, row.gmac)  # fmt: skip
    cells = [
        _cell(value, text, "" if index else strong)
        for index, (value, text) in enumerate(zip(values, format_row(row)[1:], strict=True))
    ]
    return f"<tr>{first}{''.join(cells)}</tr>"


def _classes(comparison: Comparison) -> str:
    """IoU of each class, a column a method; nothing for data without classes."""
    rows = [row for row in comparison.rows if row.scores.get("per_class")]
    if not rows:
        return ""
    colours = {c.name: c.colour for c in comparison.sheet.taxonomy} if comparison.sheet.taxonomy else {}
    head = "".join(f'<th scope="col" class="number">{_wrapped(row.name)}{_dagger(row)}</th>' for row in rows)
    lines = []
    for index, entry in enumerate(rows[0].scores["per_class"]):
        values = [row.scores["per_class"][index]["iou"] for row in rows]
        cells = "".join(_cell(None if v != v else v, _percent(None if v != v else v)) for v in values)
        lines.append(
            f'<tr><th scope="row">{_swatch(colours.get(entry["name"]))}{_text(entry["name"])}</th>{cells}</tr>'
        )
    accuracy = "".join(_cell(None, _percent(row.scores["pixel_accuracy"])) for row in rows)
    return (
        '<section>\n<h2>IoU by class, %</h2>\n<div class="scroll">\n<table class="classes">\n'
        f'<thead><tr><th scope="col">Class</th>{head}</tr></thead>\n<tbody>\n' + "\n".join(lines) + "\n</tbody>\n"
        f'<tfoot><tr><th scope="row">Pixel accuracy</th>{accuracy}</tr></tfoot>\n</table>\n</div>\n</section>'
    )


def _sheet(comparison: Comparison) -> str:
    if not comparison.sheet.rows:
        return ""
    told = comparison.conditions
    lines = []
    for index, kept in comparison.sheet.rows.items():
        image = comparison.per_image[index]
        cells = [_picture("Photo", "", kept.photo), _picture("Truth", "", kept.truth)]
        for row in comparison.rows:
            if row.name in kept.results:
                score = image.scores[row.name]
                said = "" if score != score else f"{score * 100:.1f}"
                cells.append(_picture(row.name + (" †" if row.class_agnostic else ""), said, kept.results[row.name]))
        lines.append(f'<h3>{_text(kept.name)}</h3>\n<div class="strip">\n' + "\n".join(cells) + "\n</div>")
    legend = ""
    if comparison.sheet.taxonomy is not None:
        entries = "".join(f"<li>{_swatch(c.colour)}{_text(c.name)}</li>" for c in comparison.sheet.taxonomy)
        ignored = '<li><span class="swatch void"></span>not counted or no class</li>'
        legend = f'<ul class="legend">{entries}{ignored}</ul>'
    about = {
        "mIoU": "Beside a method: the mean IoU of that image alone, %.",
        "boundary F": "Beside a method: the boundary F of that image, %. Truth: the first of the annotators.",
    }.get(told["metric"], "Beside a method: the IoU of that image, %.")
    shown = _count(len(comparison.sheet.rows), "image")
    return (
        f'<section>\n<h2>Images</h2>\n<p class="note">{shown} of {told["images"]:,}, spread evenly over the set. '
        f"{_text(about)}</p>\n{legend}\n" + "\n".join(lines) + "\n</section>"
    )


def _conditions(told: dict[str, Any], left_out: Sequence[str]) -> str:
    machine, load = told["machine"], told["load_average"]
    memory = f", {machine['memory_gb']:g} GB" if machine["memory_gb"] else ""
    busy = "" if load["before"] is None else f"{load['before']:g} before, {load['after']:g} after"
    facts = {
        "Data": f"{told['data']}, split {told['split']}, {told['images']:,} of {told['images_in_split']:,} images",
        "Score": told["protocol"],
        "Size": f"{told['size'][0]}×{told['size'][1]} (height × width), all images"
        if told["size"]
        else "each image's own",
        "Threads": f"{told['threads']}, for BLAS, OpenMP and ONNX Runtime alike",
        "Calls": f"{told['warm_up']} to warm up, then {told['repeat']} for each image",
        "Machine": f"{machine['processor']}, {_count(machine['cores'], 'core')}{memory}, {machine['system']}",
        "Left out": "; ".join(left_out),
        "Load average": busy,
        "Versions": ", ".join(f"{name} {number}" for name, number in told["versions"].items()),
        "Date": f"{told['date'].replace('T', ' ')[:16]} UTC, {told['seconds']:,.0f} s in all",
        "Latency": told["definitions"]["latency_ms"],
        "Memory": told["definitions"]["peak_memory_mb"],
        "Parameters": told["definitions"]["parameters"],
        "GMAC": told["definitions"]["gmac"],
    }
    entries = "\n".join(f"<dt>{_text(k)}</dt><dd>{_text(v)}</dd>" for k, v in facts.items() if v)
    return f'<section>\n<h2>Conditions</h2>\n<dl>\n{entries}\n</dl>\n<p class="note">Made by <code>kontur compare</code>.</p>\n</section>'


def format_row(row: Row) -> tuple[str, ...]:
    """name, score in %, median and p95 in ms, images/s, MB, parameters, GMAC: as the page shows them."""
    if row.error is not None:
        return (row.name, "failed", *[_NONE] * 6)
    return (
        row.name + (" †" if row.class_agnostic else ""),
        _percent(row.score),
        _significant(row.latency_median, 1000),
        _significant(row.latency_p95, 1000),
        _significant(row.images_per_second),
        _NONE if row.peak_memory_mb is None else f"{row.peak_memory_mb:,.0f}",
        _parameters(row.parameters),
        _significant(row.gmac),
    )


# --- words and numbers ----------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    return html.escape(str(value))


def _wrapped(name: str) -> str:
    """A name that may break before its options."""
    return _text(name).replace(":", "<wbr>:")


def _title(told: dict[str, Any]) -> str:
    split = "" if told["split"] == "all" else f" {told['split']}"
    return _TITLES.get(told["data"], told["data"]) + split


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _day(date: str) -> str:
    day = datetime.fromisoformat(date)
    return f"{day.day} {day:%B %Y}"


def _busy(comparison: Comparison) -> str:
    """A warning when others wanted the cores that were measured on."""
    told = comparison.conditions
    load, cores = told["load_average"]["before"], told["machine"]["cores"]
    shares = [row.cpu_share for row in comparison.rows if row.cpu_share is not None]
    crowded = load is not None and cores and load > max(0.5, cores - told["threads"] + 0.5)
    if not crowded and min(shares, default=1.0) >= _LEAST_SHARE:
        return ""
    said = [f"load {load:g} on {_count(cores, 'core')}"] if crowded else []
    if shares and min(shares) < _LEAST_SHARE:
        said.append(f"calls had down to {min(shares) * 100:.0f} % of a core")
    return f"The machine was busy ({'; '.join(said)}): times are longer than on a quiet one."


def _dagger(row: Row) -> str:
    return '<span class="dagger">†</span>' if row.class_agnostic else ""


def _swatch(colour: tuple[int, int, int] | None) -> str:
    return "" if colour is None else f'<span class="swatch" style="background:rgb{tuple(colour)}"></span>'


def _picture(name: str, score: str, picture: Picture) -> str:
    value = f"<span>{_text(score)}</span>" if score else ""
    return (
        f'<figure><img src="{picture.address}" width="{picture.width}" height="{picture.height}" alt="{_text(name)}">'
        f"<figcaption><b>{_wrapped(name)}</b>{value}</figcaption></figure>"
    )


def _cell(value: float | None, text: str, more: str = "") -> str:
    known = "" if value is None else f' data-value="{value:.9g}"'
    return f'<td class="number{more}"{known}>{text}</td>'


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{value * 100:.1f}"


def _significant(value: float | None, factor: float = 1.0) -> str:
    """Three significant digits, never an exponent."""
    if value is None:
        return _NONE
    value *= factor
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _parameters(value: int | None) -> str:
    if not value:
        return _NONE
    return f"{value / 1e6:.3g} M" if value >= 1e6 else f"{value / 1e3:.3g} k" if value >= 1e3 else str(value)
