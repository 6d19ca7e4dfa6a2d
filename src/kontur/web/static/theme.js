// Before the page is drawn, so that it does not flash: the remembered theme.
try {
  const theme = localStorage.getItem("kontur.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden: then the system's theme holds.
}
