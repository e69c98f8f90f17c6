// What the server is asked about, with its history: undo, redo, reset.

/** At most so many steps can be undone. */
const DEPTH = 300;

export class Store {
  /**
   * @param panes one or two panes of the protocol
   * @param changed called after each change
   */
  constructor(panes, changed) {
    Object.assign(this, { panes, changed, first: panes, past: [], future: [], gesture: null });
  }

  /**
   * Change the panes by a function that alters a copy of them.
   *
   * Changes of one gesture (a drag, a slider held down) are undone together.
   */
  change(alter, gesture = null) {
    const next = structuredClone(this.panes);
    alter(next);
    if (JSON.stringify(next) === JSON.stringify(this.panes)) return;
    if (gesture === null || gesture !== this.gesture) this.past = [...this.past, this.panes].slice(-DEPTH);
    Object.assign(this, { panes: next, future: [], gesture });
    this.changed();
  }

  endGesture() {
    this.gesture = null;
  }

  get canUndo() {
    return this.past.length > 0;
  }

  get canRedo() {
    return this.future.length > 0;
  }

  undo() {
    if (this.canUndo) this.#move(this.past, this.future);
  }

  redo() {
    if (this.canRedo) this.#move(this.future, this.past);
  }

  /** Back to how it was opened; itself a step that can be undone. */
  reset() {
    this.change((panes) => panes.splice(0, panes.length, ...structuredClone(this.first)));
  }

  #move(from, to) {
    to.push(this.panes);
    this.panes = from.pop();
    this.endGesture();
    this.changed();
  }
}
