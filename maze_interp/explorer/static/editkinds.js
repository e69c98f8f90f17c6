// The kinds of edits: what each needs, what a new one looks like, and lists of channels and positions as text.

import { pair, same } from "./dom.js";
import { readMaze } from "./maze.js";

/** Each kind's words, and the number that its slider sets. */
export const EDITS = {
  set_square: { words: "write a value at a square (retarget)", slider: "value", channels: true, fill: true },
  set_pixel: { words: "write a value at a pixel", slider: "value", channels: true, fill: true },
  zero: { words: "set to zero", slider: null, channels: true, positions: true },
  scale: { words: "scale", slider: "factor", channels: true, positions: true },
  mean: { words: "set to the mean", slider: null, channels: true, positions: true },
  cheese_vector: { words: "add the cheese vector", slider: "coefficient", channels: false },
  top_right_vector: { words: "add the top-right vector", slider: "coefficient", channels: false },
  patch: { words: "patch from the donor maze", slider: null, channels: true, positions: true },
  given: { words: null }, // what the explorer was started with; it has a label of its own
};

const MOST = 16;

/** Append a new edit to a pane and give it back; a patch needs a donor, so it gets a copy of the maze. */
export function addEdit(pane, kind, { layer, channels }) {
  const top = readMaze(pane.maze.ascii).size - 1;
  const own = {
    set_square: { square: [top, top], value: 5, fill: null },
    set_pixel: { pixel: [0, 0], value: 5, fill: null },
    scale: { factor: 2 },
    cheese_vector: { coefficient: -1 },
    top_right_vector: { coefficient: 1 },
  };
  const edit = { kind, on: true, layer, ...own[kind] };
  if (EDITS[kind].channels) edit.channels = channels;
  if (EDITS[kind].positions) edit.positions = null;
  if (kind === "patch") pane.donor ??= structuredClone(pane.maze);
  if (pane.edits.length < MOST) pane.edits.push(edit);
  return edit;
}

/** Write at this pixel; or put it among the positions, or take it out again. */
export function useOnEdit(edit, pixel) {
  if (edit.kind === "set_pixel") {
    edit.pixel = pixel;
    return;
  }
  const others = (edit.positions ?? []).filter((each) => !same(each, pixel));
  const taken = others.length < (edit.positions ?? []).length;
  edit.positions = taken ? others : [...others, pixel];
  if (!edit.positions.length) edit.positions = null;
}

/** `7, 8, 10:13` as [7, 8, 10, 11, 12]; empty or "all" as null; undefined where it makes no sense. */
export function readChannels(text) {
  if (["", "all"].includes(text.trim())) return null;
  const parts = text.split(",").map((part) => part.trim().match(/^(\d+)(?::(\d+))?$/));
  if (parts.some((part) => !part)) return undefined;
  const range = ([, from, to]) =>
    Array.from({ length: to === undefined ? 1 : Math.min(4096, to - from) }, (_, i) => Number(from) + i);
  const channels = parts.flatMap(range);
  return channels.length ? channels : undefined;
}

export const writeChannels = (channels) => (channels ? channels.join(", ") : "all");

/** `(3, 4), (5, 6)` as pairs; empty or "all" as null; undefined where it makes no sense. */
export function readPairs(text) {
  if (["", "all"].includes(text.trim())) return null;
  if (!/^\s*(\(\s*\d+\s*,\s*\d+\s*\)[\s,]*)+$/.test(text)) return undefined;
  const numbers = text.match(/\d+/g).map(Number);
  return numbers.flatMap((number, i) => (i % 2 ? [] : [[number, numbers[i + 1]]]));
}

export const writePairs = (pairs) => (pairs ? pairs.map(pair).join(", ") : "all");
