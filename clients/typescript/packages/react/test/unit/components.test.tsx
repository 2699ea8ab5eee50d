// Components in every state: what they say, and to whom.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach, describe, mock } from "node:test";
import type { ReactNode } from "react";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";

import {
  AgentTimeline,
  BatchProgress,
  ConnectionStatus,
  CostMeter,
  HeadwayErrorBoundary,
  JobCard,
  JobLog,
  ProgressBar,
  StatusBadge,
  type Steps,
} from "../../src/index.ts";
import { WordsProvider } from "../../src/words/context.tsx";
import { BATCHES, CONNECTIONS, COSTS, EVENTS, JOBS, NOW, STEPS, ago, job } from "../../gallery/documents.ts";
import { faults } from "../support/accessibility.ts";
import { complaints } from "../support/console.ts";
import { test } from "../../../../testing/test.ts";

afterEach(() => {
  cleanup();
});

describe("nothing that axe finds", () => {
  const shown: Record<string, ReactNode> = {};
  for (const [name, document] of Object.entries(JOBS)) {
    shown[`ProgressBar ${name}`] = <ProgressBar job={document} label={name} text />;
    shown[`JobCard ${name}`] = <JobCard job={document} now={NOW} actions={["pause", "resume", "cancel", "retry"]} onCommand={() => undefined} />;
  }
  for (const [name, document] of Object.entries(BATCHES)) shown[`BatchProgress ${name}`] = <BatchProgress job={document} />;
  for (const [name, cost] of Object.entries(COSTS)) shown[`CostMeter ${name}`] = <CostMeter cost={cost} />;
  for (const [name, connection] of Object.entries(CONNECTIONS)) {
    shown[`ConnectionStatus ${name}`] = <ConnectionStatus connection={connection} onRetry={() => undefined} onSignIn={() => undefined} />;
  }
  shown["AgentTimeline"] = <AgentTimeline steps={STEPS} now={NOW} />;
  shown["AgentTimeline without steps"] = <AgentTimeline steps={{}} />;
  shown["JobLog"] = <JobLog events={EVENTS} />;
  shown["JobLog without lines"] = <JobLog events={[]} />;
  shown["StatusBadge"] = <StatusBadge status="running" stalled />;
  for (const [name, element] of Object.entries(shown)) {
    test(name, async () => {
      const { container } = render(<main>{element}</main>);
      for (const row of container.querySelectorAll("[data-step]")) fireEvent.click(row);
      assert.deepEqual(await faults(container), []);
    });
  }
});

describe("ProgressBar", () => {
  test("says how far it is, in numbers and in words", () => {
    render(<ProgressBar job={JOBS.running} label="Import" />);
    const bar = screen.getByRole("progressbar", { name: "Import" });
    assert.equal(bar.getAttribute("aria-valuenow"), "42");
    assert.equal(bar.getAttribute("aria-valuetext"), "Running, 42%, 425 of 1,000 leads, about 45 sec left, 40 sec to 2 min");
    assert.equal(bar.querySelector("rect")?.getAttribute("width"), "42.5%");
  });

  test("claims no number that it does not have", () => {
    render(<ProgressBar job={JOBS.unknown} />);
    const bar = screen.getByRole("progressbar", { name: "Progress" });
    assert.equal(bar.getAttribute("aria-valuenow"), null);
    assert.equal(bar.getAttribute("aria-valuetext"), "Running, Progress is not known yet");
  });

  test("says that a job is stalled, and how long no more", () => {
    render(<ProgressBar job={JOBS.stalled} />);
    assert.equal(screen.getByRole("progressbar").getAttribute("aria-valuetext"), "Running, Stalled, 42%, 425 of 1,000 leads");
  });

  test("takes a value of another most", () => {
    render(<ProgressBar value={3} max={4} />);
    assert.equal(screen.getByRole("progressbar").getAttribute("aria-valuenow"), "75");
  });

  test("is never full before it is done", () => {
    render(<ProgressBar value={99.99} text />);
    assert.ok(screen.getByText("99%"));
  });
});

