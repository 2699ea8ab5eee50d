// A page for tests that run in Node. Imported before anything that looks for one.

import "./console.ts";

import { JSDOM, VirtualConsole } from "jsdom";

const { window } = new JSDOM("<!doctype html><html lang='en'><title>Tests</title><body></body></html>", {
  url: "http://127.0.0.1/",
  pretendToBeVisual: true,
  // What it does not implement, such as canvases, is nothing that is looked at here.
  virtualConsole: new VirtualConsole(),
});

/** What React, its testing library, axe and the element look for. */
const NAMES = [
  "window",
  "document",
  "navigator",
  "location",
  "Node",
  "Element",
  "HTMLElement",
  "HTMLIFrameElement",
  "SVGElement",
  "DocumentFragment",
  "ShadowRoot",
  "NodeList",
  "MutationObserver",
  "CustomEvent",
  "Event",
  "customElements",
  "getComputedStyle",
] as const;

for (const name of NAMES) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name as "document"], configurable: true, writable: true });
}

// jsdom has no sheets that a script makes; what they look like is seen in a browser.
class Sheet {
  replaceSync(): void {
    // Nothing is laid out here.
  }
}
Object.defineProperty(globalThis, "CSSStyleSheet", { value: Sheet, configurable: true });

Object.defineProperty(globalThis, "IS_REACT_ACT_ENVIRONMENT", { value: true, configurable: true, writable: true });
