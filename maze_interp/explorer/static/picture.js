// The mazes on show as one PNG picture, with their captions, at twice the size of the screen.

const STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "stroke-linejoin",
  "stroke-linecap",
  "opacity",
];
const [SCALE, GAP, LINE] = [2, 16, 26]; // LINE: pixels of a caption

/** A promise of the picture as a blob. */
export async function picture(root, count) {
  const boxes = [...root.querySelectorAll(".mazes .box")].slice(0, count);
  const side = Math.max(...boxes.map((box) => box.querySelector("svg").getBoundingClientRect().width));
  const columns = Math.min(boxes.length, 3);
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * (columns * (side + GAP) + GAP);
  canvas.height = SCALE * (Math.ceil(boxes.length / columns) * (side + GAP + LINE) + GAP);
  const context = canvas.getContext("2d");
  context.scale(SCALE, SCALE);
  const style = getComputedStyle(root);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.color;
  context.font = `15px ${style.fontFamily}`;
  for (const [i, box] of boxes.entries()) {
    const [x, y] = [GAP + (i % columns) * (side + GAP), GAP + Math.floor(i / columns) * (side + GAP + LINE)];
    context.fillText(box.querySelector("figcaption").textContent, x, y + 15, side);
    context.drawImage(await imageOf(box.querySelector("svg"), SCALE * side), x, y + LINE, side, side);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** A copy that needs no style sheet, loaded as an image. */
function imageOf(svg, side) {
  const copy = svg.cloneNode(true);
  const [from, to] = [svg, copy].map((each) => [...each.querySelectorAll("*")]);
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const name of STYLES) to[i].style.setProperty(name, style.getPropertyValue(name));
  });
  for (const name of ["width", "height"]) copy.setAttribute(name, side);
  const image = new Image();
  const loaded = new Promise((resolve, reject) => {
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("the picture cannot be drawn"));
  });
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  return loaded;
}
