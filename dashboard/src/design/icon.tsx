// Pictures of 16 by 16, drawn with one line.

/** The lines of each picture. */
const LINES = {
  jobs: "M2.5 4h11M2.5 8h7.5M2.5 12h9.5",
  plus: "M8 3v10M3 8h10",
  node: "M2.5 3.5h11v3.6h-11zM2.5 8.9h11v3.6h-11zM5 5.3h.01M5 10.7h.01",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.3 10.3 13.5 13.5",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.6 6.4 12 13 4.6",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  share: "M6.6 9.4a2.6 2.6 0 0 0 3.7 0l2.4-2.4A2.6 2.6 0 0 0 9 3.3l-.9.9M9.4 6.6a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9",
  download: "M8 2.5v7.6M4.8 7.2 8 10.4l3.2-3.2M2.8 13.3h10.4",
  upload: "M8 10.4V2.8M4.8 5.8 8 2.6l3.2 3.2M2.8 13.3h10.4",
  play: "M5 3.2v9.6L12.6 8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  stop: "M4 4h8v8H4z",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.4v2.9h-2.9",
  right: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  left: "M10 3.5 5.5 8l4.5 4.5",
  up: "M3.5 10 8 5.5l4.5 4.5",
  first: "M12 3.5 7.5 8l4.5 4.5M4.5 3.5v9",
  last: "M4 3.5 8.5 8 4 12.5M11.5 3.5v9",
  warning: "M8 2.4 14.2 13.2H1.8zM8 6.4v3M8 11.3v.1",
  error: "M8 1.9a6.1 6.1 0 1 1 0 12.2A6.1 6.1 0 0 1 8 1.9M8 5v3.6M8 10.9v.1",
  info: "M8 1.9a6.1 6.1 0 1 1 0 12.2A6.1 6.1 0 0 1 8 1.9M8 7.4V11M8 5.1V5",
  clock: "M8 1.9a6.1 6.1 0 1 1 0 12.2A6.1 6.1 0 0 1 8 1.9M8 4.6V8l2.3 1.5",
  offline: "M2 2l12 12M4.6 9.4a4.8 4.8 0 0 1 2.1-1.2M2.5 7.2a7.8 7.8 0 0 1 2.4-1.6M8 5c2.1 0 4 .8 5.5 2.2M8 12.4v.1",
  leave: "M6.5 2.8H3v10.4h3.5M9.6 5l3 3-3 3M12.2 8H6.2",
  person: "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8M2.9 13.4a5.2 5.2 0 0 1 10.2 0",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2M3.5 3.5l.8.8M11.7 11.7l.8.8M12.5 3.5l-.8.8M4.3 11.7l-.8.8",
  moon: "M13.2 9.6A5.6 5.6 0 1 1 6.4 2.8a4.5 4.5 0 0 0 6.8 6.8",
  screen: "M2 3h12v8H2zM5.5 13.5h5",
  filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
  key: "M8.2 10.6a2.7 2.7 0 1 1-5.4 0 2.7 2.7 0 0 1 5.4 0zM7.5 8.7 13.2 3M10.4 5.8l2 2",
  external: "M9.5 2.8h3.7v3.7M13 3 7.6 8.4M11.8 9.5v3.7H2.8v-9h3.7",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  more: "M3.4 8h.01M8 8h.01M12.6 8h.01",
  trash: "M3 4.4h10M6.2 4.2V2.6h3.6v1.6M4.4 4.6l.6 8.8h6l.6-8.8",
  log: "M3 3.5h10M3 6.5h6M3 9.5h8M3 12.5h5",
  layers: "M8 2.2 14 5.4 8 8.6 2 5.4zM2.6 8.4 8 11.2l5.4-2.8M2.6 11.2 8 14l5.4-2.8",
} as const;

export type IconName = keyof typeof LINES;

/** A picture beside a word; whoever listens hears the word alone. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  const filled = name === "play" || name === "stop";
  return (
    <svg
      className="icon" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true"
      fill={filled ? "currentColor" : "none"} stroke="currentColor"
      strokeWidth={name === "more" ? 2.4 : 1.4} strokeLinecap="round" strokeLinejoin="round"
    >
      <path d={LINES[name]} />
    </svg>
  );
}
