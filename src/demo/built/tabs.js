function tabs(list) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of all) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !is;
    }
  };
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (key) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key.key];
      const end = { Home: 0, End: all.length - 1 }[key.key];
      const to = end ?? (step === void 0 ? void 0 : (index + step + all.length) % all.length);
      const next = to === void 0 ? void 0 : all[to];
      if (!next) return;
      key.preventDefault();
      choose(next);
      next.focus();
    });
  });
}
export {
  tabs
};
