"""`kontur compare`: the files it writes, the page that needs nothing else, mistakes in one line."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image as Pillow

from command_line import run
from kontur.compare.fair import Row
from kontur.compare.pareto import Point, front, pareto_svg


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    from kontur.cli import screen

    monkeypatch.setattr(screen, "_quiet", False)


@pytest.fixture
def data(tmp_path):
    """Three images of two halves; a < b & "c" is a name that HTML must not swallow."""
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    halves = np.where(np.arange(40) < 20, 40, 200).astype(np.uint8) * np.ones((30, 1), np.uint8)
    for number in range(3):
        Pillow.fromarray(halves).save(root / "images" / f"i{number}.png")
        mask = (halves > 100).astype(np.uint8) * 2
        mask[: 5 * number] = 1
        Pillow.fromarray(mask).save(root / "masks" / f"i{number}.png")
    (root / "classes.txt").write_text('sky\na<b&"c"\nroad\n')
    return root


class Page(HTMLParser):
    """What a page asks for from elsewhere, the rows of its tables, its pictures."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.rows, self.pictures, self.tags = [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
                self.addresses.append(value)
        if tag == "img":
            self.pictures += 1
        if tag == "tr":
            self.rows.append("")

    def handle_data(self, text):
        if self.rows:
            self.rows[-1] += text


def test_the_report(capsys, tmp_path, data):
    out_dir = tmp_path / "report"
    arguments = ("--methods", "otsu,Three=kmeans:clusters=3,missing.onnx", "--data", f"folder:{data}:all", "--sheet", 2)
    code, _, err = run(capsys, "compare", *arguments, "-o", out_dir)
    assert code == 2
    assert "missing.onnx: no such file" in err
    assert not out_dir.exists(), "a name that leads to nothing is told before anything is measured"
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    methods = f"otsu,Three=kmeans:clusters=3,{tmp_path / 'broken.onnx'}"
    arguments = ("--methods", methods, "--data", f"folder:{data}:all", "--sheet", 2, "--threads", 1, "-o", out_dir)
    code, out, err = run(capsys, "compare", *arguments)
    assert code == 0, "the others are measured"
    assert err.startswith("kontur: broken: ")
    assert err.count("\n") == 1
    assert "otsu †" in out
    assert "upper bound" in out

    report = json.loads((out_dir / "report.json").read_text())
    assert set(report) == {"conditions", "methods", "per_image"}
    conditions = report["conditions"]
    assert (conditions["data"], conditions["split"], conditions["images"]) == ("folder", "all", 3)
    assert (conditions["threads"], conditions["warm_up"], conditions["repeat"]) == (1, 1, 1)
    assert {"kontur", "python", "numpy", "onnxruntime"} <= set(conditions["versions"])
    assert {"machine", "date", "metric", "protocol", "size"} <= set(conditions)
    keys = {"name", "task", "score", "metric", "latency_ms", "images_per_second", "peak_memory_mb", "parameters", "gmac",
            "class_agnostic", "error"}  # fmt: skip
    otsu, three, broken = report["methods"]
    for row in report["methods"]:
        assert keys <= set(row)
        assert set(row["latency_ms"]) == {"median", "p95"}
    # Of 3 x 1200 pixels the second and third image have 200 and 400 of a<b: each half is named by most, so b is never
    # found. sky: 3 x 600 given, 600 + 500 + 400 right and true; road alike.
    assert otsu["score"] == pytest.approx((1500 / 1800 + 0 + 1500 / 1800) / 3)
    assert otsu["class_agnostic"] is True
    assert otsu["latency_ms"]["median"] > 0
    assert otsu["peak_memory_mb"] > 10
    assert (three["name"], three["options"]) == ("Three", {"clusters": 3})
    assert (broken["score"], broken["latency_ms"]) == (None, {"median": None, "p95": None})
    assert "expected a whole ONNX network" in broken["error"]
    assert [image["name"] for image in report["per_image"]] == ["i0", "i1", "i2"]
    assert report["per_image"][0]["methods"]["otsu"]["score"] == 1.0
    assert report["per_image"][2]["methods"]["otsu"]["score"] == pytest.approx((400 / 600 + 0 + 400 / 600) / 3)

    text = (out_dir / "report.html").read_text()
    page = Page(text)
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert page.pictures == 2 * (2 + 2), "photo, truth and the two results of the two images"
    assert not re.search(r"(https?:)?//[a-z]|@import|url\(", text.split("<script>")[0])
    assert "Content-Security-Policy" in text
    assert "a&lt;b&amp;&quot;c&quot;" in text
    assert "a<b" not in text
    assert {"script", "svg", "table"} <= set(page.tags)
    shown = [row for row in page.rows if row.startswith(("otsu", "Three", "broken"))]
    assert "†" in shown[0]
    assert f"{otsu['score'] * 100:.1f}" in shown[0]
    assert "failed" in shown[2]
    assert (out_dir / "pareto.svg").read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')

    before = (out_dir / "report.json").read_bytes()
    code, _, err = run(capsys, "compare", *arguments)
    assert code == 2
    assert "report.html: exists already. Use --force" in err
    assert (out_dir / "report.json").read_bytes() == before
    code, out, err = run(capsys, "compare", *arguments, "--force", "-q", "--limit", 1, "--size", "15x20")
    assert (code, out) == (0, "")
    again = json.loads((out_dir / "report.json").read_text())
    assert (again["conditions"]["images"], again["conditions"]["images_in_split"]) == (1, 3)
    assert again["conditions"]["size"] == [15, 20]
    assert (again["per_image"][0]["height"], again["per_image"][0]["width"]) == (15, 20)


