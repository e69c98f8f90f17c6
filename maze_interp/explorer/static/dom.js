// Making nodes, and writing numbers: the few helpers that every other module uses.

const SVG = "http://www.w3.org/2000/svg";
let labels = 0;

/** An id that no other explorer on the same page uses. */
export function freshId(word) {
  labels += 1;
  return `maze-explorer-${word}-${labels}`;
}

/** Attributes by name; `onclick` and the like are listeners; null and false leave an attribute out. */
export function dress(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === null || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

/** An HTML element with attributes and children (nodes or text). */
export function make(name, attributes = {}, ...children) {
  const node = dress(document.createElement(name), attributes);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** An SVG element, appended to `into`. */
export function shape(name, attributes, into) {
  const node = dress(document.createElementNS(SVG, name), attributes);
  if (into) into.append(node);
  return node;
}

export function button(text, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

/** A control with its words in front of it. */
export function labelled(text, control, attributes = {}) {
  control.id ||= freshId("control");
  return make("span", { class: "field", ...attributes }, make("label", { for: control.id }, text), control);
}

/** A drop-down list; `choices` maps each value to its words. */
export function select(choices, onchange, attributes = {}) {
  const list = make("select", { onchange: () => onchange(list.value), ...attributes });
  offer(list, choices);
  return list;
}

/** Give a drop-down list its choices, unless it has them already. */
export function offer(list, choices) {
  const wanted = JSON.stringify(choices);
  if (list.dataset.choices === wanted) return;
  list.dataset.choices = wanted;
  list.replaceChildren(...Object.entries(choices).map(([value, text]) => make("option", { value }, text)));
}

/** Show a value in a control, unless someone is typing in it. */
export function sync(control, value) {
  const typing =
    control.getRootNode().activeElement === control && control.matches("textarea, [type=text], [type=number]");
  const text = value === null || value === undefined ? "" : String(value);
  if (!typing && control.value !== text) control.value = text;
}

/** Radio buttons in a group with a name. */
export function radios(legend, choices, onchange) {
  const name = freshId("choice");
  const inputs = Object.entries(choices).map(([value, text]) => {
    const input = make("input", { type: "radio", name, value, onchange: () => onchange(value) });
    return [value, input, make("label", {}, input, ` ${text}`)];
  });
  const node = make("fieldset", { class: "choice" }, make("legend", {}, legend), ...inputs.map((each) => each[2]));
  const choose = (chosen, disabled = () => false) => {
    for (const [value, input] of inputs) Object.assign(input, { checked: value === chosen, disabled: disabled(value) });
  };
  return { node, choose };
}

export function checkbox(text, onchange, attributes = {}) {
  const input = make("input", { type: "checkbox", onchange: () => onchange(input.checked), ...attributes });
  return { input, node: make("label", { class: "check" }, input, ` ${text}`) };
}

/** A number with so many decimals; an en dash where there is none. */
export function digits(value, places = 3) {
  if (value === null || value === undefined) return "–";
  const text = value.toFixed(places);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** A difference, with its sign. */
export function signed(value, places = 3) {
  const text = digits(value, places);
  return value === null || value === undefined || Number(text) === 0 || text.startsWith("−") ? text : `+${text}`;
}

/** The difference of two numbers, null where one is missing. */
export function minus(after, before) {
  return [after, before].some((value) => value === null || value === undefined) ? null : after - before;
}

/** `(3, 4)` */
export const pair = (square) => `(${square[0]}, ${square[1]})`;

/** Whether two squares are one. */
export const same = (a, b) => Boolean(a && b) && a[0] === b[0] && a[1] === b[1];
