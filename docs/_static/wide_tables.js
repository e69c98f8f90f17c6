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

document.addEventListener("DOMContentLoaded", () => {
  const watched = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  for (const table of document.querySelectorAll(".bd-article table")) {
    table.addEventListener("scroll", () => mark(table));
    watched.observe(table);
  }
});
