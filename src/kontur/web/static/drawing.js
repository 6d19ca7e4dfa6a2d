// Drawing on the stage: the tool, whose label a stroke carries, how thick it is, and the marks that come of it.

import { Gestures } from "./gestures.js";
import { BRUSHES } from "./palette.js";
import * as panels from "./panels.js";
import { radioRow } from "./radio.js";
import { FIRST_OBJECT, MOST_LABEL } from "./strokes.js";

const LARGEST = 60; // pixels of the image

const byId = (id) => document.getElementById(id);

export class Drawing {
  /** onMark(): a box or a stroke has been added to `marks`. onPlace(pixel or null, event): the pointer, or a tap, asks. */
  constructor(stage, marks, onMark, onPlace) {
    Object.assign(this, { stage, marks, onMark });
    this.label = FIRST_OBJECT;
    this.labels = FIRST_OBJECT; // how many are offered
    this.size = 8;
    this.tools = radioRow(byId("tools").querySelector("[role=radiogroup]"), "tool", (name) => (this.gestures.tool = name));
    radioRow(byId("labels"), "brush", (label) => {
      this.chooseLabel(Number(label));
      byId("labels").querySelector('[aria-checked="true"]').focus();
    });
    byId("brush-size").addEventListener("input", (event) => this.setSize(Number(event.target.value)));
    const asked = (pixel, event) => onPlace(marks.draft ? null : pixel, event);
    this.gestures = new Gestures(stage, byId("cursor"), {
      begin: (position) => {
        byId("tip").hidden = true;
        marks.begin(this.tool === "box" ? "box" : "stroke", position, this.label, this.size);
      },
      extend: (position) => marks.draft && marks.extend(position, Math.max(0.5, this.size / 6)),
      finish: () => this.#ended(marks.finish(stage.width, stage.height)),
      abandon: () => marks.abandon(),
      hover: asked,
      tap: asked,
    });
    this.choose("move");
    this.chooseLabel(this.label);
  }

  get tool() {
    return this.gestures.tool;
  }

  choose(tool) {
    this.gestures.tool = tool;
    this.tools.choose(tool);
  }

  /** Offer the tools that a method takes, and choose one that is of use. */
  offerFor({ prompts }) {
    const takes = { move: true, box: prompts.includes("box"), brush: prompts.includes("scribbles") };
    for (const button of document.querySelectorAll("button[data-tool]")) button.hidden = !takes[button.dataset.tool];
    for (const element of document.querySelectorAll(".prompts")) element.hidden = !prompts.length;
    this.stage.marks.toggleAttribute("hidden", !prompts.length);
    if (!takes[this.tool]) this.choose(takes.box ? "box" : takes.brush ? "brush" : "move");
    else if (this.tool === "move" && prompts.length) this.choose(takes.box ? "box" : "brush");
  }

  /** Choose a tool by its key, where it is offered. */
  pick(tool) {
    if (!document.querySelector(`button[data-tool="${tool}"]`).hidden) this.choose(tool);
  }

  chooseLabel(label) {
    if (label > MOST_LABEL) return;
    this.label = label;
    this.labels = Math.max(this.labels, label);
    this.listLabels();
  }

  nextLabel() {
    this.chooseLabel(Math.min(this.labels + 1, MOST_LABEL));
  }

  listLabels() {
    panels.listLabels(BRUSHES, this.labels, this.label);
  }

  setSize(size) {
    this.size = Math.min(LARGEST, Math.max(1, size));
    byId("brush-size").value = this.size;
    byId("brush-size-shown").textContent = this.size;
  }

  /** A size for an image of width x height pixels. */
  sizeFor(width, height) {
    this.setSize(Math.max(3, Math.round(Math.max(width, height) / 100)));
  }

  thicker(steps) {
    this.setSize(this.size + steps * Math.max(1, Math.round(this.size / 8)));
  }

  #ended(mark) {
    if (!mark) return;
    if (mark.kind === "box") this.chooseLabel(mark.label);
    this.onMark();
  }
}
