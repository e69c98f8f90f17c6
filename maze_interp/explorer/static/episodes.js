// The tab "Episode": a sampled episode step by step, with the chance of success from each square.

import { button, checkbox, digits, labelled, make, pair } from "./dom.js";

const PACE = 250; // milliseconds a move

/** The squares walked so far, for the view that the episode belongs to; null elsewhere. */
export function walkOn(app, pane, kind) {
  if (app.look.tab !== "episode" || pane !== app.active || kind !== (withEdits(app) ? "after" : "before")) return null;
  const { data } = episodeOf(app);
  return data && data.squares.slice(0, app.look.step + 1);
}

const withEdits = (app) => app.edited(app.active) && app.look.episodeEdited;

const episodeOf = (app) =>
  app.asks.get("episode", { pane: app.active, edited: withEdits(app), seed: app.look.episode });

export function makeEpisodes(app) {
  let timer = null;
  const length = () => (episodeOf(app).data?.squares.length ?? 1) - 1;
  const go = (step) => {
    app.look.step = Math.min(length(), Math.max(0, step));
    app.refresh();
  };
  const pause = () => {
    clearInterval(timer);
    timer = null;
    app.refresh();
  };
  const play = () => {
    if (timer) return pause();
    if (app.look.step >= length()) app.look.step = 0;
    timer = setInterval(
      () => (app.look.step >= length() || app.look.tab !== "episode" ? pause() : go(app.look.step + 1)),
      PACE,
    );
    return app.refresh();
  };
  const another = () => {
    Object.assign(app.look, { episode: Number(seed.value) || 0, step: 0 });
    app.refresh();
  };
  const seed = make("input", { type: "number", min: 0, step: 1, class: "seed", onchange: another });
  const playing = button("Play", play);
  const back = button("Back", () => go(app.look.step - 1), { "aria-label": "One move back" });
  const on = button("Forward", () => go(app.look.step + 1), { "aria-label": "One move forward" });
  const step = make("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "Moves made",
    oninput: () => go(Number(step.value)),
  });
  const edited = checkbox("with the edits", (value) => {
    Object.assign(app.look, { episodeEdited: value, step: 0 });
    app.refresh();
  });
  const status = make("p", { class: "numbers", "aria-live": "polite" });
  const outcome = make("p", { class: "note" });
  const node = make(
    "div",
    {},
    make("div", { class: "row" }, labelled("Random seed", seed), edited.node),
    make("div", { class: "row" }, back, playing, on, step),
    status,
    outcome,
  );
  const render = () => {
    const { data, error, fresh } = episodeOf(app);
    seed.value = app.look.episode;
    playing.textContent = timer ? "Pause" : "Play";
    edited.node.hidden = !app.edited(app.active);
    edited.input.checked = app.look.episodeEdited;
    if (!data) {
      status.textContent = error ?? "…";
      return;
    }
    app.look.step = Math.min(app.look.step, length());
    step.max = length();
    step.value = app.look.step;
    step.setAttribute("aria-valuetext", `${app.look.step} of ${length()} moves`);
    status.classList.toggle("stale", !fresh);
    status.textContent = describe(data, app.look.step);
    outcome.textContent = `This episode ${data.reached ? "reaches the cheese" : "does not reach the cheese"} after ${length()} moves.`;
  };
  return { title: "Episode", node, render };
}

function describe({ squares, moves, p_success: chance }, step) {
  const next = moves[step] === undefined ? "the end" : `next move ${moves[step] === "noop" ? "no-op" : moves[step]}`;
  return `After ${step} ${step === 1 ? "move" : "moves"} on ${pair(squares[step])}; P(cheese) from there, in the moves left, ${digits(chance[step])}; ${next}.`;
}
