// Every word that components say, so that an application can say them in its own language.

import type { Action, ConnectionState, ItemStatus, JobStatus, LogLevel, SignedOutReason, StepStatus } from "@headway/client";

/** Every word that components say. Functions are given amounts, counts and times as they are to be shown. */
export interface Words {
  readonly status: Readonly<Record<JobStatus, string>>;
  readonly step: Readonly<Record<StepStatus, string>>;
  readonly item: Readonly<Record<ItemStatus, string>>;
  readonly action: Readonly<Record<Action, string>>;
  readonly level: Readonly<Record<LogLevel, string>>;
  readonly connection: Readonly<Record<Exclude<ConnectionState["state"], "signed_out"> | "offline", string>>;
  readonly signedOut: Readonly<Record<SignedOutReason, string>>;
  /** Beside the status of a job whose worker is silent. */
  readonly stalled: string;
  readonly progress: string;
  readonly unknownProgress: string;
  readonly left: (time: string) => string;
  readonly leftBetween: (time: string, low: string, high: string) => string;
  readonly almostDone: string;
  readonly share: (done: string, total: string) => string;
  readonly perSecond: (count: string) => string;
  readonly perMinute: (count: string) => string;
  readonly perHour: (count: string) => string;
  readonly attempt: (number: string) => string;
  readonly steps: string;
  readonly noSteps: string;
  readonly inside: (step: string) => string;
  readonly items: string;
  readonly log: string;
  readonly noLog: string;
  readonly toNewest: string;
  readonly missing: string;
  readonly cost: string;
  readonly spent: string;
  readonly reserved: string;
  readonly forecast: string;
  readonly estimate: string;
  readonly budget: string;
  readonly ofBudget: (budget: string) => string;
  readonly softBudget: string;
  readonly between: (low: string, high: string) => string;
  readonly overBudget: string;
  readonly overSoftBudget: string;
  readonly forecastOverBudget: string;
  readonly loading: string;
  readonly notFound: string;
  readonly refused: (why: string) => string;
  readonly retryIn: (time: string) => string;
  readonly tryingNow: string;
  readonly tryNow: string;
  readonly signIn: string;
  readonly broken: string;
  readonly tryAgain: string;
  readonly failures: (count: string, share: string) => string;
  readonly failureShare: string;
  readonly rate: string;
  readonly remaining: string;
  readonly attempts: string;
  readonly tasks: string;
  readonly role: string;
  readonly started: string;
  readonly took: string;
}

/** English. */
export const ENGLISH: Words = {
  status: {
    pending: "Pending",
    queued: "Queued",
    running: "Running",
    pausing: "Pausing",
    paused: "Paused",
    cancelling: "Cancelling",
    completed: "Completed",
    failed: "Failed",
    cancelled: "Cancelled",
    expired: "Expired",
  },
  step: {
    pending: "Pending",
    running: "Running",
    completed: "Completed",
    failed: "Failed",
    skipped: "Skipped",
    cancelled: "Cancelled",
  },
  item: {
    queued: "Queued",
    running: "Running",
    retrying: "Retrying",
    succeeded: "Succeeded",
    failed: "Failed",
    skipped: "Skipped",
    cancelled: "Cancelled",
    expired: "Expired",
  },
  action: { cancel: "Cancel", pause: "Pause", resume: "Resume", retry: "Retry" },
  level: { debug: "Debug", info: "Info", warning: "Warning", error: "Error" },
  connection: {
    idle: "Not watching",
    connecting: "Connecting",
    live: "Live",
    waiting: "Connection lost",
    offline: "No network",
    refused: "Connection refused",
  },
  signedOut: {
    no_token: "Signed out",
    unauthenticated: "Signed out: the token is not taken",
    token_expired: "Signed out: the token has ended",
    revoked: "Signed out: the token was revoked",
  },
  stalled: "Stalled",
  progress: "Progress",
  unknownProgress: "Progress is not known yet",
  left: (time) => `about ${time} left`,
  leftBetween: (time, low, high) => `about ${time} left, ${low} to ${high}`,
  almostDone: "almost done",
  share: (done, total) => `${done} of ${total}`,
  perSecond: (count) => `${count}/s`,
  perMinute: (count) => `${count}/min`,
  perHour: (count) => `${count}/h`,
  attempt: (number) => `Attempt ${number}`,
  steps: "Steps",
  noSteps: "No steps yet",
  inside: (step) => `in ${step}`,
  items: "Items",
  log: "Log",
  noLog: "Nothing logged yet",
  toNewest: "Newest lines",
  missing: "Some lines are missing here",
  cost: "Cost",
  spent: "Spent",
  reserved: "Reserved",
  forecast: "Forecast",
  estimate: "Estimate",
  budget: "Budget",
  ofBudget: (budget) => `of ${budget}`,
  softBudget: "Soft budget",
  between: (low, high) => `${low} to ${high}`,
  overBudget: "Over budget",
  overSoftBudget: "Over the soft budget",
  forecastOverBudget: "Forecast over budget",
  loading: "Loading",
  notFound: "There is no such job, or it is not shared with you.",
  refused: (why) => `This cannot be watched: ${why}`,
  retryIn: (time) => `next try in ${time}`,
  tryingNow: "trying again",
  tryNow: "Try now",
  signIn: "Sign in",
  broken: "This part could not be shown.",
  tryAgain: "Try again",
  failures: (count, share) => `${count} failed, ${share}`,
  failureShare: "Failures",
  rate: "Rate",
  remaining: "Remaining",
  attempts: "Attempts",
  tasks: "Tasks",
  role: "Role",
  started: "Started",
  took: "Took",
};
