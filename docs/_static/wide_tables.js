// A table wider than the page scrolls in its own box. A line above it says so, and it fades where columns are hidden.
function mark(table) {
  const hidden = table.scrollWidth - table.clientWidth;
  table.classList.toggle("scrolls", hidden > 1);
  table.classList.toggle("narrow-first", table.querySelector("td, th")?.offsetWidth < 0.4 * table.clientWidth);
  table.classList.toggle("more", table.scrollLeft < hidden - 1);
  const hint = table.previousElementSibling;
  if (hint?.className === "scrolls-hint") hint.hidden = hidden <= 1;
  if (hidden <= 1) return table.removeAttribute("tabindex");
  table.tabIndex = 0; // so that the arrow keys scroll it
  if (hint?.className !== "scrolls-hint") {
    const made = document.createElement("p");
    made.className = "scrolls-hint";
    made.textContent = "The table scrolls sideways →";
    table.before(made);
  }
}

// A name may be broken after an underscore, and is copied whole.
function breakable(table) {
  const walker = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
  const names = [];
  while (walker.nextNode()) if (walker.currentNode.data.includes("_")) names.push(walker.currentNode);
  for (const name of names) {
    const parts = name.data.split(/(?<=_)/);
    name.replaceWith(...parts.flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part])));
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const watched = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  for (const table of document.querySelectorAll(".bd-article table")) {
    breakable(table);
    table.addEventListener("scroll", () => mark(table));
    watched.observe(table);
  }
});
