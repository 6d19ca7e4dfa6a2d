// What the page says to the person: a status line, errors as one sentence, progress with a way to stop.

import { ApiError } from "./api.js";
import { number, say } from "./i18n/language.js";

const byId = (id) => document.getElementById(id);
let limits = { max_upload: 20e6, max_pixels: 25e6, time_limit: 60 };
let shown = null;

/** What the server allows, for the sentences. */
export function knowLimits(answer) {
  limits = answer;
}

export const mostBytes = () => limits.max_upload;

export function status(key, values) {
  byId("status").textContent = say(key, values);
}

/** One sentence in the page's language for anything that went wrong. */
export function sentenceOf(error) {
  if (!(error instanceof ApiError)) return say(error.key ?? "error.page");
  const known = [0, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503, 504, 507];
  const sentence = say(`error.${known.includes(error.status) ? error.status : 500}`, {
    megabytes: number(limits.max_upload / 1e6),
    megapixels: number(limits.max_pixels / 1e6),
    limit: number(limits.time_limit),
    seconds: number(error.wait ?? 2),
  });
  // What was wrong with an option or a prompt only the server can say; the other sentences are complete.
  const detail = (error.status === 422 || error.status === 400) && error.sentence;
  return detail ? say("error.detail", { sentence, detail: error.sentence }) : sentence;
}

/** Show what to do next: no error, in the same place. */
export function showHint(key) {
  shown = { hint: key };
  byId("notice").classList.add("hint");
  byId("notice-text").textContent = say(key);
  byId("notice-action").hidden = true;
  byId("notice").hidden = false;
}

/** Show an error; action: { key, run } makes a button beside it. */
export function showError(error, action = null) {
  if (error.name === "AbortError") return;
  if (!(error instanceof ApiError) && !error.key) console.error(error);
  shown = { error, action };
  byId("notice").classList.remove("hint");
  byId("notice-text").textContent = sentenceOf(error);
  byId("notice").hidden = false;
  const button = byId("notice-action");
  button.hidden = !action;
  button.textContent = action ? say(action.key) : "";
}

export function clearError() {
  shown = null;
  byId("notice").hidden = true;
}

/** Say it again, in another language. */
export function repeatError() {
  if (shown?.hint) showHint(shown.hint);
  else if (shown) showError(shown.error, shown.action);
}

export function prepareNotice() {
  byId("notice-close").addEventListener("click", clearError);
  byId("notice-action").addEventListener("click", () => {
    const { action } = shown;
    clearError();
    action.run();
  });
}

/**
 * Show that something is at work until stop() is called; onCancel: what the button does.
 *
 * Returns { update(fraction or null), stop() }. Quick work shows nothing: it would only flicker.
 */
export function startProgress(method, onCancel) {
  const started = performance.now();
  const bar = byId("progress-bar");
  let fraction = null;
  const show = () => {
    const seconds = number((performance.now() - started) / 1000);
    const text =
      fraction === null
        ? say("status.running", { method, seconds })
        : say("status.job", { method, seconds, percent: number(100 * fraction) });
    byId("progress-text").textContent = text;
    byId("progress").hidden = false;
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  };
  const first = setTimeout(show, 400);
  const timer = setInterval(() => performance.now() - started > 400 && show(), 500);
  byId("cancel").onclick = onCancel;
  return {
    update(share) {
      fraction = share;
    },
    stop() {
      clearTimeout(first);
      clearInterval(timer);
      byId("progress").hidden = true;
      byId("cancel").onclick = null;
    },
  };
}
