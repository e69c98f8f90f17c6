// The tab "Inside", first part: the layers, all channels of one as thumbnails, and the chosen channel by itself.

import { checkbox, digits, labelled, make, minus, offer, pair, radios, select, signed } from "./dom.js";
import { scaleOf } from "./colours.js";
import { addEdit, useOnEdit } from "./editkinds.js";
import { mapOf, paintCanvas, pixelMap } from "./pixels.js";

/** What a click on a pixel of the chosen channel does. */
const USES = {
  none: "nothing",
  set_pixel: "write a value there",
  patch: "patch it from the donor",
  zero: "set it to zero",
};

export function makeChannels(app) {
  const layer = select({}, (value) => {
    app.look.layer[app.active] = value;
    app.look.channel = 0;
    app.refresh();
  });
  const note = make("p", { class: "note" });
  const thumbnails = makeThumbnails(app);
  const chosen = makeChosen(app);
  const node = make(
    "section",
    { "aria-label": "Channels" },
    labelled("Layer", layer),
    note,
    thumbnails.node,
    chosen.node,
  );
  const render = () => {
    const pane = app.active;
    const layers = app.asks.get("layers", { pane });
    if (layers.data)
      offer(
        layer,
        Object.fromEntries(layers.data.layers.map(({ path, shape }) => [path, `${path} (${shape.join("×")})`])),
      );
    layer.value = app.look.layer[pane] ?? "";
    if (!app.look.layer[pane]) {
      note.textContent = layers.error ?? "This policy has no layers.";
      return;
    }
    const ask = (edited) => app.asks.get("channels", { pane, edited, layer: app.look.layer[pane] });
    const [before, after] = [ask(false), app.edited(pane) ? ask(true) : null];
    const mouse = app.panes[pane].mouse ?? app.startOf(pane);
    note.textContent =
      before.error ?? `Activations with the mouse on ${pair(mouse)}; each channel on its own scale, purple below 0.`;
    node.classList.toggle("stale", !before.fresh);
    if (before.data) thumbnails.render((after ?? before).data ?? before.data);
    if (before.data) chosen.render(before.data, after?.data ?? null);
  };
  return { node, render };
}

/** A button with a small picture for each channel; the arrow keys go from one to the next. */
function makeThumbnails(app) {
  const node = make("div", { class: "thumbnails", role: "group", "aria-label": "Channels" });
  const choose = (channel) => {
    app.look.channel = channel;
    app.refresh();
  };
  const onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow(node), ArrowDown: perRow(node) }[event.key];
    const next = node.children[app.look.channel + step];
    if (!next) return;
    event.preventDefault();
    choose(app.look.channel + step);
    next.focus();
  };
  const thumbnail = (_, channel) =>
    make("button", { type: "button", onkeydown, onclick: () => choose(channel) }, make("canvas"), String(channel));
  const paintAll = (data) => {
    const [channels] = data.shape;
    if (node.children.length !== channels) node.replaceChildren(...Array.from({ length: channels }, thumbnail));
    [...node.children].forEach((child, channel) => {
      const map = mapOf(data, channel);
      const values = map.flat();
      child.title = `${digits(Math.min(...values), 2)} … ${digits(Math.max(...values), 2)}`;
      child.setAttribute("aria-label", `channel ${channel}`);
      paintCanvas(child.firstChild, map);
    });
  };
  let painted = null;
  const render = (data) => {
    if (data !== painted) paintAll((painted = data));
    app.look.channel = Math.min(app.look.channel, data.shape[0] - 1);
    [...node.children].forEach((child, channel) => {
      child.setAttribute("aria-pressed", channel === app.look.channel);
      child.tabIndex = channel === app.look.channel ? 0 : -1;
    });
  };
  return { node, render };
}

function perRow(node) {
  const top = node.firstChild.offsetTop;
  const i = [...node.children].findIndex((child) => child.offsetTop > top);
  return i < 0 ? node.children.length : i;
}

/** The chosen channel, as it is and with the edits, its numbers on hover. */
function makeChosen(app) {
  let pixel = [0, 0];
  let maps = [];
  const heading = make("h3");
  const numbers = make("p", { class: "numbers pixel" });
  const point = (at) => {
    pixel = at;
    app.refresh();
  };
  const use = (at) => usePixel(app, at);
  const [before, after] = [pixelMap("as it is", point, use), pixelMap("with the edits", point, use)];
  const uses = radios("A click on a pixel: ", USES, (value) => {
    app.look.use = value;
    app.refresh();
  });
  const overlay = checkbox("show over the maze: its value for every place of the mouse", (on) => {
    app.look.overlay = on ? "channel" : "none";
    app.refresh();
  });
  const node = make(
    "div",
    {},
    heading,
    make("div", { class: "pixelmaps" }, before.node, after.node),
    numbers,
    uses.node,
    overlay.node,
  );
  const render = (data, edited) => {
    heading.textContent = `Channel ${app.look.channel}`;
    maps = [data, edited].map((each) => each && mapOf(each, app.look.channel));
    const scale = scaleOf(maps.flatMap((map) => map?.flat() ?? []));
    pixel = [Math.min(pixel[0], maps[0].length - 1), Math.min(pixel[1], maps[0][0].length - 1)];
    const square = app.look.square;
    const marks = {
      cursor: pixel,
      hover: square && data.rows ? [data.rows[square[1]], data.columns[square[0]]] : null,
    };
    before.draw(maps[0], scale, marks);
    after.node.hidden = !maps[1];
    if (maps[1]) after.draw(maps[1], scale, marks);
    numbers.textContent = numbersAt(pixel, maps, data.rows !== null);
    uses.choose(app.look.use);
    overlay.input.checked = app.look.overlay === "channel";
  };
  return { node, render };
}

function numbersAt([row, column], [before, after], spatial) {
  const place = spatial ? `Pixel (${row}, ${column}): ` : "Value: ";
  const [was, is] = [before, after].map((map) => map?.[row][column] ?? null);
  return (
    place +
    (is === null ? digits(was) : `${digits(was)} as it is, ${digits(is)} with the edits, ${signed(minus(is, was))}`)
  );
}

/** Use a pixel of the chosen channel: move the edit that is there already, or add one. */
function usePixel(app, pixel) {
  const kind = app.look.use;
  if (kind === "none") return app.say("choose above what a click on a pixel does");
  const [layer, channel] = [app.look.layer[app.active], app.look.channel];
  return app.alter("edits", (pane) => {
    const there = pane.edits.find(
      (edit) => edit.kind === kind && edit.layer === layer && edit.channels?.includes(channel),
    );
    useOnEdit(there ?? addEdit(pane, kind, { layer, channels: [channel] }), pixel);
  });
}
