// The exact figures of every pane, before and after the edits, and the numbers of the square pointed at.

import { digits, make, minus, pair, signed } from "./dom.js";
import { SHORT, overlayOf } from "./overlay.js";

const FIGURES = [
  ["P(cheese)", ({ figures }) => figures?.p_cheese, 3],
  ["P(cheese), no time limit", ({ figures }) => figures?.p_cheese_limit, 3],
  ["P(top-right corner)", ({ figures }) => figures?.p_top_right, 3],
  ["P(top-right 5×5)", ({ figures }) => figures?.p_region, 3],
  ["expected moves", ({ figures }) => figures?.expected_steps, 1],
  ["decision square: p(to the cheese)", ({ field }) => field?.p_cheese, 3],
  ["p(to the corner)", ({ field }) => field?.p_top_right, 3],
  ["first exit: to the cheese", ({ figures }) => figures?.first_exit?.cheese, 3],
  ["to the corner", ({ figures }) => figures?.first_exit?.top_right, 3],
  ["elsewhere", ({ figures }) => figures?.first_exit?.other, 3],
];
const PARTS = ["p(to the corner)", "to the corner", "elsewhere"]; // rows that go on from the row above

/** The columns: for each pane as it is and, with edits on, with them and the difference. */
function columnsOf(app) {
  return app.panes.flatMap((_, pane) => {
    const kinds = app.edited(pane) ? ["before", "after", "difference"] : ["before"];
    return kinds.map((kind) => ({ pane, kind }));
  });
}

const HEADS = { before: "as it is", after: "edited", difference: "change" };

export function makeFigures(app) {
  const head = make("thead");
  const body = make("tbody");
  const table = make("table", { class: "figures" }, make("caption", {}, "Exact figures, from the start"), head, body);
  const problem = make("p", { class: "error", hidden: true });
  const node = make("section", { "aria-label": "Figures" }, table, problem);
  const render = () => {
    const columns = columnsOf(app);
    const answers = answersOf(app);
    head.replaceChildren(...heads(app, columns));
    body.replaceChildren(...FIGURES.map((figure) => figureRow(figure, columns, answers)), ...solveRow(app, columns));
    const all = answers.flat().flatMap((each) => [each.figures, each.field]);
    table.classList.toggle(
      "stale",
      all.some((answer) => !answer.fresh),
    );
    const error = all.find((answer) => answer.error)?.error;
    Object.assign(problem, { hidden: !error, textContent: error ?? "" });
  };
  return { node, render };
}

/** By pane and edited (0, 1): the answers about figures and field. */
function answersOf(app) {
  return app.panes.map((_, pane) =>
    (app.edited(pane) ? [false, true] : [false]).map((edited) => ({
      figures: app.asks.get("figures", { pane, edited }),
      field: app.asks.get("field", { pane, edited }),
    })),
  );
}

function heads(app, columns) {
  const kinds = make("tr", {}, make("td"), ...columns.map(({ kind }) => make("th", { scope: "col" }, HEADS[kind])));
  const spans = app.panes.map((_, i) => {
    const colspan = columns.filter(({ pane }) => pane === i).length;
    return make("th", { scope: colspan > 1 ? "colgroup" : "col", colspan }, "AB"[i]);
  });
  const panes = make("tr", {}, make("td"), ...spans);
  return [...(app.panes.length > 1 ? [panes] : []), ...(columns.length > app.panes.length ? [kinds] : [])];
}

function figureRow([words, figure, places], columns, answers) {
  const numberOf = (pane, edited) => {
    const { figures, field } = answers[pane][edited] ?? answers[pane][0];
    return figure({ figures: figures.data, field: field.data });
  };
  const cells = columns.map(({ pane, kind }) => {
    if (kind !== "difference") return make("td", {}, digits(numberOf(pane, kind === "after" ? 1 : 0), places));
    return make("td", {}, signed(minus(numberOf(pane, 1), numberOf(pane, 0)), places));
  });
  return make("tr", {}, make("th", { scope: "row", class: PARTS.includes(words) ? "part" : null }, words), ...cells);
}

