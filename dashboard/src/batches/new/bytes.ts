// Sizes of files for people.

const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** `812 B`, `3.4 MiB`. */
export function formatBytes(bytes: number): string {
  let size = bytes;
  let unit: (typeof UNITS)[number] = "B";
  for (const next of UNITS.slice(1)) {
    if (size < 1_024) break;
    size /= 1_024;
    unit = next;
  }
  return `${unit === "B" || size >= 100 ? Math.round(size) : Math.round(size * 10) / 10} ${unit}`;
}
