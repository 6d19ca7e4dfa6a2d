// Boxes and strokes: what was drawn, in the order it was drawn, as the server takes it and as it is shown.

import { BRUSHES, css } from "./palette.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_POINTS = 5000; // of a stroke, by the server's contract
const LEAST_BOX = 3; // pixels; a smaller drag was a slip

export const BACKGROUND = 1;
export const FIRST_OBJECT = 2;
export const MOST_LABEL = BRUSHES.length;

export class Marks {
  constructor(svg) {
    this.svg = svg;
    this.done = [];
    this.undone = [];
    this.draft = null;
  }

  get boxes() {
    return boxesOf(this.done);
  }

  get strokes() {
    return strokesOf(this.done);
  }

  get empty() {
    return this.done.length === 0;
  }

  clear() {
    this.done = [];
    this.undone = [];
    this.draft = null;
    this.draw();
  }

  // --- drawing one --------------------------------------------------------------------------------------------------

  /** Begin a box or a stroke at a position in pixels. label: 1 background, 2.. objects. width: of the brush, in pixels. */
  begin(kind, { x, y }, label, width) {
    if (kind === "stroke") {
      this.draft = { kind, label, width, points: [[x, y]] };
    } else {
      // Box number i is that of object i + 2; without gaps, so a new box may only be the next one.
      const index = Math.min(Math.max(label - FIRST_OBJECT, 0), this.boxes.length, MOST_LABEL - FIRST_OBJECT);
      this.draft = { kind, index, label: index + FIRST_OBJECT, from: [x, y], to: [x, y] };
    }
    this.#redraw();
  }

  /** Go on to a position; a stroke takes no points closer than `least` pixels to the last. */
  extend({ x, y }, least = 1) {
    const draft = this.draft;
    if (draft.kind === "box") {
      draft.to = [x, y];
    } else {
      const [lastX, lastY] = draft.points[draft.points.length - 1];
      if (Math.hypot(x - lastX, y - lastY) < least || draft.points.length >= MOST_POINTS) return;
      draft.points.push([x, y]);
    }
    this.#redraw();
  }

  /** End it, inside an image of width x height pixels. Returns the mark, or null if it was none. */
  finish(width, height) {
    const { draft } = this;
    this.draft = null;
    const mark = draft && (draft.kind === "box" ? finishedBox(draft, width, height) : finishedStroke(draft, width, height));
    if (mark) {
      this.done.push(mark);
      this.undone = [];
    }
    this.draw();
    return mark;
  }

  abandon() {
    if (!this.draft) return false;
    this.draft = null;
    this.draw();
    return true;
  }

  undo() {
    const mark = this.done.pop();
    if (mark) this.undone.push(mark);
    this.draw();
    return mark ?? null;
  }

  redo() {
    const mark = this.undone.pop();
    if (mark) this.done.push(mark);
    this.draw();
    return mark ?? null;
  }

  // --- as the server takes it -----------------------------------------------------------------------------------------

  /**
   * What a cut into object and background still needs to know, of the first `count` marks: "background" where an object has
   * a stroke but no box and nothing is said of the background, "object" where only the background is marked, or null.
   */
  missing(count = this.done.length) {
    const done = this.done.slice(0, count);
    const labels = strokesOf(done).map((mark) => mark.label);
    const boxes = boxesOf(done).length;
    if (!labels.length) return null;
    const objects = Math.max(...labels) - 1;
    if (objects === 0 && boxes === 0) return "object";
    return !labels.includes(BACKGROUND) && boxes < objects ? "background" : null;
  }

  /** PROMPTS of the first `count` marks that a method takes (`takes`: of "box", "scribbles"); null if there is nothing. */
  prompts(takes = ["box", "scribbles"], count = this.done.length) {
    const done = this.done.slice(0, count);
    const boxes = takes.includes("box") ? boxesOf(done) : [];
    const strokes = takes.includes("scribbles") ? strokesOf(done).map(asStroke) : [];
    if (!boxes.length && !strokes.length) return null;
    return { ...(boxes.length ? { boxes } : {}), ...(strokes.length ? { strokes } : {}) };
  }

  /** PROMPTS of the last mark alone, as a live session takes it: all boxes, or one stroke. */
  latest() {
    const mark = this.done[this.done.length - 1];
    return mark.kind === "box" ? { boxes: this.boxes } : { strokes: [asStroke(mark)] };
  }

  // --- as it is shown ---------------------------------------------------------------------------------------------------

  draw() {
    this.svg.replaceChildren(
      ...this.strokes.map(strokeElement),
      ...this.boxes.map((box, index) => boxElement(box, index + FIRST_OBJECT)),
    );
    this.draftElement = null;
  }

  /** Only the draft changes while it is drawn. */
  #redraw() {
    const { draft } = this;
    const made = draft.kind === "box" ? boxElement(corners(draft), draft.label) : strokeElement(draft);
    if (this.draftElement) this.draftElement.replaceWith(made);
    else this.svg.append(made);
    this.draftElement = made;
  }
}

const strokesOf = (marks) => marks.filter((mark) => mark.kind === "stroke");

/** The boxes by object; a later one of the same object counts. */
function boxesOf(marks) {
  const boxes = [];
  for (const mark of marks) if (mark.kind === "box") boxes[mark.index] = mark.box;
  return boxes;
}

const asStroke = ({ label, width, points }) => ({ label, width, points });

function corners({ from, to }) {
  return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
}

function finishedBox(draft, width, height) {
  const [x0, y0, x1, y1] = corners(draft);
  const box = [
    Math.max(0, Math.floor(x0)),
    Math.max(0, Math.floor(y0)),
    Math.min(width, Math.ceil(x1)),
    Math.min(height, Math.ceil(y1)),
  ];
  if (box[2] - box[0] < LEAST_BOX || box[3] - box[1] < LEAST_BOX) return null;
  return { kind: "box", index: draft.index, label: draft.label, box };
}

function finishedStroke({ label, width: brush, points }, width, height) {
  const inside = (value, size) => Math.round(Math.min(size - 1, Math.max(0, value)) * 10) / 10;
  return { kind: "stroke", label, width: brush, points: points.map(([x, y]) => [inside(x, width), inside(y, height)]) };
}

function strokeElement({ label, width, points }) {
  const line = document.createElementNS(SVG, "polyline");
  // A polyline of one point is not drawn: a dot is a line of no length with round ends.
  const path = points.length === 1 ? [points[0], points[0]] : points;
  line.setAttribute("points", path.map((point) => point.join(",")).join(" "));
  line.setAttribute("stroke", css(BRUSHES[label - 1]));
  line.setAttribute("stroke-width", width);
  line.setAttribute("class", "stroke");
  line.dataset.label = label;
  return line;
}

function boxElement([x0, y0, x1, y1], label) {
  const group = document.createElementNS(SVG, "g");
  for (const name of ["under", "over"]) {
    const rectangle = document.createElementNS(SVG, "rect");
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, class: `box ${name}` };
    for (const [key, value] of Object.entries(place)) rectangle.setAttribute(key, value);
    if (name === "over") rectangle.setAttribute("stroke", css(BRUSHES[label - 1]));
    group.append(rectangle);
  }
  group.dataset.label = label;
  return group;
}
