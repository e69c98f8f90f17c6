// Asking the server: only the newest state counts, and only what is on show is asked for.

/** Answered bit by bit while nothing else is to be done: they do not make the page busy. */
const IDLE = ["cheese_map", "solve", "levels"];

export class Requests {
  #transport;
  #changed;
  #answers = new Map(); // by what was asked: {version, data, error, final, pending}
  #waiting = new Map(); // by request number: what to do with its answer
  #id = Date.now(); // greater than any of an earlier view of the same session

  /**
   * @param changed called after each answer
   */
  constructor(transport, changed) {
    this.#transport = transport;
    this.#changed = changed;
    this.version = 0;
    this.state = { data: null, error: null, version: 0 };
  }

  /** Every question from now on is about these panes; what was asked of earlier ones does not matter any more. */
  setState(panes) {
    this.version = Math.max(this.version + 1, Date.now());
    this.#waiting.clear();
    this.state = { ...this.state, error: null };
    const { version } = this;
    this.#send("state", { state: { panes } }, ({ data = null, error = null }) => {
      this.state = { data: data ?? this.state.data, error, version };
      if (error) this.#waiting.clear();
    });
  }

  /**
   * What is known, and ask for it if it is not of the present state.
   *
   * Questions that differ in more than `what`, `pane` and `edited` replace each other: show one of a kind at a time.
   *
   * @returns `{data, error, fresh, final}`; the data may be null, or of an earlier state while the new is computed
   */
  get(what, fields) {
    const key = JSON.stringify([what, fields]);
    const known = this.#answers.get(key) ?? { version: 0, data: null, error: null, final: true };
    this.#answers.set(key, known);
    if (known.version !== this.version && !this.#isWaiting(key)) {
      this.#forget(what, fields);
      this.#send(what, fields, (answer) => take(known, answer), key);
    }
    return { ...known, fresh: known.version === this.version };
  }

  /** Ask once, whatever becomes of the state: `then` is called with each answer. */
  once(what, fields, then) {
    this.#send(what, fields, then);
    this.#changed();
  }

  /** Whether an answer is awaited that the page cannot go on without. */
  get busy() {
    return [...this.#waiting.values()].some(({ what }) => !IDLE.includes(what));
  }

  received(answer) {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return; // a stale answer
    if (answer.final !== false || answer.error) this.#waiting.delete(answer.id);
    waiting.then(answer);
    this.#changed();
  }

  #isWaiting(key) {
    return this.state.error !== null || [...this.#waiting.values()].some((each) => each.key === key);
  }

  /** The server answers only the newest of a kind, so the others are not waited for. */
  #forget(what, { pane, edited }) {
    for (const [id, each] of this.#waiting) {
      if (each.key && each.what === what && each.pane === pane && each.edited === edited) this.#waiting.delete(id);
    }
  }

  #send(what, fields, then, key = null) {
    this.#id += 1;
    this.#waiting.set(this.#id, { what, then, key, pane: fields.pane, edited: fields.edited });
    this.#transport.send({ id: this.#id, version: this.version, what, ...fields });
  }
}

/** Squares of the map of the cheese come in parts; every other answer replaces what was known. */
function take(known, { what, version, data = null, error = null, final = true }) {
  const more = what === "cheese_map" && known.version === version && known.data && data;
  const merged = more
    ? { ...data, squares: [...known.data.squares, ...data.squares], p: [...known.data.p, ...data.p] }
    : data;
  Object.assign(known, { version, data: merged, error, final });
}
