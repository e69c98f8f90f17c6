// The tab "Compare": two agents or two mazes side by side, under one set of controls.

import { button, checkbox, make, radios } from "./dom.js";

export function makePanes(app) {
  const many = radios("Show: ", { 1: "one", 2: "two side by side" }, (count) => setCount(app, Number(count)));
  const link = (scope, words) =>
    checkbox(words, (on) => {
      app.look.linked[scope] = on;
      if (on) app.alter(scope, () => {}, { pane: app.active });
      app.refresh();
    });
  const [maze, edits] = [link("maze", "the same maze in both"), link("edits", "the same edits in both")];
  const active = radios("The controls act on: ", { 0: "A", 1: "B" }, (pane) => {
    app.look.active = Number(pane);
    app.refresh();
  });
  const swap = button("Swap A and B", () => {
    app.look.layer.reverse();
    app.store.change((panes) => panes.reverse());
  });
  const both = make("div", {}, maze.node, edits.node, active.node, swap);
  const note = make(
    "p",
    { class: "note" },
    "Each of the two has an agent of its own, chosen above. What is the same in both is changed in both.",
  );
  const node = make("div", {}, many.node, note, both);
  const render = () => {
    many.choose(String(app.panes.length));
    both.hidden = app.panes.length < 2;
    maze.input.checked = app.look.linked.maze;
    edits.input.checked = app.look.linked.edits;
    active.choose(String(app.active));
  };
  return { title: "Compare", node, render };
}

function setCount(app, count) {
  app.store.change((panes) => {
    if (count === 1) panes.splice(0, 2, panes[app.active]);
    else if (panes.length === 1) panes.push(structuredClone(panes[0]));
  });
  app.look.active = 0;
}
