// Light, dark, or as the system is.

import { Segments } from "../design/segments.tsx";
import { useTheme, type Theme } from "./theme.ts";

const THEMES: readonly { readonly value: Theme; readonly label: string; readonly icon: "screen" | "sun" | "moon" }[] = [
  { value: "auto", label: "As the system", icon: "screen" },
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
];

export function ThemeSwitch() {
  const [theme, setTheme] = useTheme();
  return <Segments label="Theme" segments={THEMES} value={theme} onChange={setTheme} />;
}