describe("JobCard", () => {
  test("offers what the status allows, and asks for it", () => {
    const asked: string[] = [];
    render(<JobCard job={JOBS.paused} actions={["pause", "resume", "cancel", "retry"]} onCommand={(action) => asked.push(action)} />);
    assert.deepEqual(screen.getAllByRole("button").map(({ textContent }) => textContent), ["Resume", "Cancel"]);
    fireEvent.click(screen.getByRole("button", { name: /^Resume/ }));
    assert.deepEqual(asked, ["resume"]);
  });

  test("asks for nothing while something is on its way", () => {
    const asked: string[] = [];
    render(<JobCard job={JOBS.running} actions={["pause", "cancel"]} pending="pause" onCommand={(action) => asked.push(action)} />);
    for (const button of screen.getAllByRole("button")) fireEvent.click(button);
    assert.deepEqual(asked, []);
  });

  test("whoever pressed a button that goes stays at the job", () => {
    const { rerender } = render(<JobCard job={JOBS.running} actions={["cancel"]} onCommand={() => undefined} />);
    const button = screen.getByRole("button");
    act(() => {
      button.focus();
    });
    fireEvent.click(button);
    rerender(<JobCard job={JOBS.running} actions={["cancel"]} pending="cancel" onCommand={() => undefined} />);
    assert.equal(document.activeElement, button);
    rerender(<JobCard job={JOBS.cancelling} actions={["cancel"]} onCommand={() => undefined} />);
    assert.equal(document.activeElement, screen.getByRole("article"));
  });

  test("reads aloud a change of status and each tenth, not each update", () => {
    const { rerender } = render(<JobCard job={job({ progress: { percent: 41 } })} />);
    const said = new Set<string | null>();
    const look = (): void => {
      said.add(screen.getByRole("status").textContent);
    };
    look();
    for (let percent = 41; percent <= 60; percent += 0.25) {
      rerender(<JobCard job={job({ progress: { percent } })} />);
      look();
    }
    rerender(<JobCard job={JOBS.completed} />);
    look();
    const name = JOBS.running.name ?? "";
    assert.deepEqual([...said], [`${name}: Running, 40%`, `${name}: Running, 50%`, `${name}: Running, 60%`, `${name}: Completed`]);
  });

  test("shows why a job failed, and how long it ran", () => {
    render(<JobCard job={JOBS.failed} />);
    assert.ok(screen.getByText(/The CRM answered 503/));
    assert.ok(screen.getByText("1m 30s"));
    assert.ok(screen.getByText("Attempt 3"));
  });
});

describe("BatchProgress", () => {
  test("has a part for each status, which are as long as the items are many", () => {
    const { container } = render(<BatchProgress job={BATCHES.running} />);
    const parts = [...container.querySelectorAll("rect")].map((part) => [part.getAttribute("data-part"), part.getAttribute("x"), part.getAttribute("width")]);
    assert.deepEqual(parts, [
      ["succeeded", "0%", "42.5%"],
      ["failed", "42.5%", "0.5%"],
      ["running", "43%", "0.8%"],
      ["retrying", "43.8%", "0.2%"],
    ]);
    assert.ok(screen.getByText("5 failed, 1.1%"));
    assert.ok(screen.getByText("$6.21 of $15.00"));
  });

  test("does not count items as done that were cancelled before they ran", () => {
    const items = { total: 2_000, queued: 0, running: 0, retrying: 0, succeeded: 1_398, failed: 100, skipped: 0, cancelled: 502, expired: 0 };
    render(<BatchProgress job={{ ...BATCHES.running, status: "cancelled", progress: { percent: 74.9, unit: "items" }, items }} />);
    assert.ok(screen.getByText("1,498 of 2,000 items"));
    assert.ok(screen.getByText("100 failed, 6.6%"));
  });
});

