// The tab "Export": a link to what is on show, and the same as Python, YAML, text and picture.

import { button, labelled, make, sync } from "./dom.js";
import { picture } from "./picture.js";
import { viewsOf } from "./stage.js";

const TEXTS = {
  python: ["Python", "explorer.py"],
  yaml: ["Edits as YAML", "edits.yaml"],
  ascii: ["Maze as text", "maze.txt"],
};

/** The state as a fragment of an address, with the agents' hashes. */
export function writeFragment(app) {
  const metas = app.asks.state.data?.panes ?? [];
  const panes = app.panes.map((pane, i) => ({ ...pane, hash: metas[i]?.hash ?? pane.hash }));
  const bytes = new TextEncoder().encode(JSON.stringify({ panes }));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** The panes of an address or a fragment; null where it holds none. */
export function readFragment(address) {
  const text = address.split("#").at(-1).trim().replaceAll("-", "+").replaceAll("_", "/");
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const { panes } = JSON.parse(new TextDecoder().decode(bytes));
    const whole =
      [1, 2].includes(panes.length) &&
      panes.every((pane) => typeof pane.maze.ascii === "string" && Array.isArray(pane.edits));
    return whole ? panes : null;
  } catch {
    return null;
  }
}

export function makeTakeaway(app) {
  const link = make("input", { type: "text", readonly: true, class: "code" });
  const opened = make("input", { type: "text", class: "code", placeholder: "an address with #…" });
  const open = () => {
    const panes = readFragment(opened.value);
    if (panes) app.open(panes);
    else app.say("this is no link to a maze: it ends in # and a long word", true);
  };
  const texts = Object.entries(TEXTS).map(([name, [title, file]]) => textBox(app, name, title, file));
  const png = button("Picture (PNG)", async () =>
    download("explorer.png", await picture(app.root, viewsOf(app).length)),
  );
  const links = make(
    "div",
    {},
    make("div", { class: "row" }, labelled("Link", link, { class: "field long" }), copier(app, link)),
    make("div", { class: "row" }, labelled("Open a link", opened, { class: "field long" }), button("Open", open)),
  );
  const node = make("div", {}, links, png, ...texts.map((text) => text.node));
  const render = () => {
    links.hidden = !app.permalinks;
    if (app.permalinks) link.value = `${location.href.split("#")[0]}#${writeFragment(app)}`;
    const answer = app.asks.get("export", { pane: app.active });
    for (const text of texts) text.render(answer);
  };
  return { title: "Export", node, render };
}

function textBox(app, name, title, file) {
  const area = make("textarea", { rows: name === "ascii" ? 8 : 6, readonly: true, class: "code", spellcheck: "false" });
  const save = button("Save", () => download(file, new Blob([area.value], { type: "text/plain" })), {
    "aria-label": `Save ${title}`,
  });
  const copy = copier(app, area, title);
  const node = make(
    "div",
    {},
    labelled(title, area, { class: "field tall" }),
    make("div", { class: "row" }, copy, save),
  );
  const render = ({ data, error, fresh }) => {
    sync(area, error ?? data?.[name] ?? (data ? "No edits." : "…"));
    area.classList.toggle("stale", !fresh);
    copy.disabled = save.disabled = !data?.[name];
  };
  return { node, render };
}

function copier(app, field, title = "link") {
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      app.say(`${title} copied`);
    } catch {
      app.say("selected; press Ctrl+C to copy");
    }
  };
  return button("Copy", copy, { "aria-label": `Copy ${title}` });
}

function download(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
