// The keys: those that work everywhere, and the list of all.

import { button, freshId, make } from "./dom.js";

const KEYS = [
  ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
  ["?", "this list"],
  ["In a maze", ""],
  ["arrow keys", "move the cursor; its numbers are shown below"],
  ["Enter or Space", "use the chosen tool on the square"],
  ["Shift+arrow keys", "move the cursor and use the tool: open squares, drag a thing"],
  ["W", "open or close the square"],
  ["C, X", "put the cheese there; take the cheese away"],
  ["S", "put the start there"],
  ["M", "put the mouse there: activations are of this place"],
  ["T", "put the target there, of the first edit that writes at a square"],
  ["In a list of tabs or channels", ""],
  ["arrow keys", "go to the next"],
  ["In a channel's map", ""],
  ["arrow keys, Enter", "choose a pixel; use it as chosen below the map"],
];

export function makeHelp() {
  const title = freshId("keys");
  const entry = ([keys, words]) =>
    words ? [make("dt", {}, keys), make("dd", {}, words)] : [make("dt", { class: "part" }, keys)];
  const close = button("Close", () => dialog.close());
  const dialog = make(
    "dialog",
    { "aria-labelledby": title },
    make("h2", { id: title }, "Keys"),
    make("dl", {}, ...KEYS.flatMap(entry)),
    close,
  );
  return { node: dialog, open: () => dialog.showModal() };
}

/** Undo, redo and help, wherever the focus is, but where text is typed. */
export function attachKeys(app, root, help) {
  root.addEventListener("keydown", (event) => {
    event.stopPropagation(); // a notebook around the page has its own use for single letters
    if (event.target.matches("textarea, [type=text], [type=number]")) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (control && key === "z" && !event.shiftKey) app.store.undo();
    else if (control && (key === "y" || key === "z")) app.store.redo();
    else if (event.key === "?" && !control) help.open();
    else return;
    event.preventDefault();
  });
}
