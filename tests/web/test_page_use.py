"""The page as somebody uses it: by keyboard, with a finger, changing their mind while work is going on. In a real browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from web.browsing import browser, drag, expect, opened, page, png, screen, server, step, two_discs, upload

__all__ = ["browser", "page", "server"]  # fixtures


def given(name="late.png"):
    return {"name": name, "mimeType": "image/png", "buffer": png(two_discs())}


# --- by keyboard, and read aloud ------------------------------------------------------------------------------------------


def test_tab_reaches_every_control_in_sight_and_shows_where_it_is(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-section")).to_be_visible()
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
    reached, unseen = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(
            """() => {
                const e = document.activeElement;
                const style = getComputedStyle(e);
                const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                return [e === document.body ? "body" : e.id || e.dataset.tool || e.dataset.style || e.dataset.format || e.textContent.trim(), shown];
            }"""
        )
        if name == "body":
            continue  # between the browser's own controls and the page's
        if name in reached:
            break
        reached.append(name)
        if not outlined:
            unseen.append(name)
    ways = ["keys-button", "theme", "language", "move", "stage", "zoom-fit", "open", "sample-select", "method"]
    wanted = [*ways, "compare", "option-polarity", "run", "reset", "both", "opacity", "visible", "labels", "svg"]
    assert set(wanted) <= set(reached), reached
    assert reached.index("open") < reached.index("method") < reached.index("run") < reached.index("labels")
    assert not unseen


def test_results_and_errors_are_said_to_a_screen_reader(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    status = page.locator("#status")
    assert status.get_attribute("role") == "status"
    expect(status).to_have_text(re.compile(r"^otsu: 2 segments in \d"))
    assert page.locator("#stage").get_attribute("role") == "application"
    expect(page.locator("#stage")).to_have_attribute("aria-label", "Image picture.png, 240 by 160 pixels")
    page.focus("#stage")
    page.keyboard.press("Control+z")
    page.select_option("#method", "region_merging")
    slider = page.locator("#level")
    expect(slider).to_be_visible()
    slider.focus()
    before = slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_attribute("aria-valuetext", before)


def test_focus_goes_on_to_the_image_where_its_button_goes_away(page):
    page.select_option("#method", "otsu")
    page.locator("#samples button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#result-about")).to_be_visible()
    expect(page.locator("#stage")).to_be_focused()


def test_folded_options_open_where_one_is_wrong_and_stay_as_they_were_left(page):
    page.select_option("#method", "slic")
    upload(page, two_discs())
    page.fill("#option-segments", "0")
    page.click("#options-box summary")
    expect(page.locator("#option-segments")).to_be_hidden()
    page.click("#run")
    expect(page.locator("#option-segments")).to_be_focused()
    page.click("#options-box summary")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-ready", "true")
    expect(page.locator("#options-box")).not_to_have_attribute("open", "")


def test_things_of_a_network_are_counted_told_apart_and_come_with_their_terms(page):
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-about")).to_contain_text("2 segments")
    expect(page.locator("#result-terms")).to_be_hidden()

    def named(route):
        answer = route.fetch().json()
        answer["segments"][1] |= {"category": 7, "name": "nucleus", "score": 0.91}
        route.fulfill(json=answer)

    def with_terms(route):
        answer = route.fetch().json()
        for method in answer["methods"]:
            method["notice"] = "learnt from some data, under its terms."
        route.fulfill(json=answer)

    page.route("**/segment", named)
    page.route("**/api/methods", with_terms)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-ready", "true")
    page.select_option("#method", "otsu")
    upload(page, two_discs())
    expect(page.locator("#result-about")).to_have_text(re.compile("^1 object in"))
    expect(page.locator("#result-terms")).to_have_text("Network: learnt from some data, under its terms.")
    page.mouse.move(*screen(page, 60, 80))
    tip = page.locator("#tip")
    expect(tip).to_contain_text("nucleus")
    expect(tip).to_contain_text(re.compile(r"Segment 2 · [\d,]+ px · [\d.]+ % · score 0.91"))


def test_escape_in_the_list_of_shortcuts_ends_no_work(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    page.route("**/segment", lambda route: None)  # never answered
    page.click("#run")
    expect(page.locator("#progress")).to_be_visible()
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#progress")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#progress")).to_be_hidden()


# --- changing one's mind ----------------------------------------------------------------------------------------------------


def test_closed_image_is_forgotten_and_its_work_ended(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    ended = []
    page.on("requestfailed", lambda request: ended.append(request.url))
    page.route("**/segment", lambda route: None)
    page.click("#run")
    expect(page.locator("#progress")).to_be_visible()
    with page.expect_request(lambda request: request.method == "DELETE") as asked:
        page.click("#close-image")
    assert re.search(r"/api/sessions/[0-9a-f]+$", asked.value.url)
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#choose")).to_be_focused()
    expect(page.locator("#image-name")).to_have_text("None yet")
    expect(page.locator("#stage .picture")).to_be_hidden()
    assert page.locator("#run").is_disabled()
    assert any(url.endswith("/segment") for url in ended)


def test_image_chosen_last_is_the_one_that_is_opened(page):
    page.select_option("#method", "otsu")
    first = []
    page.route("**/api/sessions", lambda route: first.append(route) if not first else route.continue_())
    page.set_input_files("#file", files=[given("slow.png")])
    expect(page.locator("#progress-text")).to_contain_text("Opening slow.png")
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "true")
    upload(page, two_discs(), "second.png")
    expect(page.locator("#result-about")).to_contain_text("2 segments")
    expect(page.locator("#image-name")).to_contain_text("second.png")
    expect(page.locator("#progress")).to_be_hidden()


def test_opening_is_cancelled(page):
    page.route("**/api/sessions", lambda route: None)
    page.set_input_files("#file", files=[given()])
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Cancelled.")
    expect(page.locator("#empty")).to_be_visible()


def test_stroke_that_takes_long_is_cancelled_and_taken_back(page):
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    page.route("**/prompts", lambda route: None)
    page.keyboard.press("p")
    page.keyboard.press("1")
    drag(page, (110, 20), (110, 140))
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Cancelled.")
    expect(page.locator("svg .stroke")).to_have_count(0)
    page.unroute("**/prompts")
    with page.expect_request(lambda request: request.url.endswith("/prompts") and request.method == "POST") as sent:
        drag(page, (112, 20), (112, 140))
    again = json.loads(sent.value.post_data)
    assert len(again["boxes"]) == len(again["strokes"]) == 1, "what the server knows is not known: all is sent again"
    expect(page.locator("#stage")).to_have_attribute("data-step", re.compile("exact$"))


# --- small screens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [360, 390])
def test_phone_has_room_for_fingers_and_keeps_the_picture_in_sight(browser, server, width, language):
    size = {"width": width, "height": 780}
    page = opened(browser, server, viewport=size, has_touch=True, is_mobile=True, locale=language)
    page.select_option("#method", "region_merging")
    upload(page, two_discs())
    expect(page.locator("#level-section")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, summary, label.check, input[type=range]:not([aria-hidden])")]
            .filter((e) => e.offsetParent && Math.min(e.offsetWidth, e.offsetHeight) < 44).map((e) => e.outerHTML)"""
    )
    assert small == []
    page.locator('[data-format="svg"]').scroll_into_view_if_needed()
    picture, level = page.locator("#stage .picture").bounding_box(), page.locator("#level").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= level["y"] < size["height"] * 0.7
    page.context.close()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [768, 1024, 1440])
