// The donor maze, from which activations are patched; the mouse stands at its start.

import { button, labelled, make, shape } from "./dom.js";
import { attachHand } from "./hand.js";
import { readMaze } from "./maze.js";
import { drawMaze } from "./mazeview.js";

export function makeDonor(app) {
  const copy = button("Copy this maze", () => app.alter("edits", (pane) => (pane.donor = structuredClone(pane.maze))));
  const drop = button("Remove donor", () => app.alter("edits", removeDonor));
  const seed = make("input", { type: "number", min: 0, max: 2147483646, class: "seed", value: 0 });
  const open = button("Open as donor", () => {
    const pane = app.active;
    app.asks.once("maze", { seed: Number(seed.value), mode: app.panes[pane].maze.mode }, ({ data, error }) => {
      if (error) app.say(error, true);
      else app.alter("edits", (each) => (each.donor = data.maze), { pane });
    });
  });
  const place = { donor: true, pane: app.active };
  const svg = shape("svg", {
    role: "application",
    tabindex: 0,
    "aria-label": "Donor maze. Arrow keys move the cursor, Enter uses the chosen tool.",
  });
  const picture = make(
    "figure",
    { class: "box donor" },
    make("figcaption", {}, "Donor: activations come from here, the mouse at its start"),
    svg,
  );
  attachHand(app, svg, place);
  const node = make(
    "details",
    {},
    make("summary", {}, "Donor maze, for patches"),
    make("div", { class: "row" }, copy, labelled("level", seed), open, drop),
    picture,
  );
  const render = () => {
    const { donor, edits } = app.panes[app.active];
    place.pane = app.active;
    drop.disabled = picture.hidden = !donor;
    if (edits.some((edit) => edit.kind === "patch") && !node.dataset.shown)
      Object.assign(node, { open: true }).dataset.shown = "once";
    if (!donor) return;
    const grid = readMaze(donor.ascii);
    const pointed = app.look.pointed?.donor ?? false;
    drawMaze(svg, { grid, mouse: grid.start, cursor: pointed && app.look.byKeyboard ? app.look.cursor : null });
  };
  return { node, render };
}

/** Without a donor there is nothing to patch from, so the patches go as well. */
function removeDonor(pane) {
  pane.donor = null;
  pane.edits = pane.edits.filter((edit) => edit.kind !== "patch");
}
