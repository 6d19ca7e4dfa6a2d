// The level slider: a tree of regions, sent once, of which every level is painted here, without the server.
//
// Definition: Arbelaez, "Boundary Extraction in Natural Images Using Ultrametric Contour Maps", CVPR Workshops 2006.
// Two pixels lie u apart, u the height at which their regions become one. The tree comes as its leaves in an order in which
// every region of every level is a stretch, and the height at which each leaf joins the next. What is precomputed of it:
//   - the parent of every node, so that a level is one pass over the nodes;
//   - the border pixels sorted by the merge that removes them, so that the borders of a level are a prefix of that list;
//   - a colour for every node: the larger part keeps its parent's, so that colours stay as the slider moves.

import { COLOURS, packed } from "./palette.js";

const INSIDE = 120; // how strongly the inside of a region is painted under its outline, of 255
const LIT = 170;

export class Hierarchy {
  /**
   * leaves: Int32Array of ids 1..n, row by row. order: Int32Array (n), the leaves 0..n - 1 in the order of the tree.
   * joints: Float32Array (n - 1) in [0, 1]: the height at which order[i] and order[i + 1] are in one region.
   */
  constructor({ width, height, leaves, order, joints, level = 0.5 }) {
    Object.assign(this, { width, height, order, joints });
    this.background = null;
    this.count = order.length;
    this.leaf = leaves.map((id) => id - 1);
    const places = Int32Array.from(joints.keys()).sort((a, b) => joints[a] - joints[b] || a - b);
    this.heights = Float32Array.from(places, (place) => joints[place]); // of merge k, rising
    this.#grow(places);
    this.#sortBorders(places);
    this.top = new Int32Array(this.parent.length); // of every node, the node that stands for it at the level
    this.inside = new Uint32Array(this.count); // the colours of the leaves at the level, packed
    this.ids = new Int32Array(this.count); // the ids of the leaves at the level, those of the server
    this.setLevel(level);
  }

  /** Choose the level: all merges of height `level` or less are done. Returns the number of regions. */
  setLevel(level) {
    this.level = level;
    this.done = mergesUpTo(this.heights, level);
    const { parent, top, order, joints, ids } = this;
    const present = this.count + this.done;
    for (let node = present - 1; node >= 0; node--) {
      const above = parent[node];
      top[node] = above >= 0 && above < present ? top[above] : node;
    }
    const limit = Math.fround(level);
    ids[order[0]] = 1;
    for (let i = 1, id = 1; i < order.length; i++) {
      if (joints[i - 1] > limit) id++;
      ids[order[i]] = id;
    }
    return this.regions;
  }

  get regions() {
    return this.count - this.done;
  }

  /** The segments of the level, made when asked for. */
  get segments() {
    const found = new Map();
    for (let leaf = 0; leaf < this.count; leaf++) {
      if (!found.has(this.ids[leaf])) found.set(this.ids[leaf], this.#segment(leaf));
    }
    return [...found.values()];
  }

  at(x, y) {
    return this.#segment(this.leaf[y * this.width + x]);
  }

  colourOf(segment) {
    return COLOURS[this.colour[segment.node]];
  }

  /** Fill pixels (Uint32Array, one a pixel) in a style: "fill", "outlines" or "both"; `lit`: the id of a segment to stress. */
  paint(pixels, style, lit = null) {
    const { leaf, top, colour, inside, ids } = this;
    const alpha = style === "fill" ? 255 : style === "both" ? INSIDE : 0;
    if (alpha || lit !== null) {
      const usual = COLOURS.map((c) => (alpha ? packed(c, alpha) : 0));
      const stressed = COLOURS.map((c) => packed(c, Math.max(alpha, LIT)));
      for (let i = 0; i < this.count; i++) inside[i] = (ids[i] === lit ? stressed : usual)[colour[top[i]]];
      for (let i = 0; i < pixels.length; i++) pixels[i] = inside[leaf[i]];
    } else {
      pixels.fill(0);
    }
    if (style === "fill") return;
    const full = COLOURS.map((c) => packed(c));
    const end = this.bordersLeft[this.done];
    for (let i = 0; i < end; i++) {
      const pixel = this.borders[i];
      pixels[pixel] = full[colour[top[leaf[pixel]]]];
    }
  }

  #segment(leaf) {
    const node = this.top[leaf];
    return { id: this.ids[leaf], node, category: null, name: null, score: null, area: this.area[node] };
  }

