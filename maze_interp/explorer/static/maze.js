// The maze: a drawing as text, read and written, and what can be done to it. Nothing here touches the page.

import { same } from "./dom.js";

/** The drawing as `{size, open[y][x], start, cheese}`; the top row of the text is the highest y. */
export function readMaze(ascii) {
  const rows = ascii.trim().split(/\s+/).reverse();
  const find = (mark) => {
    const y = rows.findIndex((row) => row.includes(mark));
    return y < 0 ? null : [rows[y].indexOf(mark), y];
  };
  return {
    size: rows.length,
    open: rows.map((row) => [...row].map((cell) => cell !== "#")),
    start: find("M") ?? [0, 0],
    cheese: find("C"),
  };
}

export function writeMaze({ open, start, cheese }) {
  const cell = (x, y) => (same([x, y], start) ? "M" : same([x, y], cheese) ? "C" : open[y][x] ? "." : "#");
  return open
    .map((row, y) => row.map((_, x) => cell(x, y)).join(""))
    .reverse()
    .join("\n");
}

export const onGrid = ({ size }, [x, y]) => x >= 0 && y >= 0 && x < size && y < size;

export const isOpen = (grid, square) => onGrid(grid, square) && grid.open[square[1]][square[0]];

/** Every open square, row by row from the bottom left. */
export function openSquares(grid) {
  return grid.open.flatMap((row, y) => row.flatMap((open, x) => (open ? [[x, y]] : [])));
}

/** Open or close a square, or say why not. */
export function setOpen(grid, square, open) {
  if (!onGrid(grid, square)) return "off the maze";
  if (same(square, grid.start)) return "the start cannot be a wall";
  if (same(square, grid.cheese)) return "the cheese cannot lie in a wall";
  grid.open[square[1]][square[0]] = open;
  return null;
}

/** Put the cheese on a square (null: take it away), or say why not. */
export function putCheese(grid, square) {
  if (square && !isOpen(grid, square)) return "the cheese needs an open square";
  if (same(square, grid.start)) return "the cheese cannot lie on the start";
  grid.cheese = square;
  return null;
}

/** Put the start on a square, or say why not. */
export function putStart(grid, square) {
  if (!isOpen(grid, square)) return "the start needs an open square";
  if (same(square, grid.cheese)) return "the start cannot be the cheese's square";
  grid.start = square;
  return null;
}

/** A random open square of the top-right n×n where the cheese can lie, or null. */
export function randomSquare(grid, n) {
  const edge = grid.size - n;
  const squares = openSquares(grid).filter((square) => Math.min(...square) >= edge && !same(square, grid.start));
  return squares.length ? squares[Math.floor(Math.random() * squares.length)] : null;
}

const STEPS = [
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, 0],
]; // left, down, up, right

/** The most probable way from the start: from each square to the most probable next one, until the cheese or a square again. */
export function probableWay(grid, field) {
  const probs = new Map(field.squares.map((square, i) => [String(square), field.probs[i]]));
  const way = [grid.start];
  for (let here = grid.start; probs.has(String(here)); here = way.at(-1)) {
    const each = probs.get(String(here));
    const next = STEPS.map(([dx, dy], move) => [each[move], [here[0] + dx, here[1] + dy]]).filter(([, square]) =>
      isOpen(grid, square),
    );
    if (!next.length) break;
    const [, square] = next.reduce((a, b) => (b[0] > a[0] ? b : a));
    if (way.some((passed) => same(square, passed))) break;
    way.push(square);
  }
  return way;
}
