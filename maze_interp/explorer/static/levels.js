// The tab "Levels": levels worth a look, by a score; a click opens one.

import { button, digits, labelled, make, offer, select } from "./dom.js";

const SCORES = {
  surprise: "surprise: P(cheese) far from what the maze's features predict",
  loops: "loops: squares from which the most probable moves go round",
  conflict: "conflict: the most probable move leads to a lower value",
  disagreement: "disagreement of A and B",
};
const FIRST = ""; // no sweep: the first held-out levels

export function makeLevels(app) {
  const by = select(SCORES, () => {});
  const sweep = select({ [FIRST]: "first held-out levels" }, () => {});
  const count = make("input", { type: "number", min: 1, max: 200, step: 1, value: 50, class: "small" });
  const status = make("p", { class: "note", "aria-live": "polite" });
  const body = make("tbody");
  const heads = ["", "level", "score", "P(cheese)"].map((words) =>
    words ? make("th", { scope: "col" }, words) : make("td"),
  );
  const table = make("table", { class: "levels", hidden: true }, make("thead", {}, make("tr", {}, ...heads)), body);
  let searched = null; // the version of the state that was searched for
  const take = ({ data, error }) => {
    if (error) {
      status.textContent = error;
      return;
    }
    searched = data.done < data.total ? searched : null;
    status.textContent = `${data.done} of ${data.total} levels`;
    table.hidden = !data.rows.length;
    body.replaceChildren(...data.rows.map((row) => levelRow(app, row)));
  };
  const search = () => {
    searched = app.asks.version;
    status.textContent = "Searching …";
    app.asks.once(
      "levels",
      { by: by.value, sweep: sweep.value || null, count: Math.min(200, Number(count.value) || 50) },
      take,
    );
  };
  const node = make(
    "div",
    {},
    labelled("Score", by),
    make("div", { class: "row" }, labelled("From", sweep), labelled("at most", count), button("Search", search)),
    status,
    table,
  );
  const render = () => {
    offer(sweep, Object.fromEntries([[FIRST, "first held-out levels"], ...app.sweeps.map((name) => [name, name])]));
    if (searched !== null && searched !== app.asks.version) {
      searched = null;
      status.textContent += "; stopped by a change, search again to go on";
    }
  };
  return { title: "Levels", node, render };
}

function levelRow(app, { seed, score, p_cheese: p, maze }) {
  const open = button("Open", () => app.alter("maze", (pane) => Object.assign(pane, { maze, mouse: null })), {
    "aria-label": `Open level ${seed}`,
  });
  return make(
    "tr",
    {},
    make("td", {}, open),
    make("td", {}, String(seed)),
    make("td", {}, digits(score)),
    make("td", {}, digits(p)),
  );
}