describe("AgentTimeline", () => {
  const rows = (): HTMLElement[] => screen.getAllByRole("button");
  const names = (): (string | undefined)[] => rows().map((row) => row.dataset["step"]);

  test("has each step after the one that it belongs to, in the order in which they began", () => {
    render(<AgentTimeline steps={STEPS} now={NOW} />);
    assert.deepEqual(names(), ["plan", "research", "search", "fetch", "again", "check", "write", "images"]);
  });

  test("steps that are inside of each other are shown all the same", () => {
    const circle: Steps = {
      a: { index: 0, name: "A", status: "running", parent: "b", weight: 1 },
      b: { index: 1, name: "B", status: "running", parent: "a", weight: 1 },
    };
    render(<AgentTimeline steps={circle} now={NOW} />);
    assert.deepEqual(names().sort(), ["a", "b"]);
  });

  test("one row can be reached by Tab; arrows move, open and close", () => {
    render(<AgentTimeline steps={STEPS} now={NOW} />);
    assert.deepEqual(rows().filter((row) => row.tabIndex === 0).map((row) => row.dataset["step"]), ["plan"]);
    const press = (key: string): void => {
      assert.ok(document.activeElement);
      fireEvent.keyDown(document.activeElement, { key });
    };
    const here = (): string | undefined => (document.activeElement as HTMLElement).dataset["step"];
    act(() => {
      rows()[0]?.focus();
    });
    press("ArrowDown");
    press("ArrowDown");
    assert.equal(here(), "search");
    press("ArrowRight");
    assert.equal(document.activeElement?.getAttribute("aria-expanded"), "true");
    press("ArrowLeft");
    assert.equal(document.activeElement.getAttribute("aria-expanded"), "false");
    press("ArrowLeft");
    assert.equal(here(), "research", "the step that it is inside of");
    press("End");
    assert.equal(here(), "images");
    press("Home");
    assert.equal(here(), "plan");
  });

  test("what runs grows with the time that it is given", () => {
    const long = (now: number): string | null | undefined => {
      cleanup();
      const { container } = render(<AgentTimeline steps={{ ...STEPS }} now={now} />);
      return container.querySelector('[data-status="running"] .headway-step-took')?.textContent;
    };
    assert.equal(long(NOW), "1m 22s, 50%");
    assert.equal(long(NOW + 60_000), "2m 22s, 50%");
  });

  test("without a time, it is the present, each second", () => {
    mock.timers.enable({ apis: ["setInterval", "Date"], now: NOW });
    const { container } = render(<AgentTimeline steps={STEPS} />);
    const took = (): string | null | undefined => container.querySelector('[data-status="running"] .headway-step-took')?.textContent;
    assert.equal(took(), "1m 22s, 50%");
    act(() => {
      mock.timers.tick(3_000);
    });
    assert.equal(took(), "1m 25s, 50%");
    cleanup();
    mock.timers.reset();
  });

  test("details say what is known of a step", () => {
    render(<AgentTimeline steps={STEPS} now={NOW} />);
    fireEvent.click(screen.getByRole("button", { name: /^FetchPages, in ResearchAgent, ?Failed, ?files.example did not answer within 10 s, ?18s$/ }));
    assert.ok(screen.getByText("Started"));
    assert.equal(screen.getAllByText("files.example did not answer within 10 s").length, 2);
  });
});

describe("CostMeter", () => {
  const states = { whole: "within", plain: "within", budget: "within", over: "over", forecast_over: "forecast_over", soft: "over_soft" } as const;
  for (const [name, state] of Object.entries(states)) {
    test(`${name} is ${state}`, () => {
      const { container } = render(<CostMeter cost={COSTS[name as keyof typeof states]} />);
      assert.equal(container.firstElementChild?.getAttribute("data-state"), state);
    });
  }

  test("says every amount, and the range of the forecast", () => {
    const { container } = render(<CostMeter cost={COSTS.whole} />);
    const facts = [...container.querySelectorAll("dl > div")].map(({ textContent }) => textContent);
    assert.deepEqual(facts, ["Spent$6.21", "Reserved$0.90", "Forecast$12.55 ($12.01 to $13.29)", "Soft budget$10.00", "Budget$15.00"]);
  });

  test("nothing where nothing costs", () => {
    const { container } = render(<CostMeter cost={null} />);
    assert.equal(container.textContent, "");
  });
});

