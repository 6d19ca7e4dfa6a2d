// Colours of segments: a category's own where there is one, else colours of the library's palette, neighbours apart.

/** The first colours of kontur.draw.distinct_colours, each far from all before it. */
export const COLOURS = [
  [66, 133, 244],
  [240, 210, 0],
  [180, 45, 0],
  [15, 150, 45],
  [255, 180, 255],
  [0, 240, 240],
  [255, 120, 90],
  [150, 60, 165],
  [0, 120, 135],
  [195, 120, 225],
  [0, 180, 180],
  [180, 150, 0],
  [105, 210, 105],
  [120, 105, 30],
  [150, 180, 255],
  [180, 105, 120],
];

/** Brushes: 1 is background, 2.. are objects. As in coloured stroke files: red = background, white = the first object. */
export const BRUSHES = [
  [228, 37, 37],
  [255, 255, 255],
  [64, 156, 255],
  [255, 204, 0],
  [63, 200, 96],
  [224, 96, 255],
  [255, 138, 48],
  [0, 214, 214],
];

const BACKGROUND = [60, 60, 60];

/** A colour as one number in the order of ImageData's bytes (little endian): 0xAABBGGRR. */
export function packed([red, green, blue], alpha = 255) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/**
 * The colour [r, g, b] of every segment: an array by segment id.
 *
 * values: Int32Array of ids, row by row. A background is dark grey; objects of a foreground result have the colour of their
 * brush but for the first, which would be white on white photos.
 */
export function segmentColours(values, width, segments, background) {
  const colours = [];
  const around = background === null ? neighbours(values, width) : new Map();
  for (const { id, colour } of segments) {
    if (colour) {
      colours[id] = colour;
    } else if (id === background) {
      colours[id] = BACKGROUND;
    } else if (background !== null) {
      colours[id] = id === background + 1 ? COLOURS[0] : BRUSHES[1 + ((id - 2) % (BRUSHES.length - 1))];
    } else {
      const taken = new Set();
      for (const other of around.get(id) ?? []) if (colours[other]) taken.add(colours[other]);
      let pick = (id * 7) % COLOURS.length;
      for (let i = 0; i < COLOURS.length && taken.has(COLOURS[pick]); i++) pick = (pick + 1) % COLOURS.length;
      colours[id] = COLOURS[pick];
    }
  }
  return colours;
}

/** Map of id -> Set of the ids that touch it by a side. */
function neighbours(values, width) {
  const around = new Map();
  const add = (a, b) => {
    if (!around.has(a)) around.set(a, new Set());
    around.get(a).add(b);
  };
  let lastA = -1;
  let lastB = -1;
  for (let i = 0; i < values.length; i++) {
    const here = values[i];
    for (const j of [i + 1, i + width]) {
      if (j >= values.length || (j === i + 1 && j % width === 0)) continue;
      const there = values[j];
      if (here === there || (here === lastA && there === lastB)) continue;
      lastA = here;
      lastB = there;
      add(here, there);
      add(there, here);
    }
  }
  return around;
}
