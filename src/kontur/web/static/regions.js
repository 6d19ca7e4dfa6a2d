// A fixed result: which segment each pixel belongs to, and how that is painted.

import { packed, segmentColours } from "./palette.js";

/** How strongly the inside of a segment is painted under its outline, of 255. */
const INSIDE = 120;

export class Regions {
  /**
   * values: Int32Array of segment ids (0 = none), row by row.
   * segments: [{ id, category, score, area, colour? }]; category is a name or null; colour [r, g, b].
   * background: the id of the background segment, or null where the result knows none.
   */
  constructor({ width, height, values, segments, background = null }) {
    Object.assign(this, { width, height, values, segments, background });
    this.byId = new Map(segments.map((segment) => [segment.id, segment]));
    this.colours = segmentColours(values, width, segments, background);
    this.isBorder = null;
  }

  /** The segment at a pixel, or null. */
  at(x, y) {
    return this.byId.get(this.values[y * this.width + x]) ?? null;
  }

  colourOf(segment) {
    return this.colours[segment.id];
  }

  /** Fill pixels (Uint32Array, one a pixel) in a style: "fill", "outlines" or "both"; `lit`: the segment to stress. */
  paint(pixels, style, lit = null) {
    const inside = this.#table(style === "fill" ? 255 : style === "both" ? INSIDE : 0, lit);
    const { values } = this;
    for (let i = 0; i < pixels.length; i++) pixels[i] = inside[values[i]];
    if (style === "fill") return;
    const edge = this.#table(255, null);
    for (const i of this.#borders()) pixels[i] = edge[values[i]];
  }

  /** Colours by id, packed. The background of a foreground result is not painted: the photo shows. */
  #table(alpha, lit) {
    let highest = 0;
    for (const { id } of this.segments) highest = Math.max(highest, id);
    const table = new Uint32Array(highest + 1);
    for (const { id } of this.segments) {
      if (id === this.background) continue;
      table[id] = alpha ? packed(this.colours[id], alpha) : 0;
    }
    if (lit !== null && lit in table && lit !== this.background) table[lit] = packed(this.colours[lit], Math.max(alpha, 170));
    return table;
  }

  /** The pixels beside another segment, on both sides of each border, as positions; found once. */
  #borders() {
    if (this.isBorder) return this.isBorder;
    const { values, width, height } = this;
    const found = [];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const here = values[i];
        if (
          (x > 0 && values[i - 1] !== here) ||
          (x + 1 < width && values[i + 1] !== here) ||
          (y > 0 && values[i - width] !== here) ||
          (y + 1 < height && values[i + width] !== here)
        ) {
          found.push(i);
        }
      }
    }
    this.isBorder = Uint32Array.from(found);
    return this.isBorder;
  }
}