def test_no_words_are_cut_off(browser, server, width, language):
    page = opened(browser, server, viewport={"width": width, "height": 900}, locale=language)
    page.select_option("#method", "grabcut")
    upload(page, two_discs())
    drag(page, (15, 35), (105, 125))
    step(page, 1)
    cut = page.evaluate(
        """() => [...document.querySelectorAll("button, h1, h2, p, b, small, output, summary, label, .label-name")]
            .filter((e) => e.offsetParent && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && !e.closest(".hidden-visually"))
            .map((e) => e.outerHTML)"""
    )
    assert cut == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


# --- how long a stroke takes ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_time_from_the_end_of_a_stroke_to_its_mask(browser, server, capsys):
    """1024 x 768, from the pointer going up to the mask being painted; with all that the browser and the wire take."""
    page = opened(browser, server)
    page.select_option("#method", "grabcut")
    y, x = np.mgrid[:768, :1024].astype(np.float32)
    inside = (x - 520) ** 2 / 260**2 + (y - 400) ** 2 / 220**2 < 1 + 0.1 * np.sin(9 * np.arctan2(y - 400, x - 520))
    waves = 22 * np.stack([np.sin(x / 31 + c) + np.sin(y / (23 + 9 * c)) for c in range(3)], -1)
    ground = np.where(inside[..., None], (188, 128, 84), (84, 118, 96)) + waves
    photo = np.clip(ground + np.random.default_rng(0).normal(0, 12, (768, 1024, 3)), 0, 255).astype(np.uint8)
    upload(page, photo)
    drag(page, (220, 140), (820, 660))
    step(page, 1)
    page.evaluate(
        """() => {
            window.times = [];
            let up = 0;
            document.addEventListener("pointerup", () => (up = performance.now()), true);
            new MutationObserver(() => {
                const done = document.querySelector("#stage").dataset.step;
                // The canvas has its new pixels; the frame that shows them is the next one.
                requestAnimationFrame(() => setTimeout(() => window.times.push([done.includes("exact"), performance.now() - up])));
            }).observe(document.querySelector("#stage"), { attributeFilter: ["data-step"] });
        }"""
    )
    page.keyboard.press("p")
    for number in range(12):
        page.keyboard.press("1" if number % 2 else "2")
        at = 200 + 40 * number
        places = (
            ((at, 60 + 5 * number), (at + 90, 70))
            if number % 2
            else ((400 + 20 * number, 300), (460 + 18 * number, 480))
        )
        drag(page, *places)
        step(page, number + 2)
    page.wait_for_timeout(200)
    times = page.evaluate("window.times")
    first = [time for exact, time in times if not exact]
    exact = [time for is_exact, time in times if is_exact]
    with capsys.disabled():
        for name, row in (("first mask", first), ("exact mask", exact)):
            median, high = np.percentile(row, [50, 95])
            print(f"\n{name}, {len(row)} strokes, 1024 x 768: median {median:.0f} ms, p95 {high:.0f} ms", end="")
    assert len(first) == len(exact) == 12
    assert not page.mistakes
    page.context.close()
