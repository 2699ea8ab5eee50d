// Light, dark, or as the system is. It is the only thing that the dashboard keeps in a browser.

import { useSyncExternalStore } from "react";

import { Listeners } from "./listeners.ts";

export type Theme = "auto" | "light" | "dark";

/** Also read by the script that runs before the first paint. */
const PLACE = "headway-theme";
const listeners = new Listeners();

function kept(): Theme {
  try {
    const text = localStorage.getItem(PLACE);
    return text === "light" || text === "dark" ? text : "auto";
  } catch {
    // A browser that keeps nothing has the system's theme.
    return "auto";
  }
}

let theme = kept();

function wear(): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** Wears the kept theme, and follows when another tab changes it. */
export function beginTheme(): void {
  wear();
  window.addEventListener("storage", (event) => {
    if (event.key !== PLACE) return;
    theme = kept();
    wear();
    listeners.tell();
  });
}

function setTheme(next: Theme): void {
  theme = next;
  try {
    if (next === "auto") localStorage.removeItem(PLACE);
    else localStorage.setItem(PLACE, next);
  } catch {
    // It holds as long as the page is open.
  }
  wear();
  listeners.tell();
}

export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const now = useSyncExternalStore((listener) => listeners.add(listener), () => theme);
  return [now, setTheme];
}
