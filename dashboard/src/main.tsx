// The dashboard's entry: makes what it consists of, finds out who is here, and shows it.

import "./design/fonts.css";
import "./design/tokens.css";
import "@headway/react/styles.css";
import "./design/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import type { ConnectOptions, TransportName } from "@headway/client";

import { App } from "./shell/app.tsx";
import { buildOfTab, NEWER_TEXT, servedBuild } from "./shell/build.ts";
import { takeLink } from "./shell/link.ts";
import { Notices } from "./shell/notices.ts";
import { Questions } from "./shell/questions.ts";
import { LOOKING_EVERY_MS, Session } from "./shell/session.ts";
import { beginTheme } from "./shell/theme.ts";

/** `?transport=events` makes the page use that transport alone, to find out what a proxy lets through. */
function transports(): readonly TransportName[] | undefined {
  const asked = new URLSearchParams(location.search).get("transport");
  return asked === "websocket" || asked === "events" || asked === "poll" ? [asked] : undefined;
}

const link = takeLink();
beginTheme();
const asked = transports();
// The tabs of a browser watch over one connection. Requests are looked at on their way, but are the platform's own.
const connect: ConnectOptions = { url: new URL(".", document.baseURI), transports: asked, shared: asked === undefined };
const questions = new Questions();
const notices = new Notices();
/** A tab that stays open over an upgrade of the server says so, and goes on as it is. */
async function tellWhenNewer(): Promise<void> {
  if (await servedBuild(buildOfTab()) !== "newer") return;
  notices.tell({ tone: "idle", text: NEWER_TEXT, stays: true, action: { label: "Reload", does: () => { location.reload(); } } });
}
const session = new Session({
  connect, questions,
  notice: (text) => { notices.tell({ tone: "warn", text, stays: true }); },
  // Whoever was away may have come back as another version.
  cameBack: () => void tellWhenNewer(),
});

window.addEventListener("hashchange", () => {
  const next = takeLink();
  if (next === undefined) return;
  window.dispatchEvent(new Event("headway:place"));
  void session.enter(next);
});
window.addEventListener("vite:preloadError", () => void tellWhenNewer());
window.addEventListener("online", () => { session.retryNow(); });
document.addEventListener("visibilitychange", () => {
  // Somebody else may be signed in by now, or somebody again.
  if (document.visibilityState === "visible" && session.asks && !session.waits) void session.lookAgain();
});
setInterval(() => {
  // Watching is no request, but it is no absence either.
  if (document.visibilityState === "visible" && session.asks && session.isOpen) void session.lookAgain();
}, LOOKING_EVERY_MS);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id `root`");
createRoot(root).render(<StrictMode><App surroundings={{ session, questions, notices }} /></StrictMode>);
void session.enter(link);