def test_one_bad_truth_costs_its_row_alone(capsys, tmp_path, data):
    """The report is written, the bad item is told on the screen, in the JSON and on the page; as with a failing method, exit 0."""
    (data / "masks" / "i1.png").write_bytes(b"cut")
    out_dir = tmp_path / "report"
    code, _, err = run(capsys, "compare", "--methods", "otsu", "--data", f"folder:{data}:all", "-o", out_dir)
    assert code == 0
    assert err.startswith("kontur: i1: ")
    assert err.count("\n") == 1
    report = json.loads((out_dir / "report.json").read_text())
    assert [image["error"] is None for image in report["per_image"]] == [True, False, True]
    assert report["per_image"][1]["methods"] == {}
    # sky: 600 and 400 of 1200 given; road alike; a<b never.
    assert report["methods"][0]["score"] == pytest.approx((1000 / 1200 + 0 + 1000 / 1200) / 3)
    page = (out_dir / "report.html").read_text()
    assert "1 image left out" in page
    assert "i1.png" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--methods": "otsuu"}, "no method named 'otsuu'. Did you mean 'otsu'?"),
        ({"--methods": "clicks"}, "clicks needs a prompt"),
        ({"--methods": ","}, "option --methods: expected names"),
        ({"--methods": "kmeans:clusters=many"}, "option clusters: expected a whole number"),
        ({"--data": "camvd:."}, "no data set named 'camvd'. Did you mean 'camvid'"),
        ({"--data": "camvid:."}, "expected CamVid's folders"),
        ({"--data": "folder:nowhere:all"}, "nowhere: no such folder"),
        ({"--data": "folder:SET:tst"}, "no split named 'tst'"),
        ({"--data": "folder:EMPTY"}, "expected"),
        ({"-o": "SET/classes.txt/report"}, "classes.txt: a file stands where the folder should be"),
        ({"--size": "large"}, "option --size: expected HxW in pixels"),
        ({"--size": "0x9"}, "option --size: expected HxW in pixels"),
        ({"--timeout": "0"}, "option timeout: expected seconds above 0"),
        ({"--timeout": "nan"}, "option timeout: expected seconds above 0"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, data, change, message):
    (tmp_path / "empty" / "images").mkdir(parents=True)
    (tmp_path / "empty" / "masks").mkdir()
    (tmp_path / "empty" / "classes.txt").write_text("a\nb\n")
    given = {"--methods": "otsu", "--data": f"folder:{data}:all", "-o": str(tmp_path / "out"), **change}
    given = {k: v.replace("SET", str(data)).replace("EMPTY", str(tmp_path / "empty")) for k, v in given.items()}
    code, out, err = run(capsys, "compare", *[word for pair in given.items() for word in pair])
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


# --- the figure -------------------------------------------------------------------------------------------------------


def test_the_front_by_hand():
    a, b, c, d = Point("a", 1, 0.2), Point("b", 10, 0.5), Point("c", 20, 0.4), Point("d", 30, 0.6)
    bound = Point("bound", 0.5, 0.9, bound=True)
    assert [p.name for p in front([d, c, bound, b, a])] == ["a", "b", "d"], "c is slower and worse than b"
    assert front([bound]) == (bound,), "among nothing but bounds they are compared"
    assert [p.name for p in front([Point("x", 1, 0.3), Point("y", 1, 0.4)])] == ["y"]


def test_the_figure_has_each_method_at_its_place():
    rows = [
        Row("slow", "semantic", "network", "mIoU", score=0.8, latency_median=0.1),
        Row("fast", "regions", "classical", "mIoU", score=0.2, latency_median=0.001, class_agnostic=True),
        Row("lost", "regions", "classical", "mIoU", error="no"),
    ]
    drawn = pareto_svg(rows, "mIoU")
    (circle,) = re.findall(r'<circle class="mark bound" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    (square,) = re.findall(r'<rect class="mark" x="([\d.]+)" y="([\d.]+)"', drawn)
    assert float(circle[0]) < float(square[0])
    assert float(circle[1]) > float(square[1])
    assert "lost" not in drawn
    ticks = {float(text): float(y) for y, text in re.findall(r'y="([\d.]+)" text-anchor="end">([\d.]+)<', drawn)}
    per_percent = (ticks[80] - ticks[0]) / 80
    assert float(circle[1]) == pytest.approx(ticks[0] - 4 + 20 * per_percent, abs=0.2), "the axis says 20 %"
    assert "no method has a score" in pareto_svg([rows[2]], "mIoU")
