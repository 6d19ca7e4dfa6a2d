// The page: the parts put together.

import * as api from "./api.js";
import { Divider } from "./divider.js";
import { download } from "./downloads.js";
import { OptionForm } from "./form.js";
import { Gestures } from "./gestures.js";
import { History } from "./history.js";
import { language, number, onLanguage, sampleTitle, say, setLanguage, translate } from "./i18n/language.js";
import { clearError, knowLimits, mostBytes, prepareNotice, repeatError, showError, status } from "./notice.js";
import { BRUSHES } from "./palette.js";
import * as panels from "./panels.js";
import { recall, remember, setTheme } from "./preferences.js";
import { LIVE, Prompting } from "./prompting.js";
import { radioRow } from "./radio.js";
import { listen, SHORTCUTS } from "./shortcuts.js";
import { Stage } from "./canvas.js";
import { FIRST_OBJECT, Marks, MOST_LABEL } from "./strokes.js";
import { Workspace } from "./workspace.js";

const byId = (id) => document.getElementById(id);

const stage = new Stage(byId("stage"));
const marks = new Marks(stage.marks);
const form = new OptionForm(byId("fields"));
const history = new History(showHistory);
const workspace = new Workspace(showSide);
const prompting = new Prompting(workspace, marks, history, putBack);
const brush = { label: FIRST_OBJECT, labels: FIRST_OBJECT, size: 8 };
const styles = ["fill", "outlines", "both"];
let style = styles.includes(recall("style")) ? recall("style") : "both";
let lit = null; // the segment that is stressed
let samples = [];
let allLimits = null;

// --- showing -----------------------------------------------------------------------------------------------------------

function paint(index) {
  const { result } = workspace.sides[index];
  const shown = result && byId("visible").checked && (index === 0 || workspace.comparing);
  stage.paint(index, shown ? result : null, style, index === workspace.active ? lit : null);
}

/** A side has another result, or none. */
function showSide(index) {
  lit = null;
  paint(index);
  showNames();
  if (index === workspace.active) showActiveResult();
}

function showActiveResult() {
  const { result } = workspace.side;
  panels.showResultPanels(result);
  if (!result) return;
  panels.describeResult(result);
  panels.listSegments(result, light);
  if (result.setLevel) panels.showLevel(result);
}

function light(id) {
  if (lit === id) return;
  lit = id;
  paint(workspace.active);
}

function showNames() {
  for (const [index, name] of [[0, "left-name"], [1, "right-name"]]) {
    byId(name).hidden = !workspace.comparing || !workspace.image;
    byId(name).textContent = workspace.sides[index].method ?? "";
  }
}

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
  form.show(workspace.optionsOf(method), workspace.side.options);
  const advice =
    method.name === LIVE ? "advice.live" : method.prompts.includes("scribbles") ? "advice.seeds" : method.prompts.length ? "advice.box" : "";
  byId("method-advice").hidden = !advice;
  byId("method-advice").textContent = advice ? say(advice) : "";
  const takes = { move: true, box: method.prompts.includes("box"), brush: method.prompts.includes("scribbles") };
  for (const button of document.querySelectorAll("[data-tool]")) {
    if (button.id !== "stage") button.hidden = !takes[button.dataset.tool];
  }
  for (const element of document.querySelectorAll(".prompts")) element.hidden = !method.prompts.length;
  stage.marks.toggleAttribute("hidden", !method.prompts.length);
  if (!takes[gestures.tool]) chooseTool(takes.box ? "box" : takes.brush ? "brush" : "move");
  else if (gestures.tool === "move" && method.prompts.length) chooseTool(takes.box ? "box" : "brush");
  byId("run").disabled = !workspace.image;
  showNames();
}

function showImage() {
  const { image } = workspace;
  byId("empty").hidden = Boolean(image);
  byId("image-name").textContent = image ? say("image.line", { ...image }) : say("image.none");
  stage.root.setAttribute("aria-label", image ? say("stage.name", { ...image }) : say("stage.region"));
  byId("run").disabled = !image;
}

// --- opening an image --------------------------------------------------------------------------------------------------

async function open(source, name) {
  if (!source.sample && source.size > mostBytes()) {
    showError(new api.ApiError(413, ""));
    return;
  }
  if (!(await workspace.open(source, name))) return;
  const { session, width, height } = workspace.image;
  marks.clear();
  history.clear();
  prompting.begin(session);
  for (const index of [0, 1]) showSide(index);
  showImage();
  setBrushSize(Math.max(3, Math.round(Math.max(width, height) / 100)));
  try {
    await stage.show(api.imageAddress(session), width, height);
  } catch {
    // Another image that was opened meanwhile ends the decoding of this one.
    if (workspace.image?.session === session) showError(new api.ApiError(404, ""));
    return;
  }
  if (workspace.image?.session !== session) return;
  showNames();
  divide();
  status("status.ready");
  for (const index of workspace.comparing ? [0, 1] : [0]) {
    // A method that works by itself answers at once; the others wait for a box or a stroke.
    const method = workspace.methodOf(index);
    if (method.name !== LIVE && !method.needs_prompt) await workspace.run(index, null);
  }
}

