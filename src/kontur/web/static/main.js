// The page: the parts put together.

import * as api from "./api.js";
import { acceptImages } from "./bringing.js";
import { Stage } from "./canvas.js";
import { Comparing } from "./comparing.js";
import { offerDownloads } from "./downloads.js";
import { Drawing } from "./drawing.js";
import { OptionForm } from "./form.js";
import { History } from "./history.js";
import { language, number, onLanguage, sampleTitle, say, setLanguage, translate } from "./i18n/language.js";
import { LIVE } from "./live.js";
import { cancelWork, clearError, knowLimits, prepareNotice, repeatError, showError, showHint, status } from "./notice.js";
import * as panels from "./panels.js";
import { recall, setTheme } from "./preferences.js";
import { Prompting } from "./prompting.js";
import { listen, SHORTCUTS } from "./shortcuts.js";
import { Showing } from "./showing.js";
import { Marks } from "./strokes.js";
import { Workspace } from "./workspace.js";

const byId = (id) => document.getElementById(id);
const on = (id, type, listener) => byId(id).addEventListener(type, listener);

const stage = new Stage(byId("stage"));
const marks = new Marks(stage.marks);
const form = new OptionForm(byId("fields"));
const history = new History(showHistory);
const workspace = new Workspace(
  (index) => showing.side(index),
  (index, before, after) => history.did(() => putBack(index, before), () => putBack(index, after)),
);
const showing = new Showing(workspace, stage);
const prompting = new Prompting(workspace, marks, history, putBack);
const drawing = new Drawing(stage, marks, () => prompting.added(), (pixel, event) => showing.tip(pixel, event));
let samples = [];
let allLimits = null;

// --- showing -----------------------------------------------------------------------------------------------------------

function showHistory() {
  byId("undo").disabled = !history.past.length;
  byId("redo").disabled = !history.future.length;
  byId("forget").disabled = marks.empty;
}

function showMethod() {
  const { method } = workspace;
  if (!method) return;
  byId("method").value = method.name;
  panels.describeMethod(method);
  panels.advise(method, method.name === LIVE);
  form.show(workspace.optionsOf(method), workspace.side.options);
  drawing.offerFor(method);
  byId("run").disabled = !workspace.image;
  showing.names();
}

function showImage() {
  const { image } = workspace;
  if (image && byId("empty").contains(document.activeElement)) stage.root.focus(); // what had the focus goes away
  byId("empty").hidden = Boolean(image);
  byId("image-name").textContent = image ? say("image.line", { ...image }) : say("image.none");
  byId("close-image").hidden = !image;
  stage.root.setAttribute("role", image ? "application" : "group");
  stage.root.setAttribute("aria-label", image ? say("stage.name", { ...image }) : say("stage.region"));
  for (const id of ["run", "zoom-out", "zoom-fit", "zoom-in"]) byId(id).disabled = !image;
}

// --- opening an image --------------------------------------------------------------------------------------------------

async function open(source, name) {
  if (!(await workspace.open(source, name))) return;
  const { session, width, height } = workspace.image;
  startAfresh();
  drawing.sizeFor(width, height);
  try {
    await stage.show(api.imageAddress(session), width, height);
  } catch {
    // Another image that was opened meanwhile ends the decoding of this one.
    if (workspace.image?.session === session) showError({ key: "error.image" });
    return;
  }
  if (workspace.image?.session !== session) return;
  showing.names();
  comparing.divide();
  status("status.ready");
  for (const index of workspace.comparing ? [0, 1] : [0]) {
    // A method that works by itself answers at once; the others wait for a box or a stroke.
    if (workspace.image?.session !== session) return;
    if (worksByItself(workspace.methodOf(index))) await workspace.run(index, null);
  }
}

/** The image is another one, or none: nothing of the one before is left. */
function startAfresh() {
  marks.clear();
  history.clear();
  prompting.begin(workspace.image?.session ?? null);
  for (const index of [0, 1]) showing.side(index);
  showImage();
}

function close() {
  workspace.forget();
  stage.clear();
  startAfresh();
  comparing.divide();
  clearError();
  status("status.ready");
  byId("choose").focus();
}

on("close-image", "click", close);

// --- running a method --------------------------------------------------------------------------------------------------

const worksByItself = (method) => method.name !== LIVE && !method.needs_prompt;

