// Tabs: one panel on show, the arrow keys go from tab to tab.

import { freshId, make } from "./dom.js";

/**
 * @param panels `{name: {title, node, render}}`; only the panel on show is rendered, so only it asks the server
 */
export function makeTabs(app, panels) {
  const names = Object.keys(panels);
  const tabs = names.map((name, i) => {
    const [tab, panel] = [freshId("tab"), freshId("panel")];
    panels[name].node.classList.add("panel");
    Object.assign(panels[name].node, { id: panel, hidden: true });
    panels[name].node.setAttribute("role", "tabpanel");
    panels[name].node.setAttribute("aria-labelledby", tab);
    const onkeydown = (event) => {
      const next = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: names.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      open(names.at(next % names.length));
      tabs[names.indexOf(app.look.tab)].focus();
    };
    return make(
      "button",
      {
        type: "button",
        role: "tab",
        id: tab,
        "aria-controls": panel,
        "data-tab": name,
        onclick: () => open(name),
        onkeydown,
      },
      panels[name].title,
    );
  });
  const open = (name) => {
    app.look.tab = name;
    app.refresh();
  };
  const list = make("div", { role: "tablist", "aria-label": "Controls" }, ...tabs);
  const node = make(
    "section",
    { class: "tabs", "aria-label": "Controls" },
    list,
    ...names.map((name) => panels[name].node),
  );
  const render = () => {
    names.forEach((name, i) => {
      const chosen = name === app.look.tab;
      tabs[i].setAttribute("aria-selected", chosen);
      tabs[i].tabIndex = chosen ? 0 : -1;
      panels[name].node.hidden = !chosen;
    });
    panels[app.look.tab].render();
  };
  return { node, render };
}
