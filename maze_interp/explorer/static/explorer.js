// The explorer: `mount(element, transport)` is what the page and the notebook widget call.

import { make } from "./dom.js";
import { isOpen, readMaze } from "./maze.js";
import { Requests } from "./requests.js";
import { Store } from "./state.js";
import { makeBar } from "./bar.js";
import { makeEdits } from "./edits.js";
import { makeEpisodes } from "./episodes.js";
import { makeFigures, makeSquare } from "./figures.js";
import { attachKeys, makeHelp } from "./help.js";
import { makeInside } from "./probes.js";
import { makeLevels } from "./levels.js";
import { makeMazePanel } from "./mazepanel.js";
import { makePanes } from "./panes.js";
import { makeStage } from "./stage.js";
import { makeTabs } from "./tabs.js";
import { makeTakeaway, readFragment, writeFragment } from "./takeaway.js";

/** What is shown and how: none of it changes what is computed, so none of it is undone. */
const LOOK = {
  tab: "maze",
  tool: "wall",
  overlay: "none",
  show: "all",
  active: 0,
  linked: { maze: true, edits: true },
  layer: [null, null],
  channel: 0,
  use: "none",
  probe: null,
  probeClass: 0,
  method: "gradient",
  episode: 0,
  episodeEdited: true,
  step: 0,
  pointed: null,
  square: null,
  cursor: null,
  byKeyboard: false,
};

/**
 * Show the explorer in an element.
 *
 * @param root an empty element
 * @param transport `{send(message), close(), listen({opened, closed, received})}`
 * @param options `permalinks`: whether the page's address keeps the state
 * @returns a function that ends it
 */
export function mount(root, transport, { permalinks = false } = {}) {
  root.classList.add("maze-explorer");
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys are not meant here
  const status = make("p", { class: "status", role: "status" }, "Connecting …");
  root.replaceChildren(status);
  let app = null;
  const asks = new Requests(transport, () => app?.refresh());
  const hello = ({ data, error }) => {
    if (error) {
      status.textContent = error;
      return;
    }
    app ??= start(root, asks, data, permalinks);
    app.opened();
  };
  const fragmentChanged = () => {
    const panes = readFragment(location.hash);
    if (panes && app && writeFragment(app) !== location.hash.slice(1)) app.open(panes);
  };
  if (permalinks) window.addEventListener("hashchange", fragmentChanged);
  transport.listen({
    opened: () => asks.once("hello", {}, hello),
    closed: () =>
      app ? app.say("Connection lost; trying again …", true) : (status.textContent = "No connection; trying again …"),
    received: (answer) => asks.received(answer),
  });
  return () => {
    window.removeEventListener("hashchange", fragmentChanged);
    transport.close();
  };
}

/** Build the page once the server has said what there is. */
function start(root, asks, hello, permalinks) {
  const linked = permalinks ? readFragment(location.hash) : null;
  const look = structuredClone(LOOK);
  let frame = null;
  const app = {
    root,
    asks,
    look,
    permalinks,
    agents: hello.agents,
    moves: hello.moves,
    sweeps: hello.sweeps,
    store: new Store(hello.state.panes, () => {
      asks.setState(app.panes);
      app.say("");
    }),
    get panes() {
      return app.store.panes;
    },
    get active() {
      return Math.min(look.active, app.panes.length - 1);
    },
    /** Change one pane (the active one if not said otherwise), and what is kept the same in the other with it. */
    alter: (scope, change, { gesture = null, pane = app.active } = {}) => {
      app.store.change((panes) => {
        change(panes[pane]);
        if (look.linked[scope]) keepSame(scope, panes, pane);
      }, gesture);
    },
    endGesture: () => {
      app.store.endGesture();
      app.refresh();
    },
    edited: (pane) => app.panes[pane].edits.some((edit) => edit.on),
    startOf: (pane) => readMaze(app.panes[pane].maze.ascii).start,
    wallAt: (pane, square) => !isOpen(readMaze(app.panes[pane].maze.ascii), square),
    /** Point at a square, or at none. */
    point: (place, square, byKeyboard = false) => {
      if (JSON.stringify([look.pointed, look.square, look.byKeyboard]) === JSON.stringify([place, square, byKeyboard]))
        return;
      Object.assign(look, { pointed: square && { ...place }, square, byKeyboard });
      if (byKeyboard && square) look.cursor = square;
      app.refresh();
    },
    open: (panes) => {
      look.linked = {
        maze: panes.length < 2 || equal(panes, ["maze", "mouse"]),
        edits: panes.length < 2 || equal(panes, ["edits", "donor"]),
      };
      app.store.change((old) => old.splice(0, old.length, ...panes));
    },
    refresh: () => {
      frame ??= requestAnimationFrame(() => {
        frame = null;
        view.render();
      });
    },
    opened: () => {
      asks.setState(app.panes);
      app.say("");
      app.refresh();
    },
  };
  const view = build(app);
  if (linked) app.open(linked);
  return app;
}

const equal = ([a, b], fields) => fields.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));

function keepSame(scope, panes, pane) {
  const fields = scope === "maze" ? ["maze", "mouse"] : ["edits", "donor"];
  for (const other of panes) {
    for (const field of fields) other[field] = structuredClone(panes[pane][field]);
  }
}

function build(app) {
  const help = makeHelp();
  const bar = makeBar(app, help);
  const [stage, figures, square] = [makeStage(app), makeFigures(app), makeSquare(app)];
  const inside = makeInside(app);
  const tabs = makeTabs(app, {
    maze: makeMazePanel(app),
    edits: makeEdits(app),
    inside,
    episode: makeEpisodes(app),
    compare: makePanes(app),
    levels: makeLevels(app),
    export: makeTakeaway(app),
  });
  const left = make("div", { class: "left" }, stage.node, square.node);
  const right = make("div", { class: "right" }, figures.node, tabs.node);
  app.root.replaceChildren(bar.node, make("div", { class: "main" }, left, right), help.node);
  attachKeys(app, app.root, help);
  const render = () => {
    const { state, version } = app.asks;
    if (state.version === version)
      app.panes.forEach((_, i) => (app.look.layer[i] ??= state.data?.panes[i]?.default_layer ?? null));
    for (const part of [stage, figures, square, tabs, bar]) part.render();
    keepAddress(app);
  };
  return { render };
}

/** The page's address keeps the state, so that it can be reloaded, kept and sent. */
function keepAddress(app) {
  if (!app.permalinks || app.asks.busy || app.asks.state.error || app.store.gesture) return;
  const fragment = `#${writeFragment(app)}`;
  if (location.hash !== fragment) history.replaceState(null, "", fragment);
}
