// The tab "Maze": which level, of which size, where the cheese lies, the drawing as text.

import { button, labelled, make, offer, radios, select, sync } from "./dom.js";
import { TOOLS } from "./hand.js";
import { putCheese, randomSquare, readMaze, writeMaze } from "./maze.js";

const WORLD = { easy: 15, hard: 25 };
const OWN = "procgen's own"; // size

/** Ask the server for a maze and open it. A random one has no cheese, so it gets one on a random square. */
function openLevel(app, fields) {
  const pane = app.active;
  app.asks.once("maze", fields, ({ data, error }) => {
    if (error) return app.say(error, true);
    const grid = readMaze(data.maze.ascii);
    if (fields.size) grid.cheese = randomSquare(grid, grid.size);
    const maze = { ...data.maze, ascii: writeMaze(grid) };
    return app.alter("maze", (each) => Object.assign(each, { maze, mouse: null }), { pane });
  });
}

export function makeMazePanel(app) {
  const fields = levelFields(app);
  const cheese = cheeseButtons(app);
  const tools = radios("A click on a square: ", TOOLS, (tool) => {
    app.look.tool = tool;
    app.refresh();
  });
  const drawing = make("textarea", { rows: 8, spellcheck: "false", class: "code" });
  const take = () => openLevel(app, { ascii: drawing.value, mode: fields.mode.value, seed: Number(fields.seed.value) });
  const node = make(
    "div",
    {},
    tools.node,
    make(
      "p",
      { class: "note" },
      "Drag the cheese, the start, the mouse or a target to move it; drag over squares to open or close them.",
    ),
    make(
      "div",
      { class: "row" },
      labelled("Level", fields.seed),
      labelled("mode", fields.mode),
      labelled("size", fields.size),
      button("Open again", fields.load),
    ),
    make("div", { class: "row" }, make("span", {}, "Cheese"), ...cheese.nodes),
    make(
      "details",
      {},
      make("summary", {}, "As text"),
      labelled("# wall, . open, C cheese, M start", drawing, { class: "field tall" }),
      button("Use this drawing", take),
    ),
  );
  const render = () => {
    const { maze } = app.panes[app.active];
    tools.choose(app.look.tool);
    fields.render(maze);
    sync(drawing, maze.ascii);
  };
  return { title: "Maze", node, render };
}

function levelFields(app) {
  let size = OWN;
  const seed = make("input", {
    type: "number",
    min: 0,
    max: 2147483646,
    step: 1,
    class: "seed",
    onchange: () => load(),
  });
  const mode = select({ easy: "easy", hard: "hard" }, () => {
    size = OWN;
    load();
  });
  const sizes = select({}, (value) => {
    size = value;
    load();
  });
  const load = () => {
    const own = size === OWN;
    const fields = { seed: Number(seed.value), mode: mode.value };
    if (!seed.checkValidity() || seed.value === "")
      return app.say("a level is a whole number from 0 to 2147483646", true);
    return openLevel(app, own ? fields : { ...fields, size: parseInt(size, 10) });
  };
  const render = (maze) => {
    sync(seed, maze.seed);
    sync(mode, maze.mode);
    const all = Array.from({ length: (WORLD[maze.mode] - 1) / 2 }, (_, i) => `${2 * i + 3}×${2 * i + 3}`);
    offer(sizes, Object.fromEntries([[OWN, OWN], ...all.map((value) => [value, `${value}, random`])]));
    sizes.value = size;
  };
  return { seed, mode, size: sizes, load, render };
}

function cheeseButtons(app) {
  const n = make("input", { type: "number", min: 1, max: 25, step: 1, value: 5, class: "small" });
  const change = (squareOf) => {
    app.alter("maze", (pane) => {
      const grid = readMaze(pane.maze.ascii);
      const refusal = putCheese(grid, squareOf(grid));
      if (refusal) app.say(refusal);
      else pane.maze.ascii = writeMaze(grid);
    });
  };
  const inRegion = () => change((grid) => randomSquare(grid, Math.min(grid.size, Number(n.value) || 1)) ?? grid.cheese);
  return {
    nodes: [
      button("none", () => change(() => null)),
      button("anywhere", () => change((grid) => randomSquare(grid, grid.size) ?? grid.cheese)),
      button("in the top-right n×n", inRegion),
      labelled("n", n),
    ],
  };
}
