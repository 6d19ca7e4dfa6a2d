// Answers of the server as things that can be painted and asked: `Regions`, or a `Hierarchy` for a tree.

import { Hierarchy } from "./hierarchy.js";
import { duration, number, say } from "./i18n/language.js";
import { bytesOfBase64, readLabels } from "./png.js";
import { Regions } from "./regions.js";

/** A RESULT or STEP; null where it holds no label map (a step without prompts). */
export async function regionsOf(answer) {
  if (!answer.labels_png) return null;
  const { width, height, values } = await readLabels(bytesOfBase64(answer.labels_png));
  const categories = new Map((answer.taxonomy?.categories ?? []).map((category) => [category.id, category]));
  const sharing = new Map();
  for (const { category } of answer.segments) sharing.set(category, (sharing.get(category) ?? 0) + 1);
  const segments = answer.segments.map((segment) => {
    // Several things of one kind, such as instances, are told apart by the palette.
    const colour = sharing.get(segment.category) === 1 ? categories.get(segment.category)?.colour : undefined;
    return { ...segment, colour };
  });
  const regions = new Regions({ width, height, values, segments, background: answer.background ?? null });
  return Object.assign(regions, { result: answer.result ?? null, provenance: answer.provenance ?? null });
}

/** "12 segments in 340 ms"; "12 objects in 340 ms" where things were found, with a score or before a background. */
export function summaryOf(result) {
  const { background } = result;
  const things = result.segments.some(({ name, score }) => name && (background !== null || typeof score === "number"));
  const count = things ? result.segments.filter(({ id }) => id !== background).length : (result.regions ?? result.segments.length);
  const key = `result.${things ? "objects" : "about"}${count === 1 ? ".one" : ""}`;
  return say(key, { count: number(count), time: duration(result.seconds) });
}

/** A TREE. */
export async function hierarchyOf(answer) {
  const { width, height, values } = await readLabels(bytesOfBase64(answer.leaves_png));
  const order = new Int32Array(bytesOfBase64(answer.order).buffer);
  const joints = new Float32Array(bytesOfBase64(answer.joints).buffer);
  const hierarchy = new Hierarchy({ width, height, leaves: values, order, joints, level: answer.default });
  return Object.assign(hierarchy, { result: answer.result, provenance: answer.provenance });
}
