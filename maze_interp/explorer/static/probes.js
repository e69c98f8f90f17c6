// The tab "Inside", second part: probes of the agent over the maze, and the attribution of the decision.

import { button, checkbox, digits, labelled, make, offer, pair, select } from "./dom.js";
import { makeChannels } from "./channels.js";

const METHODS = { gradient: "gradient × activation", integrated: "integrated gradients" };
const TOP = 8; // channels listed

export function makeInside(app) {
  const parts = [makeChannels(app), makeProbes(app), makeAttribution(app)];
  const node = make("div", {}, ...parts.map((part) => part.node));
  const render = () => {
    for (const part of parts) part.render();
  };
  return { title: "Inside", node, render };
}

const showOver = (app, overlay) => (on) => {
  app.look.overlay = on ? overlay : "none";
  app.refresh();
};

function makeProbes(app) {
  let known = [];
  const which = select({}, (i) => {
    choose(i);
    app.refresh();
  });
  const choose = (i) => Object.assign(app.look, { probe: known[i] ?? null, probeClass: 0 });
  const classes = select({}, (i) => {
    app.look.probeClass = Number(i);
    app.refresh();
  });
  const classField = labelled("class", classes);
  const overlay = checkbox("show over the maze", showOver(app, "probe"));
  const note = make("p", { class: "note" });
  const whichField = labelled("Probe", which);
  const node = make(
    "details",
    { class: "probes" },
    make("summary", {}, "Probes"),
    whichField,
    classField,
    overlay.node,
    note,
  );
  node.addEventListener("toggle", () => app.refresh());
  const render = () => {
    overlay.input.checked = app.look.overlay === "probe";
    if (!node.open && app.look.overlay !== "probe") return;
    const answer = app.asks.get("probes", { pane: app.active });
    known = answer.data?.probes ?? [];
    offer(which, Object.fromEntries(known.map((probe, i) => [i, `${probe.target}, ${probe.layer} (${probe.kind})`])));
    if (!known.some(isChosen)) choose(0);
    which.value = known.findIndex(isChosen);
    whichField.hidden = !known.length;
    const probe = known.find(isChosen);
    const several = probe?.classes?.length > 2;
    classField.hidden = !several;
    if (several) offer(classes, Object.fromEntries(probe.classes.map((words, i) => [i, String(words)])));
    classes.value = app.look.probeClass;
    overlay.node.hidden = probe ? !probe.of_squares : true;
    note.textContent = probe ? described(probe) : (answer.error ?? "No probes are fitted for this agent.");
  };
  const isChosen = ({ layer, target }) => app.look.probe?.layer === layer && app.look.probe?.target === target;
  const described = (probe) => {
    if (probe.of_squares) return "";
    const edited = app.edited(app.active);
    const { data, error } = app.asks.get("probe", {
      pane: app.active,
      edited,
      layer: probe.layer,
      target: probe.target,
    });
    if (!data) return error ?? "…";
    const prediction = typeof data.prediction === "number" ? digits(data.prediction) : data.prediction;
    const all = data.probabilities ? ` (${data.probabilities.map((p) => digits(p)).join(", ")})` : "";
    return `Prediction with the mouse where it stands: ${prediction}${all}`;
  };
  return { node, render };
}

function makeAttribution(app) {
  const method = select(METHODS, (value) => {
    app.look.method = value;
    app.refresh();
  });
  const overlay = checkbox("show over the maze, summed over channels", showOver(app, "attribution"));
  const note = make("p", { class: "note" });
  const list = make("ol", { class: "top", "aria-label": "Channels by attribution" });
  const node = make(
    "details",
    {},
    make("summary", {}, "Attribution of the decision"),
    labelled("Method", method),
    overlay.node,
    note,
    list,
  );
  node.addEventListener("toggle", () => app.refresh());
  const render = () => {
    overlay.input.checked = app.look.overlay === "attribution";
    method.value = app.look.method;
    const layer = app.look.layer[app.active];
    if (!layer || (!node.open && app.look.overlay !== "attribution")) return;
    const answer = app.asks.get("attribution", {
      pane: app.active,
      edited: app.edited(app.active),
      layer,
      method: app.look.method,
    });
    note.textContent =
      answer.error ??
      (answer.data ? `${answer.data.target}, the mouse on ${pair(answer.data.square)}. Largest channels:` : "…");
    list.replaceChildren(...largest(answer.data?.channels ?? []).map(([channel, value]) => entry(channel, value)));
  };
  const entry = (channel, value) => {
    const open = () => {
      app.look.channel = channel;
      app.refresh();
    };
    return make("li", {}, button(`channel ${channel}`, open), ` ${digits(value, 2)}`);
  };
  return { node, render };
}

function largest(sums) {
  return sums
    .map((value, channel) => [channel, value])
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))
    .slice(0, TOP);
}