function openFiles(files) {
  const file = [...files].find((one) => one.type.startsWith("image/") || /\.(tiff?|png|jpe?g|webp|bmp)$/i.test(one.name)) ?? files[0];
  if (file) open(file, file.name || say("image.pasted"));
  else showError({ key: "error.nothing" });
}

const openSample = (sample) => open({ sample: sample.name }, sampleTitle(sample));

// --- running a method --------------------------------------------------------------------------------------------------

async function run() {
  if (!workspace.image) {
    status("advice.open");
    return;
  }
  const options = form.read();
  if (!options) return;
  const index = workspace.active;
  workspace.side.options = options;
  const before = workspace.side.result;
  const after = await workspace.run(index, prompting.promptsOf(workspace.method));
  if (!after) return;
  history.did(() => putBack(index, before), () => putBack(index, after));
}

function putBack(index, result) {
  workspace.sides[index].result = result;
  showSide(index);
}

// --- boxes and strokes -------------------------------------------------------------------------------------------------

function ended(mark) {
  if (!mark) return;
  if (mark.kind === "box") chooseLabel(mark.label);
  prompting.added();
}

function chooseTool(name) {
  gestures.tool = name;
  tools.choose(name);
}

function chooseLabel(label) {
  if (label > MOST_LABEL) return;
  brush.label = label;
  brush.labels = Math.max(brush.labels, label);
  panels.listLabels(BRUSHES, brush.labels, label);
}

function setBrushSize(size) {
  brush.size = Math.min(60, Math.max(1, size));
  byId("brush-size").value = brush.size;
  byId("brush-size-shown").textContent = brush.size;
}

const gestures = new Gestures(stage, byId("cursor"), {
  begin: (position) => {
    byId("tip").hidden = true;
    marks.begin(gestures.tool === "box" ? "box" : "stroke", position, brush.label, brush.size);
  },
  extend: (position) => marks.draft && marks.extend(position, Math.max(0.5, brush.size / 6)),
  finish: () => ended(marks.finish(stage.width, stage.height)),
  abandon: () => marks.abandon(),
  hover: (pixel, event) => showTipAt(pixel, event),
  tap: (pixel, event) => showTipAt(pixel, event),
});

function showTipAt(pixel, event) {
  const box = stage.root.getBoundingClientRect();
  const right = workspace.comparing && pixel && event && (event.clientX - box.left) / box.width > divider.share;
  const { result } = workspace.sides[right ? 1 : 0];
  const segment = pixel && result && byId("visible").checked && !marks.draft ? result.at(pixel.x, pixel.y) : null;
  if (segment && !event) {
    const { left, top } = stage.screenOf(pixel.x, pixel.y);
    panels.showTip(stage, segment, result, { clientX: box.left + left, clientY: box.top + top });
  } else {
    panels.showTip(stage, segment, result, event);
  }
}

// --- the level slider ----------------------------------------------------------------------------------------------------

let listing = 0;

byId("level").addEventListener("input", (event) => {
  const { result } = workspace.side;
  if (!result?.setLevel) return;
  const start = performance.now();
  result.setLevel(Number(event.target.value));
  lit = null;
  paint(workspace.active);
  performance.measure("level step", { start, end: performance.now() });
  panels.sayLevel(result);
  panels.describeResult(result);
  clearTimeout(listing); // the list of segments follows when the slider rests
  listing = setTimeout(() => workspace.side.result === result && panels.listSegments(result, light), 200);
});

// --- comparing -----------------------------------------------------------------------------------------------------------

const divider = new Divider(byId("divider"), () => divide());

function divide() {
  stage.split(workspace.comparing && workspace.image ? divider.share : null);
}

stage.onView = () => {
  divide();
  gestures.placeCursor();
  byId("tip").hidden = true;
};

function compare(on) {
  workspace.comparing = on;
  byId("sides").hidden = !on;
  divider.show(on);
  if (!on && workspace.active === 1) activate(0);
  for (const index of [0, 1]) paint(index);
  showNames();
  if (on) {
    activate(1);
    sideRow.choose(1);
    if (!workspace.side.result && workspace.image && !workspace.method.needs_prompt && workspace.method.name !== LIVE) run();
  }
}

function activate(index) {
  workspace.side.options = form.read() ?? workspace.side.options;
  workspace.active = index;
  sideRow.choose(index);
  showMethod();
  showActiveResult();
}

function chooseMethod(name) {
  workspace.side.method = name;
  workspace.side.options = {};
  showMethod();
}

// --- wiring --------------------------------------------------------------------------------------------------------------

const tools = radioRow(byId("tools").querySelector("[role=radiogroup]"), "tool", (name) => (gestures.tool = name));
radioRow(byId("labels"), "brush", (label) => {
  chooseLabel(Number(label));
  byId("labels").querySelector('[aria-checked="true"]').focus();
});
const sideRow = radioRow(byId("sides"), "side", (index) => activate(Number(index)));
const styleRow = radioRow(byId("styles"), "style", setStyle);

