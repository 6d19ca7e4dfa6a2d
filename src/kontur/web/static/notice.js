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
  byId("cancel").addEventListener("click", cancelWork);
  byId("notice-close").addEventListener("click", clearError);
  byId("notice-action").addEventListener("click", () => {
    const { action } = shown;
    clearError();
    action.run();
  });
}

// --- work that takes a while -------------------------------------------------------------------------------------------

const QUIET = 400; // milliseconds; quicker work shows nothing, it would only flicker
const atWork = []; // the latest last: it is the one that is shown
let ticking = null;

/**
 * Show that something is at work until stop() is called. words: "running" (a method, `name`) or "opening" (an image);
 * onCancel: how to end it.
 *
 * Returns { update(fraction), stop() }.
 */
export function startProgress(words, name, onCancel) {
  const work = { words, name, onCancel, started: performance.now(), fraction: null };
  atWork.push(work);
  ticking ??= setInterval(showProgress, 200);
  return {
    update(share) {
      work.fraction = share;
    },
    stop() {
      atWork.splice(atWork.indexOf(work), 1);
      showProgress();
    },
  };
}

/** End all that is at work; whether there was something. */
export function cancelWork() {
  const any = atWork.length > 0;
  for (const work of [...atWork]) work.onCancel();
  return any;
}

function showProgress() {
  const work = atWork[atWork.length - 1];
  if (!work) {
    clearInterval(ticking);
    ticking = null;
  }
  const elapsed = work ? performance.now() - work.started : 0;
  const visible = elapsed > QUIET;
  if (visible && byId("progress").hidden) status(`status.${work.words}`, { name: work.name }); // said once by a screen reader
  byId("progress").hidden = !visible;
  byId("stage").setAttribute("aria-busy", String(visible));
  if (!visible) return;
  const { name, fraction } = work;
  const words = fraction === null ? work.words : "job";
  byId("progress-text").textContent = say(`progress.${words}`, {
    name,
    seconds: number(elapsed / 1000),
    percent: number(100 * fraction),
  });
  const bar = byId("progress-bar");
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction;
}
