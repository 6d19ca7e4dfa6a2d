// The words of the page: chosen by the reader, remembered, else the browser's.

import { recall, remember } from "../preferences.js";
import en from "./en.js";
import zh from "./zh.js";
import { HELP, METHODS, SAMPLES } from "./zh_methods.js";

const WORDS = { en, zh };
const listeners = [];

function browserLanguage() {
  const first = (navigator.languages ?? [navigator.language]).find((name) => /^(en|zh)\b/i.test(name)) ?? "en";
  return first.slice(0, 2).toLowerCase();
}

let current = WORDS[recall("language")] ? recall("language") : browserLanguage();

export const language = () => current;

/** The text of a key, with {name} replaced by values.name. An unknown key is a mistake of ours and shows itself. */
export function say(key, values = {}) {
  const text = WORDS[current][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A number in the manner of the language. */
export function number(value, digits = 0) {
  return value.toLocaleString(current === "zh" ? "zh-CN" : "en-GB", { maximumFractionDigits: digits });
}

/** "340 ms" or "3.4 s". */
export function duration(seconds) {
  if (seconds >= 1) return say("time.seconds", { time: number(seconds, 1) });
  return say("time.milliseconds", { time: number(Math.max(1, Math.round(1000 * seconds))) });
}

/** An option's help and a method's summary come from the library in English; here they are in the page's language. */
export const helpText = (help) => (current === "zh" && HELP[help]) || help;
export const methodTitle = (name) => (current === "zh" && METHODS[name] ? `${name} · ${METHODS[name]}` : name);
export const sampleTitle = ({ name, title }) => (current === "zh" && SAMPLES[name]) || title;

/** Fill in every element that names a key: data-text (its text), data-label (its accessible name and tooltip). */
export function translate(root = document) {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) {
    const text = say(element.dataset.label);
    element.setAttribute("aria-label", text);
    if (element.matches("button, select, [role=slider]")) element.title = text;
  }
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function setLanguage(name) {
  current = WORDS[name] ? name : "en";
  remember("language", current);
  translate();
  for (const listener of listeners) listener();
}
