// Making elements and changing them only where they differ, so that nothing is drawn for nothing.

import { STATUS } from "./status.js";

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "dataset") Object.assign(made.dataset, value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function setStyle(node, name, value) {
  if (node.style[name] !== value) node.style[name] = value;
}

/** Draws a span of a bar, from and over so many percent of it. Moved by the compositor alone. */
export function setSpan(node, from, percent) {
  setStyle(node, "transform", `translateX(${from.toFixed(2)}%) scaleX(${(percent / 100).toFixed(4)})`);
}

export function badge(status) {
  const made = byId("job-template").content.querySelector(".badge").cloneNode(true);
  showBadge(made, status);
  return made;
}

export function showBadge(node, status) {
  const { tone, word, icon } = STATUS[status] ?? { tone: "idle", word: status, icon: STATUS.pending.icon };
  setAttribute(node, "data-tone", tone);
  setAttribute(node.querySelector("path"), "d", icon);
  setText(node.querySelector(".word"), word);
}
