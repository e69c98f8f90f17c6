// The mazes on show: for each pane as it is, with the edits, and the difference; the scales and the key below them.

import { attachHand, targetEdit } from "./hand.js";
import { make, shape } from "./dom.js";
import { gradient } from "./colours.js";
import { drawMaze, MARKS } from "./mazeview.js";
import { probableWay, readMaze } from "./maze.js";
import { paint, scaleEnds } from "./overlay.js";
import { walkOn } from "./episodes.js";

export const KINDS = { before: "as it is", after: "with the edits", difference: "difference" };
export const SHOWS = {
  all: "as it is, with the edits, and the difference",
  before: "as it is",
  after: "with the edits",
  difference: "difference",
};

/** The views on show: `[{pane, kind}]`. */
export function viewsOf(app) {
  return app.panes.flatMap((_, pane) => {
    if (!app.edited(pane)) return [{ pane, kind: "before" }];
    return (app.look.show === "all" ? Object.keys(KINDS) : [app.look.show]).map((kind) => ({ pane, kind }));
  });
}

export function makeStage(app) {
  const mazes = make("div", { class: "mazes" });
  const scales = make("div", { class: "scales" });
  const notes = make("div", { class: "notes" }, scales, key());
  const node = make("section", { class: "stage", "aria-label": "Mazes" }, mazes, notes);
  const boxes = new Map();
  const boxOf = ({ pane, kind }) => {
    const name = `${pane} ${kind}`;
    if (!boxes.has(name)) boxes.set(name, makeBox(app, pane, kind));
    return boxes.get(name);
  };
  /** The notes fill the place that three mazes leave in a square of four. */
  const arrange = (boxes) => {
    const wanted = boxes.length === 3 ? [...boxes, notes] : boxes;
    if (wanted.length === mazes.children.length && wanted.every((box, i) => box === mazes.children[i])) return;
    mazes.replaceChildren(...wanted);
    if (boxes.length !== 3) node.append(notes);
  };
  const render = () => {
    const views = viewsOf(app);
    const painted = paint(app, views);
    const shown = views.map(boxOf);
    arrange(shown.map((box) => box.node));
    node.parentElement.dataset.columns = mazes.dataset.columns = views.length > 4 ? 3 : Math.min(views.length, 2);
    views.forEach((view, i) => shown[i].draw(painted.of(view)));
    scales.replaceChildren(
      ...painted.scales.map(legend),
      ...painted.errors.slice(0, 1).map((text) => make("p", { class: "error" }, text)),
    );
  };
  return { node, render };
}

function makeBox(app, pane, kind) {
  const caption = make("figcaption");
  const svg = shape("svg", { role: "application", tabindex: 0, "data-pane": pane, "data-kind": kind });
  const node = make("figure", { class: "box" }, caption, svg);
  attachHand(app, svg, { pane, donor: false });
  const draw = (paint) => {
    const words = captionOf(app, pane, kind);
    if (caption.textContent !== words) caption.textContent = words;
    svg.setAttribute(
      "aria-label",
      `Maze, ${words}. Arrow keys move the cursor, Enter uses the chosen tool, question mark lists all keys.`,
    );
    caption.classList.toggle("chosen", app.panes.length > 1 && app.look.active === pane);
    caption.hidden = app.panes.length === 1 && !app.edited(pane);
    const scene = sceneOf(app, pane, kind);
    svg.classList.toggle("stale", !scene.fresh);
    drawMaze(svg, { ...scene, css: paint.css });
  };
  return { node, draw };
}

function captionOf(app, pane, kind) {
  if (app.panes.length === 1) return KINDS[kind];
  return `${"AB"[pane]}: ${app.edited(pane) ? KINDS[kind] : app.panes[pane].agent}`;
}

/** What is drawn of a pane, but for the colours. */
function sceneOf(app, pane, kind) {
  const { maze, mouse } = app.panes[pane];
  const grid = readMaze(maze.ascii);
  const meta = app.asks.state.data?.panes[pane];
  const edited = kind !== "before";
  const answer = app.asks.get("field", { pane, edited });
  const before = kind === "difference" ? app.asks.get("field", { pane, edited: false }) : null;
  const target = targetEdit(app.panes[pane]);
  const pointed = app.look.pointed?.pane === pane && !app.look.pointed.donor;
  return {
    grid,
    fresh: answer.fresh && (before?.fresh ?? true),
    arrows: before ? changes(before.data, answer.data) : arrows(answer.data),
    way: answer.data && !before ? probableWay(grid, answer.data) : null,
    episode: walkOn(app, pane, kind),
    region: typeof meta?.region === "number" ? meta.region : null,
    decision: meta?.decision,
    mouse: mouse ?? grid.start,
    targets: target && kind !== "before" ? [target.square] : [],
    cursor: pointed && app.look.byKeyboard ? app.look.cursor : null,
    hover: pointed ? app.look.square : null,
  };
}

const net = ([left, down, up, right]) => [right - left, up - down];

function arrows(field) {
  return field ? field.squares.map((square, i) => [square, ...net(field.probs[i])]) : [];
}

/** Arrows of the change of the net move; none where it is small. */
function changes(before, after) {
  if (!before || !after) return [];
  const earlier = new Map(arrows(before).map(([square, dx, dy]) => [String(square), [dx, dy]]));
  return arrows(after).flatMap(([square, dx, dy]) => {
    const was = earlier.get(String(square)) ?? [dx, dy];
    const change = [dx - was[0], dy - was[1]];
    return Math.hypot(...change) < 0.15 ? [] : [[square, ...change]];
  });
}

function legend(scale) {
  const [from, to] = scaleEnds(scale);
  const bar = make("i", { style: `background: ${gradient(scale)}` });
  return make(
    "p",
    {},
    `${scale.words}${scale.log ? " (log scale)" : ""}: `,
    make("span", { class: "ends" }, from, bar, to),
  );
}

function key() {
  const entries = {
    start: "start",
    mouse: "mouse",
    cheese: "cheese",
    decision: "decision square",
    corner: "top-right corner",
    target: "target",
  };
  const items = Object.entries(entries).map(([name, words]) => {
    const picture = shape("svg", { viewBox: "-.5 -.5 1 1", "aria-hidden": "true" });
    shape("path", { d: MARKS[name], class: `mark ${name}` }, picture);
    return make("span", {}, picture, ` ${words}`);
  });
  const lines = { region: "training region", way: "most probable way" };
  for (const [name, words] of Object.entries(lines)) {
    const picture = shape("svg", { viewBox: "-.5 -.5 1 1", "aria-hidden": "true" });
    shape("path", { d: "M-.5 0H.5", class: name }, picture);
    items.push(make("span", {}, picture, ` ${words}`));
  }
  return make("p", { class: "key" }, ...items);
}