function setStyle(name) {
  style = name;
  remember("style", name);
  styleRow.choose(name);
  for (const index of [0, 1]) paint(index);
}

function setOpacity(percent) {
  stage.opacity = percent / 100;
  byId("opacity").value = percent;
  byId("opacity-shown").textContent = `${percent} %`;
  remember("opacity", percent);
}

const on = (id, type, listener) => byId(id).addEventListener(type, listener);

on("choose", "click", () => byId("file").click());
on("open", "click", () => byId("file").click());
on("file", "change", (event) => {
  if (event.target.files.length) openFiles(event.target.files);
  event.target.value = "";
});
on("sample-select", "change", (event) => {
  const sample = samples.find(({ name }) => name === event.target.value);
  event.target.value = "";
  if (sample) openSample(sample);
});
on("method", "change", (event) => {
  chooseMethod(event.target.value);
  if (workspace.image && !workspace.method.needs_prompt && workspace.method.name !== LIVE) run();
});
on("options", "submit", (event) => {
  event.preventDefault();
  run();
});
on("reset", "click", () => {
  workspace.side.options = {};
  showMethod();
});
on("compare", "change", (event) => compare(event.target.checked));
on("undo", "click", () => history.undo() && status("status.undone"));
on("redo", "click", () => history.redo());
on("forget", "click", () => prompting.forget());
on("add-label", "click", () => {
  chooseLabel(Math.min(brush.labels + 1, MOST_LABEL));
  if (workspace.method.prompts.includes("scribbles")) chooseTool("brush");
});
on("brush-size", "input", (event) => setBrushSize(Number(event.target.value)));
on("zoom-in", "click", () => stage.zoom(1.25));
on("zoom-out", "click", () => stage.zoom(0.8));
on("zoom-fit", "click", () => stage.fit());
on("opacity", "input", (event) => setOpacity(Number(event.target.value)));
on("visible", "change", () => [0, 1].forEach(paint));
on("theme", "change", (event) => setTheme(event.target.value));
on("language", "change", (event) => setLanguage(event.target.value));
on("keys-button", "click", () => byId("keys").showModal());
on("downloads", "click", async (event) => {
  const format = event.target.dataset.format;
  const { result } = workspace.side;
  if (!format || !result) return;
  clearError();
  try {
    status("status.saved", { name: await download(workspace.image.session, result, format, stage.photo) });
  } catch (error) {
    showError(error);
  }
});

listen({
  open: () => byId("file").click(),
  run,
  undo: () => history.undo() && status("status.undone"),
  redo: () => history.redo(),
  tool: (name) => {
    const button = document.querySelector(`button[data-tool="${name}"]`);
    if (!button.hidden) chooseTool(name);
  },
  label: (label) => {
    if (workspace.method?.prompts.length && label <= MOST_LABEL) chooseLabel(label);
  },
  size: (step) => setBrushSize(brush.size + step * Math.max(1, Math.round(brush.size / 8))),
  zoom: (factor) => stage.width && stage.zoom(factor),
  fit: () => stage.fit(),
  hide: () => byId("visible").click(),
  style: () => setStyle(styles[(styles.indexOf(style) + 1) % styles.length]),
  escape: () => gestures.abandon() || workspace.cancel() || clearError(),
  help: () => byId("keys").showModal(),
});

let dragged = 0; // dragenter and dragleave also come from the elements inside
document.addEventListener("dragenter", (event) => {
  event.preventDefault();
  dragged++;
  byId("drop").hidden = false;
});
document.addEventListener("dragleave", () => {
  dragged = Math.max(0, dragged - 1);
  byId("drop").hidden = dragged > 0 ? byId("drop").hidden : true;
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dragged = 0;
  byId("drop").hidden = true;
  openFiles(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) openFiles(event.clipboardData.files);
});
window.addEventListener("pagehide", (event) => {
  if (!event.persisted) workspace.forget();
});

function showWords() {
  byId("language").value = language();
  if (workspace.methods.size) {
    workspace.side.options = form.read() ?? workspace.side.options;
    panels.listMethods([...workspace.methods.values()], workspace.side.method);
    showMethod();
  }
  panels.listLabels(BRUSHES, brush.labels, brush.label);
  panels.listKeys(SHORTCUTS);
  panels.listSamples(samples, openSample);
  showImage();
  showActiveResult();
  byId("retention").textContent = allLimits ? say("retention", { minutes: number(allLimits.session_life / 60) }) : "";
  repeatError();
}

function begin() {
  prepareNotice();
  byId("theme").value = recall("theme") ?? "auto";
  translate();
  showWords();
  onLanguage(() => {
    showWords();
    status("status.ready");
  });
  setStyle(style);
  setOpacity(Number(recall("opacity") ?? 75));
  chooseTool("move");
  chooseLabel(brush.label);
  showHistory();
  load();
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

begin();
