"""The page in a real browser (Playwright with Debian's Chromium) against a real server. `make test-web` installs both."""

from __future__ import annotations

import base64
import io
import json
import re
import urllib.request

import numpy as np
import pytest
from PIL import Image as Picture

from web.browsing import (
    STATIC,
    browser,
    canvas_pixel,
    downloaded,
    drag,
    expect,
    opened,
    page,
    png,
    screen,
    segments,
    server,
    step,
    two_discs,
    upload,
)

__all__ = ["browser", "page", "server"]  # fixtures


# --- images ---------------------------------------------------------------------------------------------------------------


def test_uploaded_image_is_cut_at_once_and_says_what_lies_under_the_pointer(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-about")).to_contain_text("2 segments")
    assert sorted(segments(page)) == ["Background", "Object 1"]
    page.mouse.move(*screen(page, 60, 80))
    expect(page.locator("#tip")).to_contain_text("Object 1")
    assert "px · " in page.locator("#tip small").text_content()
    page.mouse.move(*screen(page, 120, 80))
    expect(page.locator("#tip")).to_contain_text("Background")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_dropped_and_pasted_image(page, way):
    page.select_option("#method", "otsu")
    page.evaluate(
        """([text, way]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "given.png", { type: "image/png" }));
            const event = way === "drop"
                ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
                : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
            document.body.dispatchEvent(event);
        }""",
        [base64.b64encode(png(two_discs())).decode(), way],
    )
    expect(page.locator("#image-name")).to_contain_text("given.png · 240 × 160")
    expect(page.locator("#result-about")).to_contain_text("2 segments")


def test_sample(page):
    page.select_option("#method", "otsu")
    page.locator("#samples button").first.click()
    expect(page.locator("#result-section")).to_be_visible()
    assert page.locator("#sample-select option").count() > 1


def test_share_of_a_speck_is_not_nothing(page):
    page.select_option("#method", "otsu")
    pixels = np.zeros((160, 240), np.uint8)
    pixels[70:73, 100:104] = 255  # 0.03 %
    upload(page, pixels)
    expect(page.locator("#segments small").last).to_have_text("12 px · < 0.1 %")


def test_ways_of_drawing_a_result(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-section")).to_be_visible()
    page.click('[data-style="fill"]')
    assert canvas_pixel(page, 60, 80)[3] == 255, "an object is filled"
    assert canvas_pixel(page, 120, 80)[3] == 0, "the background is the photo itself"
    page.click('[data-style="outlines"]')
    assert canvas_pixel(page, 60, 80)[3] == 0, "nothing inside"
    assert canvas_pixel(page, 60 - 34, 80)[3] == 255, "the disc's last pixel is on the outline"
    page.locator("#opacity").fill("40")
    expect(page.locator("canvas.left")).to_have_css("opacity", "0.4")
    page.keyboard.press("h")
    expect(page.locator("canvas.left")).to_be_hidden()


# --- the form of a method -------------------------------------------------------------------------------------------------


def test_form_has_every_option_of_the_registry_with_its_range(page):
    from kontur import registry

    upload(page, two_discs())
    for name in ("slic", "canny", "grabcut"):
        page.select_option("#method", name)
        for option in registry.get(name).options:
            field = page.locator(f"#option-{option.name}")
            expect(field).to_be_visible()
            if option.choices:
                assert field.locator("option").all_text_contents()[-len(option.choices) :] == list(option.choices)
            elif option.type is bool:
                assert field.is_checked() == option.default
            elif option.low is not None:
                assert float(field.get_attribute("min")) == option.low


def test_wrong_value_is_said_beside_the_field_and_not_sent(page):
    page.select_option("#method", "slic")
    upload(page, two_discs())
    expect(page.locator("#result-section")).to_be_visible()
    before = len(page.asked)
    page.fill("#option-segments", "0")
    page.click("#run")
    expect(page.locator("#option-segments-error")).to_have_text("Please give a number: 1 to 100,000.")
    expect(page.locator("#option-segments")).to_be_focused()
    assert page.locator("#option-segments").get_attribute("aria-invalid") == "true"
    assert len(page.asked) == before
    page.fill("#option-segments", "12")
    with page.expect_request("**/segment") as sent:
        page.click("#run")
    assert json.loads(sent.value.post_data)["options"] == {"segments": 12}


# --- box, strokes, undo ---------------------------------------------------------------------------------------------------


def test_box_strokes_undo_and_redo(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    assert canvas_pixel(page, 60, 80)[3] > 0, "the disc in the box is an object"
    assert canvas_pixel(page, 180, 80)[3] == 0, "the one outside is background"
    assert page.locator("svg .box.over").count() == 1

    page.click("#add-label")
    drag(page, (165, 80), (195, 85))
    expect(page.locator("#notice-text")).to_have_text(re.compile("^Now paint the background"))
    expect(page.locator("svg .stroke")).to_have_count(1)
    page.keyboard.press("1")
    drag(page, (120, 10), (120, 150), (230, 150))
    expect(page.locator("#segments b")).to_have_count(3)
    expect(page.locator("#notice")).to_be_hidden()
    assert set(segments(page)) == {"Background", "Object 1", "Object 2"}
    one, two = canvas_pixel(page, 60, 80)[:3], canvas_pixel(page, 180, 60)[:3]
    assert one != two, "each object in a colour of its own"
    assert page.locator("svg .stroke").count() == 2

    page.keyboard.press("Control+z")
    expect(page.locator("svg .stroke")).to_have_count(1)
    expect(page.locator("#segments b")).to_have_count(2)
    assert canvas_pixel(page, 180, 80)[3] == 0
    page.click("#redo")
    expect(page.locator("svg .stroke")).to_have_count(2)
    expect(page.locator("#segments b")).to_have_count(3)
    page.click("#forget")
    expect(page.locator("#result-section")).to_be_hidden()
    expect(page.locator("svg.marks > *")).to_have_count(0)
    page.click("#undo")
    expect(page.locator("svg .box.over")).to_have_count(1)
    expect(page.locator("#segments b")).to_have_count(3)


def test_first_answer_comes_before_the_exact_one(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    page.keyboard.press("p")
    page.keyboard.press("1")
    drag(page, (110, 20), (110, 140))
    step(page, 2)
    took = page.evaluate("performance.getEntriesByType('measure').map((entry) => [entry.name, entry.duration])")
    first = [duration for name, duration in took if name == "fast answer"]
    exact = [duration for name, duration in took if name == "exact answer"]
    assert len(first) == len(exact) == 2
    assert all(a < b for a, b in zip(first, exact))
    kept = page.locator("svg .stroke").get_attribute("data-label")
    assert kept == "1"


def test_undo_brings_back_the_result_before(page):
    page.select_option("#method", "slic")
    upload(page, two_discs())
    page.fill("#option-segments", "4")
    page.click("#run")
    expect(page.locator("#result-about")).to_contain_text(re.compile(r"^[2-9] segments"))
    few = page.locator("#result-about").text_content()
    page.fill("#option-segments", "200")
    page.click("#run")
    expect(page.locator("#result-about")).not_to_have_text(few)
    page.click("#undo")
    expect(page.locator("#result-about")).to_have_text(few)


def test_strokes_of_another_method_are_its_seeds(page):
    page.select_option("#method", "random_walker")
    upload(page, two_discs())
    expect(page.locator("#result-section")).to_be_hidden()
    page.keyboard.press("2")
    drag(page, (50, 80), (70, 80))
    page.keyboard.press("1")
    drag(page, (120, 20), (120, 140))
    expect(page.locator("#segments b")).to_have_count(2)
    assert canvas_pixel(page, 75, 80) != canvas_pixel(page, 130, 80)


def test_box_by_keyboard_alone(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.focus("#stage")
    for key in [
        "b",
        *["ArrowLeft"] * 25,
        *["ArrowUp"] * 12,
        "Enter",
        *["ArrowRight"] * 22,
        *["ArrowDown"] * 24,
        "Enter",
    ]:
        page.keyboard.press(key)
    step(page, 1)
    assert canvas_pixel(page, 60, 80)[3] > 0


def test_escape_drops_a_stroke_that_was_begun(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.keyboard.press("p")
    page.mouse.move(*screen(page, 50, 80))
    page.mouse.down()
    page.mouse.move(*screen(page, 70, 80))
    expect(page.locator("svg .stroke")).to_have_count(1)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("svg .stroke")).to_have_count(0)
    assert not any(request.url.endswith("/prompts") for request in page.asked)


# --- levels -----------------------------------------------------------------------------------------------------------------


def patchwork(width=1024, height=768):
    """Smooth patches with noise: thousands of leaves."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / 37 + y / 91 + c) + np.sin(y / 29 - x / 173 + 2 * c) for c in range(3)]
    noise = np.random.default_rng(1).normal(0, 9, (height, width, 3))
    return np.clip(128 + 45 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


def test_level_slider_asks_the_server_nothing_and_is_quick(page):
    page.select_option("#method", "region_merging")
    upload(page, patchwork())
    expect(page.locator("#level-section")).to_be_visible()
    before = len(page.asked)
    durations = page.evaluate(
        """() => {
            const level = document.querySelector("#level");
            for (let i = 0; i <= 60; i++) {
                level.value = i / 60;
                level.dispatchEvent(new Event("input"));
            }
            return performance.getEntriesByName("level step").map((entry) => entry.duration);
        }"""
    )
    print("level step, milliseconds: median", np.median(durations), "p95", np.percentile(durations, 95))
    assert len(durations) == 61
    assert len(page.asked) == before
    # On a machine that does other work as well, the quicker steps say what a step costs.
    assert np.percentile(durations, 25) < 16
    expect(page.locator("#level-shown")).to_have_text(re.compile("regions: 1$"))


def test_levels_of_the_page_are_those_of_the_library(page):
    page.select_option("#method", "region_merging")
    upload(page, two_discs())
    expect(page.locator("#level-section")).to_be_visible()
    page.locator('[data-style="fill"]').click()
    for level in ("0.05", "0.3"):
        page.locator("#level").fill(level)
        shown = int(re.search(r"regions: (\d+)", page.locator("#level-shown").text_content()).group(1))
        ids = np.array(Picture.open(io.BytesIO(downloaded(page, "labels")[0])))
        assert len(np.unique(ids)) == shown
        # The id under the pointer, and where the page has a border between two pixels of a row.
        page.mouse.move(*screen(page, 60.5, 80.5))
        expect(page.locator("#tip")).to_contain_text(f"Segment {ids[80, 60]}")
    assert shown >= 3


def test_hierarchy_module_agrees_with_hierarchy_of_the_library(page):
    """Random trees: ids, areas and borders of many levels, computed in the browser and by kontur.core.hierarchy."""
    from kontur.core.hierarchy import Hierarchy

    random = np.random.default_rng(5)
    for trial in range(3):
        count = 40
        leaves = np.kron(random.permutation(count).reshape(5, 8) + 1, np.ones((3, 4), int)).astype(np.int32)
        alive, merges = list(range(count)), []
        heights = np.sort(random.integers(0, 12, count - 1) / 16).astype(np.float32)  # with ties
        for k in range(count - 1):
            a, b = (alive.pop(random.integers(len(alive))) for _ in range(2))
            merges.append((a, b))
            alive.append(count + k)
        tree = Hierarchy(leaves, np.array(merges), heights)
        order, joint = tree.line
        levels = [0.0, 0.2, 0.25, 0.5, 0.7, 1.0]
        answers = page.evaluate(
            """async ([width, height, leaves, order, joints, levels]) => {
                const { Hierarchy } = await import("/static/hierarchy.js");
                const tree = new Hierarchy({ width, height, leaves: Int32Array.from(leaves), order: Int32Array.from(order),
                                             joints: Float32Array.from(joints), level: 0 });
                const pixels = new Uint32Array(width * height);
                return levels.map((level) => {
                    const regions = tree.setLevel(level);
                    tree.paint(pixels, "outlines");
                    const segments = tree.segments.sort((a, b) => a.id - b.id).map(({ id, area }) => [id, area]);
                    return { regions, segments, ids: [...tree.leaf].map((leaf) => tree.ids[leaf]),
                             border: [...pixels].map((pixel) => Number(pixel !== 0)) };
                });
            }""",
            [32, 15, leaves.ravel().tolist(), order.tolist(), heights[joint].tolist(), levels],
        )
        for level, answer in zip(levels, answers):
            truth = tree.level(level)
            ids = np.array(answer["ids"]).reshape(15, 32)
            assert np.array_equal(ids, truth.ids), f"trial {trial}, level {level}"
            assert answer["segments"] == [[s.id, s.area] for s in truth.segments]
            border = np.zeros(ids.shape, bool)
            for axis in (0, 1):
                for shift in (1, -1):
                    moved = np.roll(ids, shift, axis)
                    edge = [slice(None), slice(None)]
                    edge[axis] = slice(0, 1) if shift == 1 else slice(-1, None)
                    moved[tuple(edge)] = ids[tuple(edge)]
                    border |= moved != ids
            assert np.array_equal(np.array(answer["border"], bool).reshape(15, 32), border)


# --- two methods side by side -----------------------------------------------------------------------------------------------


def test_divider_by_pointer_and_keys(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-section")).to_be_visible()
    page.check("#compare")
    page.select_option("#method", "slic")
    expect(page.locator("#status")).to_contain_text("slic:")
    divider = page.locator("#divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    assert page.locator("#left-name").text_content() == "otsu"
    assert page.locator("#right-name").text_content() == "slic"

    clip = "(side) => document.querySelector(`canvas.${side}`).style.clipPath"
    middle = page.evaluate(clip, "left")
    box, stage = divider.bounding_box(), page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, stage["y"] + stage["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.25, stage["y"] + 100, steps=3)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    assert page.evaluate(clip, "left") != middle

    expect(divider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "27")
    page.keyboard.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "100")
    assert page.evaluate(clip, "right") == "inset(0px 0px 0px 100%)"
    page.keyboard.press("Home")
    # Left of the divider the pointer asks the left result, right of it the right one.
    page.mouse.move(*screen(page, 60, 80))
    expect(page.locator("#tip")).to_contain_text("Segment")
    page.uncheck("#compare")
    expect(divider).to_be_hidden()
    page.mouse.move(*screen(page, 62, 80))
    expect(page.locator("#tip")).to_contain_text("Object 1")


# --- downloads ----------------------------------------------------------------------------------------------------------------


def test_each_download(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#download-section")).to_be_visible()

    content, name = downloaded(page, "labels")
    ids = np.array(Picture.open(io.BytesIO(content)))
    assert name.endswith(".png")
    assert ids.shape == (160, 240)
    assert ids[80, 60] == ids[80, 180] == 2
    assert ids[5, 5] == 1

    content, _ = downloaded(page, "cutout")
    cut = np.array(Picture.open(io.BytesIO(content)))
    assert cut.shape == (160, 240, 4)
    assert cut[80, 60].tolist() == [230, 200, 40, 255]
    assert cut[5, 5, 3] == 0

    content, _ = downloaded(page, "coco")
    coco = json.loads(content)
    assert {"images", "annotations", "categories"} <= coco.keys()
    assert len(coco["annotations"]) >= 1

    content, _ = downloaded(page, "geojson")
    assert json.loads(content)["type"] == "FeatureCollection"

    content, name = downloaded(page, "svg")
    assert name.endswith(".svg")
    assert b"<svg" in content[:400]


def test_cut_out_of_strokes(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    cut = np.array(Picture.open(io.BytesIO(downloaded(page, "cutout")[0])))
    assert cut[80, 60, 3] == 255
    assert cut[80, 180, 3] == 0


# --- language, theme ------------------------------------------------------------------------------------------------------------


def test_language_is_switched_and_remembered(page):
    expect(page.locator("#run")).to_have_text("Run")
    page.select_option("#language", "zh")
    expect(page.locator("#run")).to_have_text("运行")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.select_option("#method", "slic")
    expect(page.locator("#option-segments-help")).to_contain_text("区域数")
    assert page.locator("#undo").get_attribute("aria-label").startswith("撤销")
    page.reload()
    expect(page.locator("#run")).to_have_text("运行")


def test_browser_in_chinese_gets_chinese(browser, server):
    page = opened(browser, server, locale="zh-CN")
    expect(page.locator("#choose")).to_have_text("选择图像")
    page.context.close()


def test_theme_follows_the_system_until_chosen(browser, server):
    page = opened(browser, server, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.select_option("#theme", "light")
    assert page.evaluate(colour) == "rgb(255, 255, 255)" != dark
    page.reload()
    assert page.evaluate(colour) == "rgb(255, 255, 255)"
    page.context.close()


def test_both_languages_have_the_same_words():
    keys = {
        name: re.findall(r'^  "([^"]+)":', (STATIC / "i18n" / f"{name}.js").read_text(), re.MULTILINE)
        for name in ("en", "zh")
    }
    assert keys["en"] == keys["zh"]
    html = (STATIC / "index.html").read_text()
    assert set(re.findall(r'data-(?:text|label)="([^"]+)"', html)) <= set(keys["en"])
    sources = "".join(path.read_text() for path in STATIC.glob("*.js"))
    assert set(re.findall(r'\b(?:say|status)\("([^"]+)"', sources)) <= set(keys["en"])


def test_every_method_has_a_name_in_chinese():
    from kontur import registry

    words = (STATIC / "i18n" / "zh_methods.js").read_text()
    missing = [name for name in registry.METHODS if f'"{name}":' not in words]
    assert not missing


def test_every_option_is_explained_in_chinese(server):
    words = (STATIC / "i18n" / "zh_methods.js").read_text()
    with urllib.request.urlopen(f"{server}/api/methods") as answer:
        specs = [spec for method in json.load(answer)["methods"] for spec in method["options"]]
    texts = {spec["help"] for spec in specs} | {spec["unit"] for spec in specs if spec["type"] in ("int", "float")}
    assert not [text for text in texts if text and f'"{text}":' not in words]


# --- what goes wrong --------------------------------------------------------------------------------------------------------------


def test_file_that_is_no_image(page):
    page.set_input_files("#file", files=[{"name": "notes.png", "mimeType": "image/png", "buffer": b"no image" * 40}])
    expect(page.locator("#notice-text")).to_have_text(re.compile("not an image that can be read"))
    page.select_option("#language", "zh")
    expect(page.locator("#notice-text")).to_have_text(re.compile("^这不是可以读取的图像"))
    page.click("#notice-close")
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("reason", ["bytes", "pixels"])
def test_image_that_is_too_large(page, reason):
    if reason == "bytes":
        content = png(two_discs()) + bytes(3_100_000)
    else:
        content = png(np.zeros((1100, 1000), np.uint8))
    page.set_input_files("#file", files=[{"name": "large.png", "mimeType": "image/png", "buffer": content}])
    expect(page.locator("#notice-text")).to_have_text("The image is too large: at most 3 MB and 1 megapixels.")
    sent = [request for request in page.asked if request.method == "POST"]
    assert len(sent) == (0 if reason == "bytes" else 1), "too many bytes are not even sent"


SENTENCES = {
    429: "The server is busy. Please try again in 7 seconds.",
    503: "The process that did this work died. Please try again.",
    504: "This took longer than 120 seconds and was ended. Try a smaller image or another method.",
    507: "This needed more memory than a request may have. Try a smaller image or another method.",
    404: "The server no longer has this image: sessions end after a while. Please open the image again.",
    422: "This could not be done. (option k: too much)",
    500: "Something went wrong on the server.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_refusals_are_one_sentence(page, code):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    answer = {"status": code, "json": {"error": "option k: too much"}, "headers": {"Retry-After": "7"}}
    page.route("**/segment", lambda route: route.fulfill(**answer))
    page.click("#run")
    expect(page.locator("#notice-text")).to_have_text(SENTENCES[code])
    assert page.locator("#notice").get_attribute("role") == "alert"


def test_server_that_is_gone(page):
    page.select_option("#method", "otsu")
    page.route("**/api/sessions", lambda route: route.abort())
    page.set_input_files("#file", files=[{"name": "a.png", "mimeType": "image/png", "buffer": png(two_discs())}])
    expect(page.locator("#notice-text")).to_have_text(re.compile("cannot be reached"))


def test_picture_that_does_not_arrive(page):
    page.route("**/image.png", lambda route: route.fulfill(status=429, json={"error": "busy"}))
    upload(page, two_discs())
    expect(page.locator("#notice-text")).to_have_text("The image could not be shown. Please open it again.")
    page.select_option("#language", "zh")
    expect(page.locator("#notice-text")).to_have_text("无法显示这张图像。请重新打开。")


def test_refused_stroke_is_taken_back(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    page.route("**/prompts", lambda route: route.fulfill(status=422, json={"error": "strokes: too many"}))
    page.keyboard.press("p")
    page.keyboard.press("1")
    drag(page, (165, 80), (195, 85))
    expect(page.locator("#notice-text")).to_have_text("This could not be done. (strokes: too many)")
    expect(page.locator("svg .stroke")).to_have_count(0)
    expect(page.locator("#segments b")).to_have_count(2)


def test_long_run_is_cancelled(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.route("**/segment", lambda route: None)  # never answered
    page.click("#run")
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#progress-text")).to_contain_text("grabcut is at work")
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Cancelled.")
    expect(page.locator("#progress")).to_be_hidden()


def test_run_that_took_too_long_goes_on_as_a_job(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.route("**/segment", lambda route: route.fulfill(status=504, json={"error": "too slow"}))
    page.select_option("#method", "otsu")
    expect(page.locator("#notice-action")).to_have_text("Run as a long job")
    page.click("#notice-action")
    expect(page.locator("#result-about")).to_contain_text("2 segments")
    assert any("/events" in request.url for request in page.asked)
    ids = np.array(Picture.open(io.BytesIO(downloaded(page, "labels")[0])))
    assert ids[80, 60] == 2
    cut = np.array(Picture.open(io.BytesIO(downloaded(page, "cutout")[0])))
    assert cut[80, 60, 3] == 255
    assert cut[5, 5, 3] == 0
    assert len(json.loads(downloaded(page, "coco")[0])["annotations"]) == 1, (
        "the server keeps a job's result as a session's"
    )
    page.click("#undo")
    expect(page.locator("#result-section")).to_be_hidden()
    page.click("#redo")
    expect(page.locator("#result-about")).to_contain_text("2 segments")


def test_job_cancelled_before_its_name_arrives_is_deleted(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.route("**/segment", lambda route: route.fulfill(status=504, json={"error": "too slow"}))
    made = []
    page.route("**/api/jobs", lambda route: made.append((route, route.fetch())))
    page.click("#run")
    page.click("#notice-action")
    while not made:
        page.wait_for_timeout(50)
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Cancelled.")
    expect(page.locator("#progress")).to_be_hidden()
    [(route, answer)] = made
    with page.expect_request(lambda request: request.method == "DELETE") as deleted:
        route.fulfill(response=answer)
    assert deleted.value.url.endswith(f"/api/jobs/{answer.json()['job']}")


@pytest.mark.parametrize("order", ["refused, then another method", "another method, then refused"])
def test_no_long_run_of_another_method_than_the_refused_one(page, order):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    sent = []
    page.route("**/segment", lambda route: sent.append(route))
    page.click("#run")
    expect(page.locator("#progress")).to_be_visible()
    refuse = {"status": 504, "json": {"error": "too slow"}}
    if order.startswith("refused"):
        sent[0].fulfill(**refuse)
        expect(page.locator("#notice-action")).to_be_visible()
        page.select_option("#method", "graph_cut")
        expect(page.locator("#notice")).to_be_hidden()
    else:
        page.select_option("#method", "graph_cut")
        sent[0].fulfill(**refuse)
        expect(page.locator("#notice-text")).to_have_text(SENTENCES[504])
        expect(page.locator("#notice-action")).to_be_hidden()


# --- the page as a whole ------------------------------------------------------------------------------------------------------------


def test_phone_without_sideways_scrolling_strokes_by_finger_and_pinch(browser, server):
    page = opened(browser, server, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    touch = page.context.new_cdp_session(page)

    def fingers(kind, *places):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drawn(start, end):
        """At a finger's pace, resting at the end: after a flick Chromium takes the next tap for the end of the flick."""
        fingers("touchStart", start)
        for share in (0.25, 0.5, 0.75, 1, 1, 1):
            fingers("touchMove", tuple(a + share * (b - a) for a, b in zip(start, end, strict=True)))
            page.wait_for_timeout(60)
        fingers("touchEnd")

    drawn(screen(page, 15, 35), screen(page, 105, 125))
    step(page, 1)
    page.tap('button[data-tool="brush"]')
    expect(page.locator('button[data-tool="brush"]')).to_have_attribute("aria-checked", "true")
    drawn(screen(page, 50, 80), screen(page, 70, 84))
    step(page, 2)
    before = page.locator("#stage .picture").bounding_box()["width"]
    x, y = screen(page, 120, 80)
    fingers("touchStart", (x - 20, y), (x + 20, y))
    for far in (35, 50, 70):
        fingers("touchMove", (x - far, y), (x + far, y))
    fingers("touchEnd")
    assert page.locator("#stage .picture").bounding_box()["width"] > 2 * before
    assert page.locator("svg .stroke").count() == 1, "a pinch is no stroke"
    assert not page.mistakes
    page.context.close()


def test_wheel_zooms_at_the_pointer(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    place = screen(page, 60, 80)
    page.mouse.move(*place)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert screen(page, 60, 80) == pytest.approx(place, abs=1)
    wide = page.locator("#stage .picture").bounding_box()["width"]
    page.keyboard.press("0")
    assert page.locator("#stage .picture").bounding_box()["width"] < wide


def test_nothing_foreign_nothing_inline(page, server):
    upload(page, two_discs())
    assert all(request.url.startswith((server, "blob:", "data:")) for request in page.asked)
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    for path in STATIC.rglob("*.*"):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text()), path.name


def test_every_control_has_a_name_and_shortcuts_are_listed(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button:not([hidden]), select, input:not([hidden]):not([aria-hidden])")]
            .filter((e) => !(e.textContent.trim() && e.tagName === "BUTTON") && !e.getAttribute("aria-label") && !(e.labels?.length))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    assert page.locator("#keys dt").count() == page.locator("#keys dd").count() >= 15
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def contrast(first, second):
    """The ratio of WCAG 2.2 for two sRGB colours."""

    def light(colour):
        value = np.array(colour) / 255
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    return max(light(first), light(second)) / min(light(first), light(second))


def test_contrast_of_words_is_that_of_wcag_aa():
    css = (STATIC / "page.css").read_text()
    blocks = re.findall(r"\{([^{}]*--paper:[^{}]*)\}", css)
    assert len(blocks) == 3
    for block in blocks:
        colours = {
            name: tuple(bytes.fromhex(value)) for name, value in re.findall(r"--([\w-]+): #([0-9a-fA-F]{6})", block)
        }
        for words, ground in [
            *((words, ground) for words in ("ink", "soft") for ground in ("paper", "wash", "stage")),
            ("ink", "accent-wash"),
            ("ink", "bad-wash"),
            ("accent-ink", "accent"),
            ("bad", "paper"),
            ("bad", "wash"),
        ]:
            assert contrast(colours[words], colours[ground]) >= 4.5, (words, ground)
        assert contrast(colours["edge"], colours["paper"]) >= 3, "the frame of a control"
