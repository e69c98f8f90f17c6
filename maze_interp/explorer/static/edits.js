// The tab "Edits": the list of edits, each with a switch, a slider and what else its kind needs; below, the donor maze.

import { button, checkbox, labelled, make, offer, radios, select, sync } from "./dom.js";
import { EDITS, addEdit, readChannels, readPairs, writeChannels, writePairs } from "./editkinds.js";
import { makeDonor } from "./donor.js";
import { SHOWS } from "./stage.js";

export function makeEdits(app) {
  const kinds = Object.fromEntries(
    Object.entries(EDITS).flatMap(([kind, { words }]) => (words ? [[kind, words]] : [])),
  );
  const kind = select(kinds, () => {});
  const add = button("Add", () => {
    const layer = app.look.layer[app.active];
    if (!layer) return app.say("this policy has no layers to edit", true);
    return app.alter("edits", (pane) => addEdit(pane, kind.value, { layer, channels: [app.look.channel] }));
  });
  const list = make("ol", { class: "edits", "aria-label": "Edits" });
  const none = make("p", { class: "note" }, "No edits. A new one is of the layer and channel chosen under Inside.");
  const shows = radios("Show: ", SHOWS, (show) => {
    app.look.show = show;
    app.refresh();
  });
  const donor = makeDonor(app);
  const node = make(
    "div",
    {},
    make("div", { class: "row" }, labelled("New edit", kind), add),
    none,
    list,
    shows.node,
    donor.node,
  );
  let cards = [];
  let signature = "";
  const render = () => {
    const { edits } = app.panes[app.active];
    const now = JSON.stringify([app.active, edits.map(({ kind, label }) => [kind, label])]);
    if (now !== signature) {
      signature = now;
      cards = edits.map((edit, i) => makeCard(app, edit, i));
      list.replaceChildren(...cards.map((card) => card.node));
    }
    none.hidden = edits.length > 0;
    shows.node.hidden = !app.edited(app.active);
    shows.choose(app.look.show);
    const layers = app.asks.get("layers", { pane: app.active }).data?.layers.map(({ path }) => path) ?? [];
    cards.forEach((card, i) => card.render(edits[i], layers));
    donor.render();
  };
  return { title: "Edits", node, render };
}

/** The controls of the edit at place i of the list. */
function makeCard(app, { kind, label }, i) {
  const { words, slider, channels, positions, fill } = EDITS[kind];
  const change = (fields, gesture = null) =>
    app.alter("edits", (pane) => Object.assign(pane.edits[i], fields), { gesture });
  const on = checkbox(`${i + 1}. ${words ?? label}`, (value) => change({ on: value }));
  const remove = button("Remove", () => app.alter("edits", (pane) => pane.edits.splice(i, 1)), {
    "aria-label": `Remove edit ${i + 1}`,
  });
  const parts = [
    slider && sliderField(app, slider, `${slider} ${i}`, change),
    words && layerField(change),
    channels && textField("channels", readChannels, writeChannels, change, "all, or 7, 8, 10:13"),
    positions &&
      textField(
        "positions",
        readPairs,
        writePairs,
        change,
        "all, or (3, 4), (5, 6): rows and columns of the layer's map",
      ),
    kind === "set_pixel" && pairField("pixel", change),
    kind === "set_square" && pairField("square", change),
    fill && fillField(change),
  ].filter(Boolean);
  const node = make(
    "li",
    { class: "card" },
    make("div", { class: "row head" }, on.node, remove),
    ...parts.map((part) => part.node),
  );
  const render = (edit, layers) => {
    on.input.checked = edit.on;
    for (const part of parts) part.render(edit, layers);
  };
  return { node, render };
}

function sliderField(app, name, gesture, change) {
  const slide = make("input", {
    type: "range",
    min: -10,
    max: 10,
    step: 0.1,
    "aria-label": name,
    oninput: () => change({ [name]: Number(slide.value) }, gesture),
    onchange: () => app.endGesture(),
  });
  const number = make("input", {
    type: "number",
    step: "any",
    class: "small",
    "aria-label": `${name}, exactly`,
    onchange: () => number.value !== "" && change({ [name]: Number(number.value) }),
  });
  const render = (edit) => {
    slide.value = edit[name];
    sync(number, edit[name]);
  };
  return { node: make("div", { class: "row slider" }, make("span", {}, name), slide, number), render };
}

function layerField(change) {
  const list = select({}, (layer) => change({ layer }));
  const render = (edit, layers) => {
    offer(list, Object.fromEntries([...new Set([...layers, edit.layer])].map((path) => [path, path])));
    list.value = edit.layer;
  };
  return { node: labelled("layer", list), render };
}

/** A text that must be read; where it cannot, the field says so and nothing changes. */
function textField(name, read, write, change, hint) {
  const input = make("input", { type: "text", title: hint, placeholder: hint, spellcheck: "false" });
  input.addEventListener("change", () => {
    const value = read(input.value);
    input.setAttribute("aria-invalid", value === undefined);
    input.setCustomValidity(value === undefined ? hint : "");
    if (value === undefined) input.reportValidity();
    else change({ [name]: value });
  });
  return { node: labelled(name, input), render: (edit) => input.validity.valid && sync(input, write(edit[name])) };
}

function pairField(name, change) {
  const hint = name === "square" ? "(x, y); or drag the target over the maze" : "(row, column) of the layer's map";
  const read = (text) => (readPairs(text)?.length === 1 ? readPairs(text)[0] : undefined);
  return textField(name, read, (value) => writePairs([value]), change, hint);
}

function fillField(change) {
  const input = make("input", {
    type: "number",
    step: "any",
    class: "small",
    placeholder: "as they are",
    onchange: () => change({ fill: input.value === "" ? null : Number(input.value) }),
  });
  return { node: labelled("all other positions", input), render: (edit) => sync(input, edit.fill) };
}