describe("JobLog", () => {
  test("has a line for each that was logged, its fields, and a word where some are missing", () => {
    const { container } = render(<JobLog events={EVENTS} />);
    const lines = [...container.querySelectorAll(".headway-log-lines > *")].map(({ textContent }) => textContent);
    assert.equal(lines.length, EVENTS.length);
    assert.match(lines[2] ?? "", /InfoImported 250 leadspage=10rejected=0$/);
    assert.equal(lines[3], "Some lines are missing here");
  });

  test("reads a history as it reads a stream", () => {
    render(<JobLog events={[{ cursor: "0000000a-1", at: ago(3), type: "log", level: "error", message: "from the history" }]} />);
    assert.ok(screen.getByText("from the history"));
  });

  test("shows once what both a history and a stream have told", () => {
    const { container } = render(<JobLog events={[{ cursor: "0000000a-1", at: ago(60), type: "log", level: "info", message: "Connected to crm.example" }, ...EVENTS]} />);
    assert.equal(container.querySelectorAll(".headway-log-line").length, 5);
  });

  test("keeps the newest lines", () => {
    const { container } = render(<JobLog events={EVENTS} limit={2} />);
    assert.equal(container.querySelectorAll(".headway-log-line").length, 2);
  });

  test("follows its end, unless somebody reads further up", () => {
    const tall = Object.getOwnPropertyDescriptor(window.Element.prototype, "scrollHeight");
    Object.defineProperty(window.Element.prototype, "scrollHeight", { configurable: true, get: () => 1_000 });
    const { rerender } = render(<JobLog events={EVENTS.slice(0, 2)} />);
    const box = screen.getByRole("log");
    rerender(<JobLog events={EVENTS} />);
    assert.equal(box.scrollTop, 1_000);
    box.scrollTop = 100;
    fireEvent.scroll(box);
    rerender(<JobLog events={EVENTS.slice(0, 5)} />);
    assert.equal(box.scrollTop, 100);
    fireEvent.click(screen.getByRole("button", { name: "Newest lines" }));
    assert.equal(box.scrollTop, 1_000);
    if (tall !== undefined) Object.defineProperty(window.Element.prototype, "scrollHeight", tall);
  });
});

describe("ConnectionStatus", () => {
  const said = {
    idle: "Not watching",
    connecting: "Connecting",
    live: "Live",
    waiting: "Connection lost",
    offline: "No network",
    signed_out: "Signed out: the token has ended",
    refused: "Connection refused: too many connections",
  } as const;
  for (const [name, words] of Object.entries(said)) {
    test(`${name} is “${words}”`, () => {
      render(<ConnectionStatus connection={CONNECTIONS[name as keyof typeof said]} />);
      assert.equal(screen.getByRole("status").textContent, words);
      assert.equal(screen.queryAllByRole("button").length, 0);
    });
  }

  test("an attempt to come back is not told as if it were news", () => {
    const { rerender } = render(<ConnectionStatus connection={CONNECTIONS.waiting} />);
    rerender(<ConnectionStatus connection={CONNECTIONS.connecting} />);
    assert.equal(screen.getByRole("status").textContent, "Connection lost");
    rerender(<ConnectionStatus connection={CONNECTIONS.live} />);
    assert.equal(screen.getByRole("status").textContent, "Live");
  });

  test("what can be done is a button", () => {
    const done: string[] = [];
    const { rerender } = render(<ConnectionStatus connection={CONNECTIONS.waiting} onRetry={() => done.push("retry")} />);
    fireEvent.click(screen.getByRole("button", { name: "Try now" }));
    rerender(<ConnectionStatus connection={CONNECTIONS.signed_out} onSignIn={() => done.push("sign in")} />);
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    assert.deepEqual(done, ["retry", "sign in"]);
  });
});

describe("HeadwayErrorBoundary", () => {
  test("keeps what breaks inside, tells of it, and shows it again when asked", () => {
    let broken = true;
    const Inside = (): ReactNode => {
      if (broken) throw new Error("it broke");
      return "whole";
    };
    const told: unknown[] = [];
    render(
      <HeadwayErrorBoundary onError={(error) => told.push(error)}>
        <Inside />
      </HeadwayErrorBoundary>,
    );
    assert.ok(screen.getByRole("alert"));
    assert.match(String(told[0]), /it broke/);
    broken = false;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    assert.ok(screen.getByText("whole"));
    assert.match(complaints(), /<Inside>/, "and React says so to whoever writes the page");
  });

  test("takes a fallback of one's own", () => {
    const Inside = (): ReactNode => {
      throw new Error("it broke");
    };
    render(
      <HeadwayErrorBoundary fallback={({ error }) => <p>{String(error)}</p>}>
        <Inside />
      </HeadwayErrorBoundary>,
    );
    assert.ok(screen.getByText("Error: it broke"));
    assert.match(complaints(), /<Inside>/, "and React says so to whoever writes the page");
  });
});

test("words and numbers are in the language of the provider", () => {
  render(
    <WordsProvider locale="de" words={{ share: (done, total) => `${done} von ${total}` }}>
      <JobCard job={job({ progress: { percent: 42, done: 4_250, total: 10_000, unit: "Zeilen" } })} now={NOW} />
    </WordsProvider>,
  );
  assert.ok(screen.getByText("4.250 von 10.000 Zeilen"));
});
