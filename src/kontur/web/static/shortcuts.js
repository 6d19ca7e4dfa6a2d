// Keys that work everywhere on the page, except while text is being typed.

/** What the list of shortcuts shows: keys, and the key of the words. */
export const SHORTCUTS = [
  [["O"], "keys.open"],
  [["R"], "keys.run"],
  [["Ctrl", "Z"], "keys.undo"],
  [["Ctrl", "Shift", "Z"], "keys.redo"],
  [["V"], "keys.move"],
  [["B"], "keys.box"],
  [["P"], "keys.brush"],
  [["1", "2", "3"], "keys.labels"],
  [["[", "]"], "keys.size"],
  [["+", "−", "0"], "keys.zoom"],
  [["H"], "keys.hide"],
  [["F"], "keys.style"],
  [["↑", "↓", "←", "→"], "keys.arrows"],
  [["Enter"], "keys.enter"],
  [["←", "→"], "keys.divider"],
  [["Esc"], "keys.escape"],
  [["?"], "keys.help"],
];

const TYPING = 'input[type="number"], input[type="text"], select, textarea, dialog';

/** actions: by name: open run undo redo tool(name) label(n) size(step) zoom(factor) fit hide style escape help. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (!event.target.closest("dialog")) actions.escape(); // a dialog closes itself
      return;
    }
    if (event.target.closest(TYPING)) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && !event.altKey && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) actions.redo();
      else actions.undo();
      return;
    }
    if (command || event.altKey) return;
    const plain = {
      o: actions.open,
      r: actions.run,
      v: () => actions.tool("move"),
      b: () => actions.tool("box"),
      p: () => actions.tool("brush"),
      "[": () => actions.size(-1),
      "]": () => actions.size(1),
      "+": () => actions.zoom(1.25),
      "=": () => actions.zoom(1.25),
      "-": () => actions.zoom(0.8),
      0: actions.fit,
      h: actions.hide,
      f: actions.style,
      "?": actions.help,
    }[key];
    if (plain) plain();
    else if (/^[1-9]$/.test(key)) actions.label(Number(key));
    else return;
    event.preventDefault();
  });
}
