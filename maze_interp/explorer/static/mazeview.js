// The picture of a maze: walls, colours, arrows, marks, cursor. It is given everything it draws.

import { same, shape } from "./dom.js";
import { openSquares } from "./maze.js";

const MARGIN = 0.8; // of wall around the maze, in squares
const [RIM, HALO, SURE] = [0.09, 0.1, 0.15]; // widths in squares; a net move below SURE is a dot

/** The square under a pointer, possibly off the maze. */
export function squareUnder(event, svg, size) {
  const box = svg.getBoundingClientRect();
  const scale = (size + 2 * MARGIN - 1) / box.width;
  const along = (offset) => Math.round(offset * scale - MARGIN);
  return [along(event.clientX - box.left), size - 1 - along(event.clientY - box.top)];
}

/**
 * Draw a maze.
 *
 * @param scene `{grid, css(square), field, arrows: [[square, dx, dy]], way, episode, region, decision, mouse, targets,
 *   cursor, hover}`; all but the grid may be missing
 */
export function drawMaze(svg, scene) {
  const { grid } = scene;
  const side = grid.size + 2 * MARGIN - 1;
  svg.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${side} ${side}`);
  svg.replaceChildren();
  const at = ([x, y]) => [x, grid.size - 1 - y];
  shape("rect", { x: -MARGIN, y: -MARGIN, width: side, height: side, class: "wall" }, svg);
  drawSquares(svg, grid, at, scene.css ?? (() => null));
  if (scene.region) drawRegion(svg, grid.size, scene.region);
  if (scene.way?.length > 1) drawWay(svg, scene.way.map(at), "way");
  if (scene.episode) drawWay(svg, scene.episode.slice(-60).map(at), "episode");
  drawArrows(
    svg,
    (scene.arrows ?? []).map(([square, dx, dy]) => [...at(square), dx, -dy]),
  );
  drawMarks(svg, scene, at);
}

function drawSquares(svg, grid, at, css) {
  const squares = openSquares(grid);
  const box = (square) => {
    const [x, y] = at(square);
    return `M${x - 0.505} ${y - 0.505}h1.01v1.01h-1.01z`;
  };
  shape("path", { d: squares.map(box).join(""), class: "open" }, svg);
  const coloured = new Map();
  for (const square of squares) {
    const colour = css(square);
    if (colour) coloured.set(colour, (coloured.get(colour) ?? "") + box(square));
  }
  for (const [fill, d] of coloured) shape("path", { d, fill, class: "coloured" }, svg);
}

function drawRegion(svg, size, n) {
  const [side, edge] = [Math.min(n, size), size - Math.min(n, size)];
  shape("rect", { x: edge - 0.5, y: -0.5, width: side, height: side, class: "region" }, svg);
}

function drawWay(svg, points, name) {
  shape("polyline", { points: points.join(" "), class: name }, svg);
}

/** One path for all arrows and one for their rims: a big maze has hundreds. */
function drawArrows(svg, arrows) {
  const sure = arrows.filter(([, , dx, dy]) => Math.hypot(dx, dy) >= SURE);
  const d = sure.map(arrowPath).join("");
  const dots = arrows.filter(([, , dx, dy]) => Math.hypot(dx, dy) < SURE);
  const dot = dots.map(([x, y]) => `M${x - 0.06} ${y}a.06 .06 0 1 0 .12 0a.06 .06 0 1 0 -.12 0`).join("");
  shape("path", { d: d + dot, class: "rim", "stroke-width": RIM + HALO }, svg);
  shape("path", { d: d + dot, class: "arrow", "stroke-width": RIM }, svg);
}

function arrowPath([x, y, dx, dy]) {
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const reach = 0.38 * Math.min(1, length);
  const head = Math.min(0.3, 1.5 * reach);
  const [tipX, tipY] = [x + reach * ux, y + reach * uy];
  const [neckX, neckY] = [tipX - head * ux, tipY - head * uy];
  const wing = 0.15;
  const line = `M${x - reach * ux} ${y - reach * uy}L${neckX} ${neckY}`;
  return `${line}M${tipX} ${tipY}L${neckX - wing * uy} ${neckY + wing * ux}L${neckX + wing * uy} ${neckY - wing * ux}Z`;
}

function drawMarks(svg, { grid, decision, mouse, targets = [], cursor, hover, episode }, at) {
  const mark = (name, square, d) => {
    const [x, y] = at(square);
    const group = shape("g", { transform: `translate(${x} ${y})`, "data-mark": name }, svg);
    shape("path", { d, class: "rim" }, group);
    shape("path", { d, class: `mark ${name}` }, group);
  };
  const corner = [grid.size - 1, grid.size - 1];
  mark("corner", corner, MARKS.corner);
  mark("start", grid.start, MARKS.start);
  if (decision) mark("decision", decision, MARKS.decision);
  if (grid.cheese) mark("cheese", grid.cheese, MARKS.cheese);
  if (mouse) mark("mouse", mouse, MARKS.mouse);
  if (episode?.length) mark("walker", episode.at(-1), MARKS.mouse);
  for (const target of targets) mark("target", target, MARKS.target);
  if (hover && !same(hover, cursor)) mark("hover", hover, MARKS.square);
  if (cursor) mark("cursor", cursor, MARKS.square);
}

/** The marks, each drawn around (0, 0) in a square of side 1. */
export const MARKS = {
  corner: "M-.3 -.3L.3 .3M-.3 .3L.3 -.3",
  start: "M-.4 0a.4 .4 0 1 0 .8 0a.4 .4 0 1 0 -.8 0",
  decision: "M-.42 -.42h.84v.84h-.84z",
  cheese: "M-.36 .33H.36L0 -.33Z",
  mouse:
    "M-.24 .06a.24 .24 0 1 0 .48 0a.24 .24 0 1 0 -.48 0M-.3 -.17a.12 .12 0 1 0 .24 0a.12 .12 0 1 0 -.24 0M.06 -.17a.12 .12 0 1 0 .24 0a.12 .12 0 1 0 -.24 0",
  target: "M0 -.42L.42 0L0 .42L-.42 0Z",
  square: "M-.5 -.5h1v1h-1z",
};
