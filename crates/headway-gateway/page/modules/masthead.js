// The top of the page: who is there, how the connection stands, and what went wrong.

import { byId, setAttribute, setText } from "./element.js";
import { dayFormat } from "./format.js";

const LINK = {
  connecting: "Connecting…",
  waiting: "Connection lost, trying again",
  "signed-out": "Signed out",
  unable: "Not watching",
};

/** Shows how the connection stands. */
export function showLink({ state, transport, code, reason }) {
  setAttribute(byId("link"), "data-state", state);
  setAttribute(document.body, "data-link", state);
  byId("link-now").hidden = state !== "waiting";
  if (state === "live") setText(byId("link-text"), `Live · ${transport}`);
  else if (state === "refused") setText(byId("link-text"), `The server refused this page (${code}${reason ? `, ${reason}` : ""})`);
  else setText(byId("link-text"), LINK[state]);
}

/** Shows who is signed in; nothing where nobody is asked to. */
export function showWho(session) {
  const known = session.identity !== null && session.asks;
  byId("who").hidden = !known;
  document.body.toggleAttribute("data-signed-out", session.identity === null);
  document.body.toggleAttribute("data-one", session.onlyJob !== null);
  if (!known) return;
  const { name, what } = session.words;
  setText(byId("who-name"), name);
  setText(byId("who-what"), what);
  const until = session.identity.expires_at;
  const end = until ? `, signed in until ${dayFormat.format(new Date(until))}` : "";
  setAttribute(byId("who-text"), "title", `${name} · ${what}${end}`);
}

/** Shows what went wrong with signing in or out; an empty text takes it away. */
export function showNotice(text) {
  byId("notice").hidden = !text;
  setText(byId("notice"), text);
}
