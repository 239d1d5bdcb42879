// Tabs as the ARIA practices describe them: arrows move, the chosen one is in the tab order.

/** Makes the tabs of this list work. */
export function tabs(list: HTMLElement): void {
  const all = [...list.querySelectorAll<HTMLButtonElement>("[role=tab]")];
  const choose = (chosen: HTMLButtonElement): void => {
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
      const to = end ?? (step === undefined ? undefined : (index + step + all.length) % all.length);
      const next = to === undefined ? undefined : all[to];
      if (!next) return;
      key.preventDefault();
      choose(next);
      next.focus();
    });
  });
}
