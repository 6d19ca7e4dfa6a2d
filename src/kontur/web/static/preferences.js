// What the page remembers between visits: language, theme, how results are drawn. Nothing of the images.

const PREFIX = "kontur.";

/** The remembered text, or null. A browser may forbid storage: then nothing is remembered, and nothing fails. */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Not remembered.
  }
}

/** Light, dark, or as the system has it ("auto"). */
export function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  remember("theme", theme);
}
