// Colour maps (matplotlib's, sampled), and scales that map numbers to them.

const MAPS = {
  viridis:
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  YlOrBr:
    "ffffe5 fffbd0 fff7bc feeda6 fee390 fed36f fec34f feae3b fe9829 f5841e eb6f14 db5d0b cb4b02 b13f03 983404 7e2c05 662506",
  PuOr_r:
    "2d004b 451871 5f3a91 7b6aa8 9990bf b7b1d5 cfcfe5 e4e5f0 f7f7f6 fce8cd fed59f fdbc6b ee9b39 d97b12 bd6109 9e4c07 7f3b08",
};
const STOPS = Object.fromEntries(
  Object.entries(MAPS).map(([name, text]) => [
    name,
    text.split(" ").map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16))),
  ]),
);

/** Red, green and blue (0 … 255) of a share 0 … 1 of a colour map. */
export function mapped(name, share) {
  const stops = STOPS[name];
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  return stops[i].map((low, channel) => Math.round(low + (at - i) * (stops[i + 1][channel] - low)));
}

// Signed numbers and shares are shown by how opaque a colour is, so that nothing looks like nothing in light and dark.
const [MORE, LESS] = ["230, 97, 1", "94, 60, 153"]; // orange and purple, of the same colour map
const opaque = (colour, share) => `rgba(${colour}, ${Math.min(1, share).toFixed(3)})`;

/** A CSS gradient from one end of a scale to the other. */
export function gradient({ name, share }) {
  const stops = share ? [0, 1].map((each) => opaque(MORE, each)) : MAPS[name].split(" ").map((hex) => `#${hex}`);
  const signs = [opaque(LESS, 1), "transparent", opaque(MORE, 1)];
  return `linear-gradient(to right, ${(name === "PuOr_r" && !share ? signs : stops).join()})`;
}

/**
 * The scale for some numbers: purple to orange around 0 if `diverging`, else from yellow to brown, or viridis over a
 * fixed range.
 *
 * @param kind `{range: [from, to]}`, `{share: true}` (of 1), `{log: true}`, `{sequential: true}` or
 *   `{diverging: true}`; without any, numbers below 0 make a scale diverge
 * @returns `{name, from, to, log, rgb(value), css(value)}`; css is null where there is no number
 */
export function scaleOf(values, kind = {}) {
  const seen = values.filter((value) => value !== null && value !== undefined && Number.isFinite(value));
  const scale = limits(seen, kind);
  const share = (value) => {
    if (!scale.log) return (value - scale.from) / (scale.to - scale.from || 1);
    return Math.log(value / scale.from) / Math.log(scale.to / scale.from);
  };
  const rgb = (value) => mapped(scale.name, share(value));
  const css = (value) => {
    if (value === null || value === undefined || (scale.log && value < scale.from)) return null;
    if (scale.name !== "PuOr_r") return `rgb(${rgb(value).join()})`;
    return Math.abs(value) < 0.01 * scale.to ? null : opaque(value < 0 ? LESS : MORE, Math.abs(value) / scale.to);
  };
  return { ...scale, rgb, css };
}

const VISITS = 0.01; // fewer expected visits are left uncoloured

function limits(seen, { range, share = false, log = false, diverging = false, sequential = false }) {
  if (range) return { name: "viridis", from: range[0], to: range[1], log: false };
  if (share) return { name: "PuOr_r", from: 0, to: 1, share, log: false };
  const low = Math.min(...seen, Infinity);
  const high = Math.max(...seen, -Infinity);
  if (!seen.length) return { name: "YlOrBr", from: 0, to: 1, log: false };
  if (log) return { name: "YlOrBr", from: VISITS, to: Math.max(1, high), log };
  if (sequential) return { name: "viridis", from: low, to: high, log: false };
  if (!diverging && low >= 0) return { name: "YlOrBr", from: 0, to: high || 1, log: false };
  const most = Math.max(-low, high) || 1;
  return { name: "PuOr_r", from: -most, to: most, log: false };
}
