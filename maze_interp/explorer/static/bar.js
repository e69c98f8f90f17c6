// The top of the page: agents, undo and redo, what colours the squares, and what the page is doing.

import { button, labelled, make, offer, select } from "./dom.js";
import { OVERLAYS } from "./overlay.js";

export function makeBar(app, help) {
  const undo = button("Undo", () => app.store.undo());
  const redo = button("Redo", () => app.store.redo());
  const reset = button("Reset", () => app.store.reset());
  const names = Object.fromEntries(app.agents.map(({ name }) => [name, name]));
  const agents = [0, 1].map((i) => {
    const change = (agent) => app.store.change((panes) => Object.assign(panes[i], { agent, hash: undefined }));
    const list = select(names, (agent) => {
      app.look.layer[i] = null;
      change(agent);
    });
    return { list, field: labelled(`Agent ${"AB"[i]}`, list) };
  });
  const overlay = select(OVERLAYS, (value) => {
    app.look.overlay = value;
    app.refresh();
  });
  const status = make("p", { class: "status", role: "status" });
  const anyway = button("Use the agent here all the same", () =>
    app.store.change((panes) => panes.forEach((pane) => delete pane.hash)),
  );
  const alert = make("p", { class: "error", role: "alert" });
  const controls = make(
    "div",
    { class: "row bar" },
    ...agents.map(({ field }) => field),
    labelled("Colour by", overlay),
    undo,
    redo,
    reset,
    button("Keys", help.open, { "aria-label": "Keys (question mark)" }),
    status,
  );
  const node = make("header", {}, make("h1", {}, "Maze explorer"), controls, alert, anyway);
  let said = { text: "", urgent: false };
  app.say = (text, urgent = false) => {
    said = { text, urgent };
    app.refresh();
  };
  const render = () => {
    const { store, asks } = app;
    agents.forEach(({ list, field }, i) => {
      field.hidden = i >= app.panes.length;
      if (field.hidden) return;
      const { agent } = app.panes[i];
      offer(list, { ...names, ...(agent in names ? {} : { [agent]: agent }) });
      list.value = agent;
      field.firstChild.textContent = app.panes.length > 1 ? `Agent ${"AB"[i]}` : "Agent";
    });
    undo.disabled = !store.canUndo;
    redo.disabled = !store.canRedo;
    overlay.value = app.look.overlay;
    const { error } = asks.state;
    const loud = error ?? (said.urgent ? said.text : "");
    if (alert.textContent !== loud) alert.textContent = loud;
    anyway.hidden = !(error && app.panes.some((pane) => pane.hash));
    const quiet = said.urgent || !said.text ? (asks.busy ? "Computing …" : "") : said.text;
    if (status.textContent !== quiet) status.textContent = quiet;
    app.root.setAttribute("aria-busy", asks.busy);
    app.root.dataset.version = asks.version;
  };
  return { node, render };
}
