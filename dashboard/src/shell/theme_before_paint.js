// Runs before the first paint, so that nobody sees the other theme first; see theme.ts.

try {
  const theme = localStorage.getItem("headway-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing has the system's theme.
}
