// Activations as pictures: numbers of the server decoded, thumbnails, and the chosen channel pixel by pixel.

import { dress, make, shape } from "./dom.js";
import { scaleOf } from "./colours.js";

/** The numbers of a `channels` answer, `[c·h·w]` in order, decoded once. */
export function decoded(data) {
  if (!data.numbers) {
    const bytes = Uint8Array.from(atob(data.values), (letter) => letter.charCodeAt(0));
    Object.defineProperty(data, "numbers", { value: new Float32Array(bytes.buffer) });
  }
  return data.numbers;
}

/** One channel of a `channels` answer as rows of numbers; a feature is a map of one pixel. */
export function mapOf(data, channel) {
  const [, height = 1, width = 1] = data.shape;
  const numbers = decoded(data);
  const row = (y) => [...numbers.subarray((channel * height + y) * width, (channel * height + y + 1) * width)];
  return Array.from({ length: height }, (_, y) => row(y));
}

/** Paint a map into a canvas, a pixel for a number. */
export function paintCanvas(canvas, map) {
  const scale = scaleOf(map.flat());
  Object.assign(canvas, { width: map[0].length, height: map.length });
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  map.flat().forEach((value, i) => image.data.set([...scale.rgb(value), 255], 4 * i));
  context.putImageData(image, 0, 0);
}

/**
 * A map that is large enough to point at: hover and arrow keys choose a pixel, click and Enter use it.
 *
 * @param point called with `[row, column]`
 * @param use called with `[row, column]`
 */
export function pixelMap(name, point, use) {
  const svg = shape("svg", { role: "application", tabindex: 0, class: "pixels" });
  const caption = make("figcaption", {}, name);
  let [height, width] = [1, 1];
  let cursor = [0, 0];
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    const within = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
    return [
      within((event.clientY - box.top) / box.height, height),
      within((event.clientX - box.left) / box.width, width),
    ];
  };
  const move = ([down, right]) => {
    cursor = [Math.min(height - 1, Math.max(0, cursor[0] + down)), Math.min(width - 1, Math.max(0, cursor[1] + right))];
    point(cursor);
  };
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  dress(svg, {
    onpointermove: (event) => point((cursor = under(event))),
    onclick: (event) => use(under(event)),
    onfocus: () => point(cursor),
    onkeydown: (event) => {
      if (steps[event.key]) move(steps[event.key]);
      else if (["Enter", " "].includes(event.key)) use(cursor);
      else return;
      event.preventDefault();
    },
  });
  const draw = (map, scale, marks) => {
    [height, width] = [map.length, map[0].length];
    dress(svg, {
      viewBox: `0 0 ${width} ${height}`,
      "aria-label": `${name}. Arrow keys choose a pixel, Enter uses it.`,
    });
    svg.replaceChildren();
    map.forEach((row, y) =>
      row.forEach((value, x) =>
        shape("rect", { x, y, width: 1.02, height: 1.02, fill: scale.css(value) ?? "none" }, svg),
      ),
    );
    for (const [mark, pixel] of Object.entries(marks)) {
      if (pixel)
        shape(
          "rect",
          { x: pixel[1] + 0.06, y: pixel[0] + 0.06, width: 0.88, height: 0.88, class: `mark ${mark}` },
          svg,
        );
    }
  };
  return { node: make("figure", { class: "pixelmap" }, caption, svg), draw };
}
