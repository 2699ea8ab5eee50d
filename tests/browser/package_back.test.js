// Pages that a browser keeps to go back to (the back/forward cache), with the built package and the real program.
//
// Playwright does not follow a page into that cache and out of it, so what goes there and back is asked
// over the browser's own protocol.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { ARGS, connections, eventually, Lab, leaders, note, shows, watch } from "./support/package_page.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const progress = (server, percent) => server.report("j", [{ type: "progress", percent }]);

/** A tab that goes away and back: what a page of Playwright is asked in these tests, without what it remembers of the page. */
class KeptTab {
  #session;

  constructor(session) {
    this.#session = session;
  }

  static async of(page) {
    return new KeptTab(await page.context().newCDPSession(page));
  }

  async evaluate(ask, argument = null) {
    const expression = `(${ask})(${JSON.stringify(argument)})`;
    const { result, exceptionDetails } = await this.#session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Between two pages there is nobody to ask: what is said then is no answer. */
  waitForFunction(ask, argument) {
    const answer = () => this.evaluate(ask, argument).catch(({ message }) => message);
    return eventually(String(ask), answer, (said) => said === true);
  }

  async goTo(url) {
    await this.#session.send("Page.navigate", { url });
    await this.waitForFunction((wanted) => location.href === wanted && document.readyState === "complete", url);
  }

  async goBack() {
    const { currentIndex, entries } = await this.#session.send("Page.getNavigationHistory");
    await this.#session.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id });
  }
}

for (const others of [0, 1]) {
  test(`a page that is gone back to goes on${others > 0 ? ", and the tab that took its place keeps the connection" : ""}`, async (t) => {
    const server = await Server.start(t);
    await server.job("j");
    await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
    const page = await openBrowser(t, { args: ARGS, kept: true });
    const lab = await Lab.open(page.context(), server.url);
    const kept = await KeptTab.of(await lab.tab("", page));
    await kept.evaluate(() => {
      addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
    });
    await watch(kept, "j", { events: ["log"] });
    await shows(kept, "j", 1);
    const tabs = [kept];
    while (tabs.length <= others) {
      const tab = await lab.tab();
      await watch(tab, "j");
      await shows(tab, "j", 1);
      tabs.push(tab);
    }
    await eventually("connections", () => connections(server), (count) => count === 1);
    assert.deepEqual(await leaders(tabs), [kept]);

    await kept.goTo(`${server.url}/healthz`);
    // What is kept holds no connection, and no lock that others wait for.
    await eventually("connections", () => connections(server), (count) => count === others);
    await server.report("j", [{ type: "log", message: "away" }, { type: "progress", percent: 20 }]);
    const [, other] = tabs;
    if (other !== undefined) await shows(other, "j", 20);

    await kept.goBack();
    await kept.waitForFunction(() => window.persisted === true);
    await shows(kept, "j", 20);
    await eventually("connections", () => connections(server), (count) => count === 1);
    assert.deepEqual(await leaders(tabs), [other ?? kept]);
    await progress(server, 30);
    await Promise.all(tabs.map((tab) => shows(tab, "j", 30)));
    const { percents, events, gaps } = await note(kept, "j");
    assert.deepEqual([percents, events, gaps], [[1, 20, 30], ["away"], 0]);
  });
}
