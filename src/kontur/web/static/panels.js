// The panels beside the image: methods to choose from, what was found, what can be downloaded.

import { language, methodTitle, number, sampleTitle, say } from "./i18n/language.js";
import { css } from "./palette.js";
import { summaryOf } from "./results.js";

const LISTED = 60; // segments shown in the list
const OFFERED = 12; // samples shown on the empty stage; the list has all
const GROUPS = ["foreground", "interactive", "regions", "superpixels", "semantic", "instance", "panoptic"];

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Fill the list of methods, in groups by task. */
export function listMethods(methods, chosen) {
  const groups = new Map(GROUPS.map((task) => [task, []]));
  for (const method of methods) {
    const group = method.needs_prompt || method.name === "grabcut" ? "interactive" : method.task;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(method);
  }
  const made = [...groups].filter(([, members]) => members.length).map(([task, members]) => {
    const options = members.map((method) =>
      element("option", {
        value: method.name,
        textContent: method.available ? methodTitle(method.name) : `${methodTitle(method.name)} (${say("method.missing", { extra: method.extra })})`,
        disabled: !method.available,
      }),
    );
    return element("optgroup", { label: say(`task.${task}`) }, ...options);
  });
  byId("method").replaceChildren(...made);
  byId("method").value = chosen;
}

/** One or two lines about a method: what it does, and the paper. */
export function describeMethod(method) {
  const summary = element("span", { textContent: method.summary, lang: "en" });
  const paper = element("cite", { textContent: method.paper, lang: "en" });
  const lines = language() === "zh" || !method.summary ? [paper] : [summary, element("br"), paper];
  byId("method-about").replaceChildren(...lines);
}

/** A sentence on what to draw for a method that takes marks; live: each is answered as it is made. */
export function advise({ prompts }, live) {
  const advice = live ? "live" : prompts.includes("scribbles") ? "seeds" : prompts.length ? "box" : null;
  byId("method-advice").hidden = !advice;
  byId("method-advice").textContent = advice ? say(`advice.${advice}`) : "";
}

/** What a segment is called. */
export function nameOf(segment, result) {
  if (segment.name) return segment.name;
  if (segment.id === result.background) return say("segment.background");
  if (result.background !== null) return say("segment.object", { n: segment.id - result.background });
  return say("segment", { id: number(segment.id) });
}

const hasScore = (segment) => segment.score !== null && segment.score !== undefined;
const scoreOf = (segment) => (hasScore(segment) ? ` · ${say("segment.score", { score: number(segment.score, 2) })}` : "");

/** "4,312 px · 1.2 %", and the score where there is one. */
export function measuresOf(segment, result) {
  const percent = (100 * segment.area) / (result.width * result.height);
  const share = percent < 0.05 ? "< 0.1" : number(percent, 1);
  return say("segment.area", { area: number(segment.area), share }) + scoreOf(segment);
}

/** The same with less, for the list: names need the room. */
const shortMeasuresOf = (segment, result) =>
  hasScore(segment) ? say("segment.pixels", { area: number(segment.area) }) + scoreOf(segment) : measuresOf(segment, result);

const swatch = (segment, result) => {
  const colour = element("i");
  colour.style.background = css(result.colourOf(segment));
  return colour;
};

