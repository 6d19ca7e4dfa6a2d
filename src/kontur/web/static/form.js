// A method's form, generated from the specifications of its options: the annotations the command line is made of.

import { helpText, language, say } from "./i18n/language.js";
import { recall, remember } from "./preferences.js";

const ROOM = "(min-width: 1081px)"; // page.css has three columns from there

const SLIDER_FROM = 1000; // a range with a larger ratio of its ends is no use on a linear slider

export class OptionForm {
  /** container: where the fields go, inside a <details>: open where there is room for it, until the reader decides. */
  constructor(container) {
    this.container = container;
    this.box = container.closest("details");
    this.box.open = (recall("options") ?? (matchMedia(ROOM).matches ? "open" : "closed")) === "open";
    // The click comes before the change.
    this.box.firstElementChild.addEventListener("click", () => remember("options", this.box.open ? "closed" : "open"));
    this.specs = [];
    this.inputs = new Map();
  }

  /** Make the fields of these specifications; given: values that differ from the defaults. */
  show(specs, given = {}) {
    this.specs = specs;
    this.box.hidden = !specs.length;
    this.inputs.clear();
    this.container.replaceChildren(...specs.map((spec) => this.#field(spec, given[spec.name] ?? spec.default)));
  }

  /** The values that differ from the defaults, or null if a field is wrong: it has the focus then and says why. */
  read() {
    const values = {};
    let wrong = null;
    for (const spec of this.specs) {
      const { input, message } = this.inputs.get(spec.name);
      const { value, error } = valueOf(spec, input);
      input.setAttribute("aria-invalid", String(Boolean(error)));
      message.textContent = error ?? "";
      message.hidden = !error;
      if (error) wrong ??= input;
      else if (value !== spec.default) values[spec.name] = value;
    }
    if (wrong) this.box.open = true;
    wrong?.focus();
    return wrong ? null : values;
  }

  #field(spec, value) {
    const id = `option-${spec.name}`;
    const field = element("div", { className: "field" });
    const label = element("label", { htmlFor: id, textContent: spec.name });
    const help = element("p", { id: `${id}-help`, className: "help" });
    help.append(element("span", { textContent: helpText(spec.help), lang: helpText(spec.help) === spec.help ? "en" : "zh-CN" }));
    const message = element("p", { id: `${id}-error`, className: "error", hidden: true });
    const input = inputOf(spec, value, id);
    input.setAttribute("aria-describedby", `${help.id} ${message.id}`);
    this.inputs.set(spec.name, { input, message });
    const line = element("div", { className: "control" });
    line.append(input);
    if (hasSlider(spec)) line.append(sliderFor(spec, input));
    else if (isNumber(spec)) line.append(element("span", { className: "range", textContent: rangeText(spec) }));
    if (spec.unit && isNumber(spec)) help.append(element("span", { className: "unit", textContent: ` [${helpText(spec.unit)}]` }));
    // At once while it is typed: a message that goes away when Run is pressed would move Run from under the pointer.
    input.addEventListener("input", () => {
      input.removeAttribute("aria-invalid");
      message.hidden = true;
    });
    field.append(label, line, help, message);
    return field;
  }
}

const isNumber = (spec) => (spec.type === "int" || spec.type === "float") && !spec.choices.length;

function hasSlider(spec) {
  if (!isNumber(spec) || spec.low === null || spec.high === null || spec.optional || spec.default === null) return false;
  return spec.low <= 0 ? spec.high - spec.low <= SLIDER_FROM : spec.high / spec.low <= SLIDER_FROM;
}

function inputOf(spec, value, id) {
  if (spec.choices.length) {
    const select = element("select", { id });
    const choices = spec.optional ? ["", ...spec.choices] : spec.choices;
    for (const choice of choices) {
      select.append(element("option", { value: choice, textContent: choice || say("option.automatic") }));
    }
    select.value = value ?? "";
    return select;
  }
  if (spec.type === "bool") {
    return element("input", { id, type: "checkbox", checked: Boolean(value) });
  }
  const input = element("input", { id, type: isNumber(spec) ? "number" : "text", value: value ?? "" });
  if (isNumber(spec)) {
    if (spec.low !== null) input.min = spec.low;
    if (spec.high !== null) input.max = spec.high;
    input.step = spec.type === "int" ? 1 : "any";
    input.inputMode = spec.type === "int" && (spec.low ?? -1) >= 0 ? "numeric" : "decimal";
  }
  if (spec.optional) input.placeholder = say("option.automatic");
  return input;
}

/** A slider beside a number, of the same value; it repeats what the number says, so a screen reader and Tab leave it out. */
function sliderFor(spec, input) {
  const step = spec.type === "int" ? 1 : niceStep(spec.high - spec.low);
  const slider = element("input", { type: "range", min: spec.low, max: spec.high, step, value: input.value, tabIndex: -1 });
  slider.setAttribute("aria-hidden", "true");
  slider.addEventListener("input", () => {
    input.value = spec.type === "int" ? slider.value : String(Number(Number(slider.value).toPrecision(6)));
    input.dispatchEvent(new Event("input"));
  });
  input.addEventListener("input", () => (slider.value = input.value));
  return slider;
}

function niceStep(span) {
  return 10 ** Math.floor(Math.log10(span / 100));
}

/** { value } or { error } of a field. */
function valueOf(spec, input) {
  if (spec.type === "bool") return { value: input.checked };
  const text = input.value.trim();
  if (input.validity?.badInput) return { error: say("option.error.number") };
  if (text === "" && spec.optional) return { value: null };
  if (!isNumber(spec)) return { value: text };
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) return { error: say("option.error.number") };
  if (spec.type === "int" && !Number.isInteger(value)) return { error: say("option.error.whole") };
  if ((spec.low !== null && value < spec.low) || (spec.high !== null && value > spec.high)) {
    return { error: say("option.error.range", { range: rangeText(spec) }) };
  }
  return { value };
}

function rangeText({ low, high }) {
  const text = (value) => value.toLocaleString(language() === "zh" ? "zh-CN" : "en-GB", { maximumSignificantDigits: 12 });
  if (low !== null && high !== null) return say("option.range", { low: text(low), high: text(high) });
  if (low !== null) return say("option.least", { low: text(low) });
  return high !== null ? say("option.most", { high: text(high) }) : "";
}

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