/** The price of the edits: the solve rate in the training region, on a fixed set of levels, computed when idle. */
function solveRow(app, columns) {
  if (!app.panes.some((_, pane) => app.edited(pane))) return [];
  const answers = app.panes.map((_, pane) => (app.edited(pane) ? app.asks.get("solve", { pane }) : { data: null }));
  const cells = columns.map(({ pane, kind }) => {
    const data = answers[pane].data;
    const [before, after] = [data?.before, data?.after];
    if (kind === "difference") return make("td", {}, signed(minus(after?.mean, before?.mean)));
    const estimate = kind === "before" ? before : after;
    if (!estimate) return make("td", {}, "–");
    const interval = estimate.low === null ? "" : `${digits(estimate.low, 2)}–${digits(estimate.high, 2)}`;
    return make("td", {}, digits(estimate.mean), make("small", {}, interval));
  });
  const status = answers.map((answer) => answer.error ?? progress(answer.data)).find(Boolean);
  const words = make(
    "th",
    { scope: "row" },
    "solve rate in the training region",
    make("small", { class: "progress" }, status ?? "computed when idle"),
  );
  return [make("tr", { class: "solve" }, words, ...cells)];
}

function progress(data) {
  if (!data) return null;
  return data.done < data.total ? `${data.done} of ${data.total} levels` : `${data.total} levels, 95% intervals`;
}

/** The table of the square pointed at: probabilities of the moves, value, visits, and the overlay's number. */
export function makeSquare(app) {
  const table = make("table", { class: "square" });
  const node = make("section", { class: "numbers", "aria-label": "Square" }, table);
  const render = () => {
    const { pointed } = app.look;
    const pane = pointed && !pointed.donor && pointed.pane < app.panes.length ? pointed.pane : app.active;
    const square = app.look.square ?? app.startOf(pane);
    const extra = app.look.overlay in SHORT;
    const words = [
      ...app.moves.map((move) => (move === "noop" ? "no-op" : move)),
      "value",
      "visits",
      ...(extra ? [SHORT[app.look.overlay]] : []),
    ];
    const rows = numbersOf(app, pane, square, extra);
    node.setAttribute("aria-live", app.look.byKeyboard ? "polite" : "off"); // a pointer passes too many squares
    const name = `Square ${pair(square)}${app.panes.length > 1 ? ` of ${"AB"[pane]}` : ""}`;
    table.replaceChildren(
      make("caption", {}, app.wallAt(pane, square) ? `${name}: wall` : name),
      make("thead", {}, make("tr", {}, make("td"), ...words.map((word) => make("th", { scope: "col" }, word)))),
      make("tbody", {}, ...rows.map(([kind, numbers]) => squareRow(kind, numbers))),
    );
  };
  return { node, render };
}

function squareRow(kind, numbers) {
  const write = kind === "difference" ? signed : digits;
  return make(
    "tr",
    {},
    make(kind ? "th" : "td", { scope: kind && "row" }, HEADS[kind] ?? ""),
    ...numbers.map((value) => make("td", {}, write(value))),
  );
}

function numbersOf(app, pane, square, extra) {
  const row = (edited) => {
    const field = app.asks.get("field", { pane, edited }).data;
    const occupancy = app.asks.get("figures", { pane, edited }).data?.occupancy;
    const visits = app.wallAt(pane, square) ? null : (occupancy?.[square[1]]?.[square[0]] ?? null);
    const i = field ? field.squares.findIndex(([x, y]) => x === square[0] && y === square[1]) : -1;
    const moves = i < 0 ? app.moves.map(() => null) : field.probs[i];
    const overlay = extra ? [overlayOf(app, pane, edited).values.get(String(square)) ?? null] : [];
    return [...moves, i < 0 ? null : field.value[i], visits, ...overlay];
  };
  if (!app.edited(pane)) return [[null, row(false)]];
  const [before, after] = [row(false), row(true)];
  return [
    ["before", before],
    ["after", after],
    ["difference", after.map((value, i) => minus(value, before[i]))],
  ];
}
