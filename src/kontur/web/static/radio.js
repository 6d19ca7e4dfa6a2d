// A row of buttons of which one is chosen: arrow keys move the choice, Tab enters and leaves the row at the chosen one.

/** container: its [role=radio] buttons carry the choice in data-NAME. Returns { choose(value) }; onChoose(value) on a change. */
export function radioRow(container, name, onChoose) {
  const buttons = () => [...container.querySelectorAll("[role=radio]")];
  const choose = (value) => {
    for (const button of buttons()) {
      const chosen = button.dataset[name] === String(value);
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  };
  container.addEventListener("click", (event) => {
    const button = event.target.closest("[role=radio]");
    if (!button) return;
    choose(button.dataset[name]);
    onChoose(button.dataset[name]);
  });
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.closest("[role=radio]")) return;
    event.preventDefault();
    event.stopPropagation();
    const all = buttons();
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.focus();
    next.click();
  });
  const chosen = buttons().find((button) => button.getAttribute("aria-checked") === "true");
  if (chosen) choose(chosen.dataset[name]);
  return { choose };
}
