// A picture that is selected is shown at its own size; Escape or another click closes it.
function enlarge(event) {
  if (event.type === "keydown" && event.key !== "Enter") return;
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  const picture = event.currentTarget.cloneNode();
  picture.removeAttribute("style");
  dialog.append(picture);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (key) => key.key === "Escape" && dialog.close()); // the theme takes Escape for its search
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("DOMContentLoaded", () => {
  for (const picture of document.querySelectorAll(".bd-article img")) {
    if (picture.closest("a")) continue;
    picture.tabIndex = 0;
    picture.title = "Enlarge";
    const hint = document.createElement("span");
    hint.className = "enlarge-hint";
    hint.textContent = "Select the picture to enlarge it";
    picture.after(hint);
    picture.addEventListener("click", enlarge);
    picture.addEventListener("keydown", enlarge);
  }
});
