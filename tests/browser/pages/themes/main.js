// A product's page as the guide has it begin: it says nothing of colours.
// Components and the element stand in it, in places with a theme of their own, one inside the other, and in a shadow root.

import { createElement, Fragment } from "react";
import { createRoot } from "react-dom/client";
import { ProgressBar, StatusBadge } from "@headway/react";
import "@headway/react/element";
import "@headway/react/styles.css";
import styles from "@headway/react/styles.css?inline";

const bar = () => createElement(Fragment, null, createElement(ProgressBar, { value: 30, max: 40, text: true }), createElement(StatusBadge, { status: "failed" }));
const place = (name, theme, ...inside) => createElement("section", { id: name, "data-theme": theme }, bar(), createElement("headway-progress"), ...inside);

createRoot(document.querySelector("main")).render([
  place("outside", undefined),
  place("light", "light", place("dark-in-light", "dark")),
  place("dark", "dark", place("light-in-dark", "light")),
  place("other", "sepia"),
].map((each, key) => createElement(Fragment, { key }, each)));

for (const theme of [undefined, "light", "dark"]) {
  const host = document.createElement("article");
  host.id = `shadow-${theme ?? "plain"}`;
  if (theme !== undefined) host.dataset.theme = theme;
  const root = host.attachShadow({ mode: "open" });
  const sheet = document.createElement("style");
  sheet.textContent = styles;
  const inside = document.createElement("div");
  root.append(sheet, inside);
  document.body.append(host);
  createRoot(inside).render(bar());
}