function run() {
  if (!workspace.image) {
    showHint("advice.open");
    return;
  }
  const options = form.read();
  if (!options) return;
  workspace.side.options = options;
  workspace.runAnew(workspace.active, prompting.promptsOf(workspace.method));
}

function putBack(index, result) {
  workspace.sides[index].result = result;
  showing.side(index);
}

on("method", "change", (event) => {
  clearError(); // its button would run the method before
  workspace.side.method = event.target.value;
  workspace.side.options = {};
  showMethod();
  if (workspace.image && worksByItself(workspace.method)) run();
});
on("options", "submit", (event) => {
  event.preventDefault();
  run();
});
on("reset", "click", () => {
  workspace.side.options = {};
  showMethod();
});

// --- comparing -----------------------------------------------------------------------------------------------------------

const comparing = new Comparing(workspace, stage, showing, {
  onLeave: () => (workspace.side.options = form.read() ?? workspace.side.options),
  onEnter: () => {
    showMethod();
    showing.activeResult();
  },
  onBegin: () => !workspace.side.result && workspace.image && worksByItself(workspace.method) && run(),
});

stage.onView = () => {
  comparing.divide();
  drawing.gestures.placeCursor();
  byId("tip").hidden = true;
};

// --- buttons and keys ----------------------------------------------------------------------------------------------------

const undo = () => history.undo() && status("status.undone");

on("undo", "click", undo);
on("redo", "click", () => history.redo());
on("forget", "click", () => prompting.forget());
on("add-label", "click", () => {
  drawing.nextLabel();
  drawing.pick("brush");
});
on("zoom-in", "click", () => stage.zoom(1.25));
on("zoom-out", "click", () => stage.zoom(0.8));
on("zoom-fit", "click", () => stage.fit());
on("theme", "change", (event) => setTheme(event.target.value));
on("language", "change", (event) => setLanguage(event.target.value));
on("keys-button", "click", () => byId("keys").showModal());

listen({
  open: () => byId("file").click(),
  run,
  undo,
  redo: () => history.redo(),
  tool: (name) => drawing.pick(name),
  label: (label) => workspace.method?.prompts.length && drawing.chooseLabel(label),
  size: (steps) => drawing.thicker(steps),
  zoom: (factor) => stage.width && stage.zoom(factor),
  fit: () => stage.fit(),
  hide: () => byId("visible").click(),
  style: () => showing.nextStyle(),
  escape: () => drawing.gestures.abandon() || cancelWork() || clearError(),
  help: () => byId("keys").showModal(),
});

acceptImages(open, () => samples);
offerDownloads(workspace);
window.addEventListener("pagehide", (event) => {
  if (!event.persisted) workspace.forget();
});

// --- words, and what the server offers -----------------------------------------------------------------------------------

function showWords() {
  byId("language").value = language();
  if (workspace.methods.size) {
    workspace.side.options = form.read() ?? workspace.side.options;
    panels.listMethods([...workspace.methods.values()], workspace.side.method);
    showMethod();
  }
  drawing.listLabels();
  panels.listKeys(SHORTCUTS);
  panels.listSamples(samples, (sample) => open({ sample: sample.name }, sampleTitle(sample)));
  showImage();
  showing.activeResult();
  byId("retention").textContent = allLimits ? say("retention", { minutes: number(allLimits.session_life / 60) }) : "";
  repeatError();
}

/** Ask the server what there is. */
async function load() {
  try {
    const [limits, methods, pictures] = await Promise.all([api.limits(), api.methods(), api.samples()]);
    allLimits = limits;
    knowLimits(limits);
    samples = pictures.samples;
    workspace.methods = new Map(methods.methods.map((method) => [method.name, method]));
    const usable = (name) => workspace.methods.get(name)?.available;
    const second = methods.methods.find(({ name, available }) => available && name === "felzenszwalb" && name !== methods.default);
    workspace.sides[0].method = usable(methods.default) ? methods.default : methods.methods.find((one) => one.available).name;
    workspace.sides[1].method = second?.name ?? "slic";
    showWords();
    status("status.ready");
    document.documentElement.dataset.ready = "true";
  } catch (error) {
    showError(error, { key: "again", run: load });
  }
}

prepareNotice();
byId("theme").value = recall("theme") ?? "auto";
translate();
showWords();
onLanguage(() => {
  showWords();
  status("status.ready");
});
showHistory();
load();
