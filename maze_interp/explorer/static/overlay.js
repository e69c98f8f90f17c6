// What colours the squares: for each choice the numbers of every square, before and after the edits.

import { digits, minus } from "./dom.js";
import { scaleOf } from "./colours.js";
import { openSquares, readMaze } from "./maze.js";

/** The choices, and their words. */
export const OVERLAYS = {
  none: "nothing",
  visits: "expected visits",
  places: "P(cheese), by where the cheese lies",
  value: "value head",
  channel: "chosen channel",
  probe: "chosen probe",
  attribution: "attribution of the decision",
};

/** Shorter words, for the head of a column. */
export const SHORT = { places: "P(cheese) there", channel: "channel", probe: "probe", attribution: "attribution" };

const bySquare = (squares, values) => new Map(squares.map((square, i) => [String(square), values[i]]));

/** Numbers of a map's pixels by square: a square lies at pixel (rows[y], columns[x]). */
function fromPixels(app, pane, map, rows, columns) {
  const squares = openSquares(readMaze(app.panes[pane].maze.ascii));
  return bySquare(
    squares,
    squares.map(([x, y]) => map[rows[y]]?.[columns[x]] ?? null),
  );
}

const SOURCES = {
  visits: {
    kind: { log: true },
    ask: () => ["figures", {}],
    values: (data, app, pane) => {
      const squares = openSquares(readMaze(app.panes[pane].maze.ascii));
      return bySquare(
        squares,
        squares.map(([x, y]) => data.occupancy[y]?.[x] ?? null),
      );
    },
  },
  places: { kind: { range: [0, 1] }, ask: () => ["cheese_map", {}], values: (data) => bySquare(data.squares, data.p) },
  value: { kind: { sequential: true }, ask: () => ["field", {}], values: (data) => bySquare(data.squares, data.value) },
  channel: {
    kind: {},
    ask: ({ look }, pane) => ["channel", { layer: look.layer[pane], channel: look.channel }],
    values: (data) => bySquare(data.squares, data.values),
  },
  probe: {
    kind: {},
    ask: ({ look }) => ["probe", { layer: look.probe.layer, target: look.probe.target }],
    values: (data, app, pane) => {
      if (!data.outputs) return new Map();
      const output = (value) => (Array.isArray(value) ? (value[app.look.probeClass] ?? null) : value);
      return fromPixels(
        app,
        pane,
        data.outputs.map((row) => row.map(output)),
        data.rows,
        data.columns,
      );
    },
  },
  attribution: {
    kind: { diverging: true },
    ask: ({ look }, pane) => ["attribution", { layer: look.layer[pane], method: look.method }],
    values: (data, app, pane) => (data.map ? fromPixels(app, pane, data.map, data.rows, data.columns) : new Map()),
  },
};

/** Whether an overlay can be asked for: a probe and a layer must have been chosen. */
export function overlayReady({ look }, overlay, pane) {
  if (overlay === "probe") return look.probe !== null;
  return !["channel", "attribution"].includes(overlay) || Boolean(look.layer[pane]);
}

/** The overlay's answer for a pane: `{data, error, fresh}` and its numbers by square. */
export function overlayOf(app, pane, edited) {
  const source = SOURCES[app.look.overlay];
  if (!source || !overlayReady(app, app.look.overlay, pane))
    return { data: null, error: null, fresh: true, values: new Map() };
  const [what, fields] = source.ask(app, pane);
  const answer = app.asks.get(what, { pane, edited, ...fields });
  return { ...answer, values: answer.data ? source.values(answer.data, app, pane) : new Map() };
}

/** By square: the total variation distance between the moves of two fields. */
export function changeOfMoves(before, after) {
  const earlier = bySquare(before.squares, before.probs);
  const distance = (square, i) => {
    const was = earlier.get(String(square));
    return was ? after.probs[i].reduce((sum, p, move) => sum + Math.abs(p - was[move]) / 2, 0) : null;
  };
  return bySquare(after.squares, after.squares.map(distance));
}

/**
 * How the squares of every view are coloured.
 *
 * @param views `[{pane, kind: "before" | "after" | "difference"}]`
 * @returns a function from a view to `{css(square), values, scale}`, the scales on show with their words, and errors
 */
export function paint(app, views) {
  const { overlay } = app.look;
  const numbers = views.map(({ pane, kind }) => valuesOf(app, pane, kind));
  const own = views.map(({ kind }, i) => (kind === "difference" ? [] : [...numbers[i].values.values()])).flat();
  const between = views.map(({ kind }, i) => (kind === "difference" ? [...numbers[i].values.values()] : [])).flat();
  const scales = { own: null, difference: null };
  const kind = overlay === "probe" && app.look.probe?.kind === "logistic" ? { range: [0, 1] } : SOURCES[overlay]?.kind;
  if (overlay !== "none" && own.length) scales.own = { ...scaleOf(own, kind), words: OVERLAYS[overlay] };
  if (between.length) {
    scales.difference =
      overlay === "none"
        ? { ...scaleOf(between, { share: true }), words: "difference of the moves (total variation)" }
        : { ...scaleOf(between, { diverging: true }), words: `difference: ${OVERLAYS[overlay]}` };
  }
  const of = (view) => {
    const i = views.indexOf(view);
    const scale = view.kind === "difference" ? scales.difference : scales.own;
    const { values } = numbers[i];
    return { scale, values, css: (square) => scale?.css(values.get(String(square))) ?? null };
  };
  return {
    of,
    scales: Object.values(scales).filter(Boolean),
    errors: numbers.map((each) => each.error).filter(Boolean),
  };
}

function valuesOf(app, pane, kind) {
  if (kind !== "difference") return overlayOf(app, pane, kind === "after");
  if (app.look.overlay === "none") {
    const [before, after] = [false, true].map((edited) => app.asks.get("field", { pane, edited }));
    return { values: before.data && after.data ? changeOfMoves(before.data, after.data) : new Map(), error: null };
  }
  const [before, after] = [false, true].map((edited) => overlayOf(app, pane, edited));
  const values = [...after.values].map(([square, value]) => [square, minus(value, before.values.get(square))]);
  return { values: new Map(values), error: after.error };
}

/** The words of a scale's ends. */
export const scaleEnds = ({ from, to }) => [digits(from, 2), digits(to, 2)];