/** The largest segments, each a button that stresses it in the picture. onLit(id or null, kept). */
export function listSegments(result, onLit) {
  const all = result.segments.slice().sort((a, b) => b.area - a.area);
  const items = all.slice(0, LISTED).map((segment) => {
    const button = element(
      "button",
      { type: "button" },
      swatch(segment, result),
      element("b", { textContent: nameOf(segment, result) }),
      element("small", { textContent: shortMeasuresOf(segment, result) }),
    );
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerenter", () => onLit(segment.id, false));
    button.addEventListener("pointerleave", () => onLit(null, false));
    button.addEventListener("click", () => {
      const press = button.getAttribute("aria-pressed") !== "true";
      for (const other of byId("segments").querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", String(press));
      onLit(press ? segment.id : null, true);
    });
    return element("li", {}, button);
  });
  if (all.length > LISTED) {
    items.push(element("li", {}, element("p", { textContent: say("segments.more", { count: number(all.length - LISTED) }) })));
  }
  byId("segments").replaceChildren(...items);
}

/** The line above the list, and the terms of the network's training data, where there are some. */
export function describeResult(result) {
  byId("result-about").textContent = summaryOf(result);
  byId("result-terms").hidden = !result.notice;
  byId("result-terms").textContent = result.notice ? say("result.terms", { notice: result.notice }) : "";
}

/** Show or hide what belongs to a result. */
export function showResultPanels(result) {
  byId("result-none").hidden = Boolean(result);
  byId("result-section").hidden = !result;
  byId("download-section").hidden = !result;
  byId("level-section").hidden = !result?.setLevel;
}

export function showLevel(result) {
  byId("level").value = result.level;
  sayLevel(result);
}

/** The line under the slider, and what a screen reader says of it. */
export function sayLevel(result) {
  const text = say("level.shown", { level: result.level.toFixed(3), regions: number(result.regions) });
  byId("level-shown").textContent = text;
  byId("level").setAttribute("aria-valuetext", text);
}

/** The tip at a place on the stage: segment, category, area. Hidden without a segment. */
export function showTip(stage, segment, result, event) {
  const tip = byId("tip");
  tip.hidden = !segment;
  if (!segment) return;
  tip.replaceChildren(
    swatch(segment, result),
    element("span", { textContent: nameOf(segment, result) }),
    // Things of one category share a name: the number tells them apart.
    element("small", { textContent: (segment.name ? `${say("segment", { id: segment.id })} · ` : "") + measuresOf(segment, result) }),
  );
  const box = stage.root.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const left = x + 16 + tip.offsetWidth < box.width ? x + 16 : x - 16 - tip.offsetWidth;
  const top = y + 16 + tip.offsetHeight < box.height ? y + 16 : y - 16 - tip.offsetHeight;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

/** The samples, as pictures on the empty stage and as a list beside the open button. */
export function listSamples(samples, open) {
  byId("samples").replaceChildren(
    ...samples.slice(0, OFFERED).map((sample) => {
      const picture = element("img", { src: sample.url, alt: "", loading: "lazy" });
      const button = element("button", { type: "button" }, picture, element("span", { textContent: sampleTitle(sample) }));
      button.addEventListener("click", () => open(sample));
      return element("li", {}, button);
    }),
  );
  const first = element("option", { value: "", textContent: say("image.sample.first") });
  first.dataset.text = "image.sample.first";
  const options = samples.map((sample) => element("option", { value: sample.name, textContent: sampleTitle(sample) }));
  byId("sample-select").replaceChildren(first, ...options);
}

/** A button for each label that a brush can have: background, then objects. */
export function listLabels(brushes, count, chosen) {
  byId("labels").replaceChildren(
    ...brushes.slice(0, count).map((colour, index) => {
      const label = index + 1;
      const button = element("button", { type: "button", tabIndex: label === chosen ? 0 : -1 });
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(label === chosen));
      button.dataset.brush = label;
      const name = label === 1 ? say("labels.background") : say("labels.object", { n: label - 1, key: label });
      button.setAttribute("aria-label", name);
      button.title = name;
      const dot = element("i");
      dot.style.background = css(colour);
      button.append(dot);
      return button;
    }),
  );
  byId("label-name").textContent = chosen === 1 ? say("segment.background") : say("segment.object", { n: chosen - 1 });
  byId("add-label").hidden = count >= brushes.length;
}

/** The list of shortcuts: key names and what they do. */
export function listKeys(rows) {
  byId("keys-list").replaceChildren(
    ...rows.flatMap(([keys, text]) => [
      element("dt", {}, ...keys.map((key) => element("kbd", { textContent: key }))),
      element("dd", { textContent: say(text) }),
    ]),
  );
}
