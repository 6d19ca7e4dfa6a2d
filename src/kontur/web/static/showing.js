// What is seen of the results: painted over the photo in a style, at a level, listed in the panels, named under the pointer.

import * as panels from "./panels.js";
import { recall, remember } from "./preferences.js";
import { radioRow } from "./radio.js";

const STYLES = ["fill", "outlines", "both"];

const byId = (id) => document.getElementById(id);

export class Showing {
  constructor(workspace, stage) {
    Object.assign(this, { workspace, stage });
    this.lit = null; // the segment that is stressed
    this.listing = 0;
    this.light = (id) => this.#light(id);
    this.styles = radioRow(byId("styles"), "style", (name) => this.setStyle(name));
    byId("opacity").addEventListener("input", (event) => this.setOpacity(Number(event.target.value)));
    byId("visible").addEventListener("change", () => this.paintBoth());
    byId("level").addEventListener("input", (event) => this.#setLevel(Number(event.target.value)));
    this.setStyle(STYLES.includes(recall("style")) ? recall("style") : "both");
    this.setOpacity(Number(recall("opacity") ?? 75));
  }

  /** A side has another result, or none. */
  side(index) {
    this.lit = null;
    this.paint(index);
    this.names();
    if (index === this.workspace.active) this.activeResult();
  }

  paint(index) {
    const { workspace, stage } = this;
    const { result } = workspace.sides[index];
    const shown = result && byId("visible").checked && (index === 0 || workspace.comparing);
    stage.paint(index, shown ? result : null, this.style, index === workspace.active ? this.lit : null);
  }

  paintBoth() {
    for (const index of [0, 1]) this.paint(index);
  }

  /** The panels, of the side that is chosen. */
  activeResult() {
    const { result } = this.workspace.side;
    panels.showResultPanels(result);
    if (!result) return;
    panels.describeResult(result);
    panels.listSegments(result, this.light);
    if (result.setLevel) panels.showLevel(result);
  }

  /** The methods' names over the two sides. */
  names() {
    const { workspace } = this;
    for (const [index, name] of [[0, "left-name"], [1, "right-name"]]) {
      byId(name).hidden = !workspace.comparing || !workspace.image;
      byId(name).textContent = workspace.sides[index].method ?? "";
    }
  }

  /** What lies at a pixel, beside the pointer; event: null where keys moved the cross. */
  tip(pixel, event) {
    const { stage, workspace } = this;
    const box = stage.root.getBoundingClientRect();
    const right = stage.share !== null && event && (event.clientX - box.left) / box.width > stage.share;
    const { result } = workspace.sides[right ? 1 : 0];
    const segment = pixel && result && byId("visible").checked ? result.at(pixel.x, pixel.y) : null;
    if (segment && !event) {
      const { left, top } = stage.screenOf(pixel.x, pixel.y);
      panels.showTip(stage, segment, result, { clientX: box.left + left, clientY: box.top + top });
    } else {
      panels.showTip(stage, segment, result, event);
    }
  }

  setStyle(name) {
    this.style = name;
    remember("style", name);
    this.styles.choose(name);
    this.paintBoth();
  }

  nextStyle() {
    this.setStyle(STYLES[(STYLES.indexOf(this.style) + 1) % STYLES.length]);
  }

  setOpacity(percent) {
    this.stage.opacity = percent / 100;
    byId("opacity").value = percent;
    byId("opacity-shown").textContent = `${percent} %`;
    remember("opacity", percent);
  }

  #light(id) {
    if (this.lit === id) return;
    this.lit = id;
    this.paint(this.workspace.active);
  }

  #setLevel(level) {
    const { workspace } = this;
    const { result } = workspace.side;
    if (!result?.setLevel) return;
    const start = performance.now();
    result.setLevel(level);
    this.lit = null;
    this.paint(workspace.active);
    performance.measure("level step", { start, end: performance.now() });
    panels.sayLevel(result);
    panels.describeResult(result);
    clearTimeout(this.listing); // the list of segments follows when the slider rests
    this.listing = setTimeout(() => workspace.side.result === result && panels.listSegments(result, this.light), 200);
  }
}
