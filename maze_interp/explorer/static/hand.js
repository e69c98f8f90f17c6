// Mouse and keyboard on a maze: drag its things, open and close squares, move a cursor. The same for the donor maze.

import { pair, same } from "./dom.js";
import { isOpen, onGrid, putCheese, putStart, readMaze, setOpen, writeMaze } from "./maze.js";
import { squareUnder } from "./mazeview.js";

/** What a click on a square does (a thing that lies there is dragged instead). */
export const TOOLS = {
  wall: "open or close it",
  cheese: "put the cheese there",
  start: "put the start there",
  mouse: "put the mouse there",
  target: "put the target there",
};

const ARROWS = { ArrowLeft: [-1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1], ArrowRight: [1, 0] };
const LETTERS = { w: "wall", c: "cheese", s: "start", m: "mouse", t: "target" };

/** The first edit that writes at a square: what the target tool moves. */
export const targetEdit = (pane) => pane.edits.find((edit) => edit.kind === "set_square");

/**
 * Do a tool's work on a square.
 *
 * @param place `{pane, donor}`: the number of the pane, and whether its donor maze is meant
 * @param options `open`: what becomes of the square (the wall tool); `gesture`: undone together
 * @returns why it cannot be done, or null
 */
export function useTool(app, place, tool, square, { open = null, gesture = null } = {}) {
  let refusal = null;
  const alter = (pane) => {
    const maze = place.donor ? pane.donor : pane.maze;
    const grid = readMaze(maze.ascii);
    if (tool === "mouse") refusal = isOpen(grid, square) ? null : "the mouse needs an open square";
    else if (tool === "target")
      refusal = targetEdit(pane) ? null : "no edit writes a value at a square; add one under Edits";
    else if (tool === "cheese") refusal = putCheese(grid, square);
    else if (tool === "start") refusal = putStart(grid, square);
    else refusal = setOpen(grid, square, open ?? !isOpen(grid, square));
    if (refusal) return;
    if (tool === "target") targetEdit(pane).square = square;
    else if (tool === "mouse") pane.mouse = same(square, grid.start) ? null : square;
    else maze.ascii = writeMaze(grid);
    if (!place.donor && pane.mouse && !isOpen(grid, pane.mouse)) pane.mouse = null;
  };
  app.alter(tool === "target" ? "edits" : "maze", alter, { gesture, pane: place.pane });
  if (refusal) app.say(`${pair(square)}: ${refusal}`);
  return refusal;
}

/** Make a picture of a maze answer to mouse and keyboard. */
export function attachHand(app, svg, place) {
  const grid = () => readMaze((place.donor ? app.panes[place.pane].donor : app.panes[place.pane].maze).ascii);
  let drag = null;
  let drags = 0;

  const apply = (square) => {
    if (same(square, drag.square) || !onGrid(grid(), square)) return;
    drag.square = square;
    useTool(app, place, drag.tool, square, drag);
  };
  const release = () => {
    drag = null;
    app.endGesture();
  };
  svg.addEventListener("pointerdown", (event) => {
    const square = squareUnder(event, svg, grid().size);
    if (event.button !== 0 || !onGrid(grid(), square)) return;
    svg.setPointerCapture(event.pointerId);
    app.look.active = place.pane;
    const thing = thingAt(app, place, grid(), square);
    drags += 1;
    drag = {
      tool: thing ?? toolFor(app, place),
      open: !isOpen(grid(), square),
      gesture: `drag ${place.pane} ${drags}`,
      square: null,
    };
    if (thing) drag.square = square;
    else apply(square);
  });
  svg.addEventListener("pointermove", (event) => {
    const square = squareUnder(event, svg, grid().size);
    if (drag) apply(square);
    if (onGrid(grid(), square)) app.point(place, square);
  });
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
  svg.addEventListener("keydown", (event) => press(app, place, grid(), event));
  svg.addEventListener("focus", () => app.point(place, cursorOn(app, grid()), true));
  svg.addEventListener("blur", () => app.point(place, null, true));
}

/** What lies on a square and can be dragged; where the mouse stands on the start, it is the tool that decides. */
function thingAt(app, place, grid, square) {
  const pane = app.panes[place.pane];
  if (app.look.tool !== "wall" && app.look.tool !== "target") return null;
  if (!place.donor && same(square, targetEdit(pane)?.square)) return "target";
  if (same(square, grid.cheese)) return "cheese";
  if (place.donor) return same(square, grid.start) ? "start" : null;
  if (pane.mouse && same(square, pane.mouse)) return "mouse";
  return same(square, grid.start) ? "start" : null;
}

/** The donor has neither a mouse apart from its start nor a target. */
function toolFor({ look }, place) {
  if (!place.donor) return look.tool;
  return { mouse: "start", target: "wall" }[look.tool] ?? look.tool;
}

/** Mazes share the cursor; in one that is smaller it begins at the start. */
function cursorOn({ look }, grid) {
  return look.cursor && onGrid(grid, look.cursor) ? look.cursor : grid.start;
}

function press(app, place, grid, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const cursor = cursorOn(app, grid);
  const step = ARROWS[event.key];
  const tool = LETTERS[event.key.toLowerCase()] ?? (["Enter", " "].includes(event.key) ? toolFor(app, place) : null);
  if (step) {
    const next = [cursor[0] + step[0], cursor[1] + step[1]];
    if (!onGrid(grid, next)) return;
    app.point(place, next, true);
    if (event.shiftKey) useTool(app, place, toolFor(app, place), next, { open: true });
  } else if (event.key.toLowerCase() === "x") {
    useTool(app, place, "cheese", null);
  } else if (tool && !(place.donor && ["mouse", "target"].includes(tool))) {
    useTool(app, place, tool, cursor);
  } else {
    return;
  }
  event.preventDefault();
}