  /** Parents, areas and colours of the nodes: the leaves, then one for each merge, k of the places joining two stretches. */
  #grow(places) {
    const { count, order, leaf } = this;
    const nodes = 2 * count - 1;
    this.parent = new Int32Array(nodes).fill(-1);
    this.area = new Int32Array(nodes);
    for (const one of leaf) this.area[one]++;
    const nodeAt = Int32Array.from(order); // the node of the stretch, kept at both its ends
    const otherEnd = Int32Array.from(order.keys());
    const parts = new Int32Array(2 * places.length);
    places.forEach((place, k) => {
      const [start, end] = [otherEnd[place], otherEnd[place + 1]];
      const [a, b] = [nodeAt[place], nodeAt[place + 1]];
      const node = count + k;
      this.parent[a] = this.parent[b] = node;
      this.area[node] = this.area[a] + this.area[b];
      parts[2 * k] = a;
      parts[2 * k + 1] = b;
      nodeAt[start] = nodeAt[end] = node;
      otherEnd[start] = end;
      otherEnd[end] = start;
    });
    this.colour = new Uint8Array(nodes);
    // From the top down, each new part takes the next colour: while there are few regions, all differ.
    let next = 0;
    for (let k = places.length - 1; k >= 0; k--) {
      const [a, b] = [parts[2 * k], parts[2 * k + 1]];
      const [large, small] = this.area[a] >= this.area[b] ? [a, b] : [b, a];
      const own = this.colour[count + k];
      do next = (next + 1) % COLOURS.length;
      while (next === own);
      this.colour[large] = own;
      this.colour[small] = next;
    }
  }

  /** Border pixels by the merge after which they are inside a region, latest first; and how many are left after m merges. */
  #sortBorders(places) {
    const { leaf, width, height } = this;
    const joined = mergeOfPairs(this.order, places);
    const rank = new Int32Array(leaf.length); // 0: inside a leaf; k + 1: merge k is the last one around this pixel
    const pair = (i, j) => {
      if (leaf[i] === leaf[j]) return;
      const k = joined(leaf[i], leaf[j]) + 1;
      if (k > rank[i]) rank[i] = k;
      if (k > rank[j]) rank[j] = k;
    };
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (x + 1 < width) pair(i, i + 1);
        if (y + 1 < height) pair(i, i + width);
      }
    }
    const left = new Int32Array(this.count + 1); // a counting sort, latest merge first
    for (const k of rank) if (k) left[k - 1]++;
    for (let m = this.count - 1; m >= 0; m--) left[m] += left[m + 1];
    this.bordersLeft = left;
    this.borders = new Uint32Array(left[0]);
    const next = left.slice(1);
    for (let i = 0; i < rank.length; i++) if (rank[i]) this.borders[next[rank[i] - 1]++] = i;
  }
}

/** How many of the rising heights are at most `level`. Compared as 32-bit numbers, as the library does. */
function mergesUpTo(heights, level) {
  const limit = Math.fround(level);
  let low = 0;
  let high = heights.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (heights[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * A function (a, b) -> the merge that first joins leaves a and b: the latest of those at the places between them.
 *
 * A range maximum, answered from a table of powers of two.
 */
function mergeOfPairs(order, places) {
  const count = order.length;
  const position = new Int32Array(count);
  order.forEach((leaf, place) => (position[leaf] = place));
  const first = new Int32Array(count);
  places.forEach((place, k) => (first[place] = k));
  const tables = [first];
  for (let step = 1; 2 * step <= count; step *= 2) {
    const below = tables[tables.length - 1];
    const next = new Int32Array(count);
    for (let i = 0; i + 2 * step <= count; i++) next[i] = Math.max(below[i], below[i + step]);
    tables.push(next);
  }
  return (a, b) => {
    const from = Math.min(position[a], position[b]);
    const to = Math.max(position[a], position[b]);
    const power = 31 - Math.clz32(to - from);
    const table = tables[power];
    return Math.max(table[from], table[to - (1 << power)]);
  };
}
