// Generated from schema/openapi.json and schema/messages.json by `npm run generate`. Do not edit.

/**
 * A wish; the job's status says whether it is allowed, its worker carries it out.
 */
export type Action = "cancel" | "pause" | "resume" | "retry";
export type Amount = string;
/**
 * What a client sends on a WebSocket.
 */
export type ClientMessage =
  | (Subscribe & {type: "subscribe"})
  | {
      /**
       * The subscription.
       */
      id: string;
      type: "unsubscribe";
    }
  | {
      /**
       * What is asked.
       */
      action: Action;
      /**
       * The message's name; the answer carries it.
       */
      id: string;
      /**
       * The job.
       */
      job: JobId;
      type: "command";
    }
  | {
      /**
       * The token.
       */
      token: string;
      type: "auth";
    }
  | {
      /**
       * Comes back in the answer.
       */
      at?: unknown;
      type: "ping";
    };
/**
 * Why the server closes.
 */
export type ClosingReason =
  | "server_shutting_down"
  | "token_expired"
  | "revoked"
  | "unauthenticated"
  | "slow"
  | "too_many_errors"
  | "idle"
  | "rate_limited"
  | "too_many_connections"
  | "unknown";
/**
 * A currency's code, three to eight capital letters; `USD` unless said otherwise.
 */
export type Currency = string;
/**
 * Opaque position in one job's log
 */
export type Cursor = string;
/**
 * Which events come beside the state.
 */
export type EventFilter = boolean | string[];
/**
 * Why events are missing.
 */
export type GapReason = "retention" | "slow" | "epoch" | "unknown";
export type JobId = string;
/**
 * Where a job is in its life.
 */
export type JobStatus =
  | "pending"
  | "queued"
  | "running"
  | "pausing"
  | "paused"
  | "cancelling"
  | "completed"
  | "failed"
  | "cancelled"
  | "expired";
export type Percent = number;
/**
 * What the server sends.
 */
export type ServerMessage =
  | {
      /**
       * The connection's name, for logs.
       */
      connection: string;
      /**
       * A `heartbeat` comes when nothing else was sent for so long.
       */
      heartbeat_ms: number;
      /**
       * The largest message that the server reads, in bytes.
       */
      max_message_bytes: number;
      /**
       * The most subscriptions of one connection.
       */
      max_subscriptions: number;
      type: "hello";
      /**
       * The protocol's version.
       */
      version: number;
    }
  | {
      /**
       * The subscription.
       */
      id: string;
      /**
       * Whether the stream goes on at the cursor that was given, without a gap.
       */
      recovered: boolean;
      type: "subscribed";
      /**
       * Whether a cursor was given.
       */
      was_recovering: boolean;
    }
  | {
      /**
       * The position that it shows.
       */
      cursor: Cursor;
      /**
       * The job.
       */
      job: JobId;
      /**
       * The document.
       */
      state: Job;
      type: "snapshot";
    }
  | {
      /**
       * The position after the change.
       */
      cursor: Cursor;
      /**
       * The job.
       */
      job: JobId;
      /**
       * A merge patch (RFC 7396) of the document.
       */
      patch: unknown;
      /**
       * The position before; apply the patch only when it is the one held.
       */
      prev: Cursor;
      type: "update";
    }
  | {
      /**
       * The position after the event.
       */
      cursor: Cursor;
      /**
       * The event.
       */
      event: unknown;
      /**
       * The job.
       */
      job: JobId;
      type: "event";
    }
  | {
      /**
       * The position after which events are missing.
       */
      from: Cursor;
      /**
       * The job.
       */
      job: JobId;
      /**
       * Why.
       */
      reason: GapReason;
      /**
       * The position from which the stream goes on.
       */
      to: Cursor;
      type: "gap";
    }
  | {
      /**
       * The position of the end.
       */
      cursor: Cursor;
      /**
       * The job.
       */
      job: JobId;
      /**
       * How it ended.
       */
      status: JobStatus;
      type: "end";
    }
  | {
      /**
       * The server's time.
       */
      at: Timestamp;
      type: "heartbeat";
    }
  | {
      /**
       * What came of it.
       */
      data?: unknown;
      /**
       * The message that it answers.
       */
      id: string;
      type: "result";
    }
  | {
      /**
       * A word for programs.
       */
      code: string;
      /**
       * The message that it answers, when that could be read.
       */
      id?: string | null;
      /**
       * What, where, and what to do.
       */
      message: string;
      type: "error";
    }
  | {
      /**
       * What the ping carried.
       */
      at?: unknown;
      type: "pong";
    }
  | {
      /**
       * Why.
       */
      reason: ClosingReason;
      /**
       * When to come back, in milliseconds from now.
       */
      retry_ms: number;
      type: "closing";
    }
  | {
      type: "unknown";
    };
/**
 * Where a step of a job is.
 */
export type StepStatus = "pending" | "running" | "completed" | "failed" | "skipped" | "cancelled";
export type Timestamp = string;
/**
 * How a program takes its items.
 */
export type CommandMode = "item" | "stream";
/**
 * Why a delivery was given up.
 */
export type DeadReason = "exhausted" | "gone" | "address_refused" | "no_secret";
/**
 * Where an estimate comes from.
 */
export type EstimateMethod = "per_item" | "declared" | "history" | "none";
/**
 * How an item is run.
 */
export type Executor =
  | {
      /**
       * The program and its arguments.
       */
      argv: string[];
      /**
       * The folder it runs in.
       */
      cwd?: string | null;
      /**
       * Names of environment variables to pass on; nothing else of the environment is.
       */
      env?: string[];
      /**
       * One process for each item, or a pool of processes that each take many.
       */
      mode?: CommandMode;
      /**
       * Processes of the pool, 1 to 256; the processors' number unless said. Only for `stream`.
       */
      processes?: number | null;
      type: "command";
    }
  | {
      /**
       * The body as JSON; the item's input unless said.
       */
      body?: unknown;
      /**
       * Where the cost is, a JSON pointer to an amount.
       */
      cost?: string | null;
      /**
       * Headers to send.
       */
      headers?: {
        [k: string]: string;
      };
      /**
       * GET, POST, PUT, PATCH or DELETE; POST unless said.
       */
      method?: string;
      /**
       * Where the output is in the answer, a JSON pointer; the whole answer unless said.
       */
      output?: string | null;
      type: "http";
      /**
       * An http or https address.
       */
      url: string;
      /**
       * Where the usage is: `sku` as it stands, every other member a JSON pointer to a number.
       */
      usage?: {
        [k: string]: string;
      } | null;
    };
/**
 * Where an item of a batch is.
 */
export type ItemStatus =
  "queued" | "running" | "retrying" | "succeeded" | "failed" | "skipped" | "cancelled" | "expired";
/**
 * What runs the jobs of a kind.
 */
export type KindExecutor = "command" | "http";
/**
 * How much a log line matters.
 */
export type LogLevel = "debug" | "info" | "warning" | "error";
/**
 * What reaching the budget does.
 */
export type OnBudget = "pause" | "cancel";
/**
 * What an item's failure does to the others.
 */
export type OnFailure = "continue" | "stop";
/**
 * Which items of an ended batch run again.
 */
export type RetryItems = "failed" | "cancelled" | "expired" | "unfinished";
/**
 * Not to be written down
 */
export type Secret = string;
/**
 * A report as it comes in: with its place in the producer's own sequence, if it has one.
 */
export type SequencedReport = (
  | {
      type: "start";
    }
  | {
      /**
       * Units done. More than a `total` in the same report is refused; more than one sent earlier
       * is not, for totals are often guesses.
       */
      done?: number | null;
      /**
       * A message for people.
       */
      message?: string | null;
      /**
       * Members to merge into the job's metadata.
       */
      metadata?: {
        [k: string]: unknown;
      } | null;
      /**
       * The share done, 0–100.
       */
      percent?: Percent | null;
      /**
       * What part of the work is going on.
       */
      phase?: string | null;
      /**
       * Units in all.
       */
      total?: number | null;
      type: "progress";
    }
  | {
      /**
       * Its name.
       */
      name: string;
      type: "phase";
    }
  | {
      /**
       * What people call it; the key unless said.
       */
      name?: string | null;
      /**
       * The key of the step that it belongs to.
       */
      parent?: string | null;
      /**
       * `phase`, `agent` or the producer's own word.
       */
      role?: string | null;
      /**
       * The step's key.
       */
      step: string;
      /**
       * What it is busy with.
       */
      tasks?: string[] | null;
      type: "step_start";
      /**
       * Its weight among its siblings, above 0.
       */
      weight?: number | null;
    }
  | {
      /**
       * A message for people.
       */
      message?: string | null;
      /**
       * The share of it that is done.
       */
      percent?: Percent | null;
      /**
       * The step's key.
       */
      step: string;
      /**
       * What it is busy with.
       */
      tasks?: string[] | null;
      type: "step_update";
    }
  | {
      /**
       * Why it failed.
       */
      error?: JobError | null;
      /**
       * How it ended.
       */
      status: StepStatus;
      /**
       * The step's key.
       */
      step: string;
      type: "step_finish";
    }
  | {
      /**
       * Structured members.
       */
      fields?: {
        [k: string]: unknown;
      } | null;
      /**
       * How much it matters.
       */
      level?: LogLevel;
      /**
       * The line.
       */
      message: string;
      type: "log";
    }
  | {
      /**
       * What it is.
       */
      data: unknown;
      /**
       * Which one.
       */
      name: string;
      type: "partial";
    }
  | (Usage & {type: "usage"})
  | {
      /**
       * How much, in the job's currency; not negative.
       */
      amount: Amount;
      /**
       * For what.
       */
      sku?: string | null;
      type: "cost";
    }
  | {
      /**
       * What came out, at most 1 MiB.
       */
      result?: unknown;
      type: "complete";
    }
  | {
      /**
       * Why.
       */
      error: JobError;
      type: "fail";
    }
  | {
      /**
       * The command's id, or its action.
       */
      command: string;
      type: "ack";
    }
) & {
  /**
   * The producer's own number of this event; a number not above the last applied is a repeat.
   */
  seq?: number | null;
};
/**
 * What happened to a job, as webhooks announce it.
 */
export type WebhookEvent =
  "started" | "paused" | "resumed" | "completed" | "failed" | "cancelled" | "expired" | "retried" | "budget_warning";

/**
 * What a job costs. Amounts are decimal strings in `currency`.
 */
export interface Cost {
  /**
   * What may be spent at the most.
   */
  budget?: Amount | null;
  /**
   * The currency of every amount here.
   */
  currency: Currency;
  /**
   * What was expected before the run.
   */
  estimate?: Amount | null;
  /**
   * What it will have cost at the end.
   */
  forecast?: Amount | null;
  /**
   * The high end of the forecast's range.
   */
  forecast_high?: Amount | null;
  /**
   * The low end of the forecast's range; the final cost lies inside in 9 of 10 batches.
   */
  forecast_low?: Amount | null;
  /**
   * Held for items that are running.
   */
  reserved?: Amount | null;
  /**
   * What was meant to be spent; passing it warns.
   */
  soft_budget?: Amount | null;
  /**
   * Booked: never changes afterwards.
   */
  spent: Amount;
}
/**
 * How many items of a batch are where; the eight add up to `total`.
 */
export interface ItemCounts {
  /**
   * Not run: the batch was stopped.
   */
  cancelled: number;
  /**
   * Not run: the batch's time ran out.
   */
  expired: number;
  /**
   * Failed for good.
   */
  failed: number;
  /**
   * Waiting for their turn.
   */
  queued: number;
  /**
   * Waiting for their next attempt.
   */
  retrying: number;
  /**
   * Being worked on.
   */
  running: number;
  /**
   * Not worth running.
   */
  skipped: number;
  /**
   * Done.
   */
  succeeded: number;
  /**
   * All items.
   */
  total: number;
}
/**
 * The public state of one job. Members that are absent and members that are `null` mean the same.
 */
export interface Job {
  /**
   * Which attempt this is, from 1.
   */
  attempt: number;
  /**
   * What it costs.
   */
  cost?: Cost | null;
  /**
   * When it was created.
   */
  created_at: Timestamp;
  /**
   * The position in the log that this document shows.
   */
  cursor: Cursor;
  /**
   * Why it failed, was stopped or stands still.
   */
  error?: JobError | null;
  /**
   * When this attempt ended.
   */
  finished_at?: Timestamp | null;
  /**
   * The job's name.
   */
  id: JobId;
  /**
   * How many items are where; only batches have it.
   */
  items?: ItemCounts | null;
  /**
   * The configured type of job, or `custom`.
   */
  kind: string;
  /**
   * The newest message for people.
   */
  message?: string | null;
  /**
   * The producer's own data, an object of at most 16 KiB.
   */
  metadata?: unknown;
  /**
   * What people call it.
   */
  name?: string | null;
  /**
   * Who may see it.
   */
  owner: Owner;
  /**
   * What part of the work is going on.
   */
  phase?: string | null;
  /**
   * How far it is.
   */
  progress?: Progress;
  /**
   * When this attempt was queued.
   */
  queued_at?: Timestamp | null;
  /**
   * What came out, at most 1 MiB.
   */
  result?: unknown;
  /**
   * The producer's grouping key.
   */
  session?: string | null;
  /**
   * Whether its worker has been silent for longer than it promised.
   */
  stalled?: boolean;
  /**
   * When this attempt began to run.
   */
  started_at?: Timestamp | null;
  /**
   * Where it is in its life.
   */
  status: JobStatus;
  /**
   * Named parts of the job, by key.
   */
  steps?: {
    [k: string]: Step;
  };
  /**
   * Labels to find it by.
   */
  tags?: string[];
  /**
   * When its newest event happened.
   */
  updated_at: Timestamp;
}
/**
 * Why a job, a step or an item failed.
 */
export interface JobError {
  /**
   * A word for programs: `timeout`, `exit_code`, `budget_reached`, or the producer's own.
   */
  code: string;
  /**
   * Whatever else helps.
   */
  details?: unknown;
  /**
   * A sentence for people.
   */
  message: string;
  /**
   * Whether trying again may help.
   */
  retryable?: boolean;
}
/**
 * Who may see a job.
 */
export interface Owner {
  /**
   * The person or service.
   */
  subject?: string | null;
  /**
   * The organisation; `default` where there is only one.
   */
  tenant: string;
}
/**
 * How far a job is. Every member is absent until there is evidence for it.
 */
export interface Progress {
  /**
   * Units done.
   */
  done?: number | null;
  /**
   * The late end of the range for `eta_ms`.
   */
  eta_high_ms?: number | null;
  /**
   * The early end of the range for `eta_ms`.
   */
  eta_low_ms?: number | null;
  /**
   * Milliseconds to the end, at the present rate.
   */
  eta_ms?: number | null;
  /**
   * The share that is done, 0–100; never falls inside an attempt. Absent: indeterminate.
   */
  percent?: Percent | null;
  /**
   * Units per second (percent points per second when only a percent is known), recent first.
   */
  rate?: number | null;
  /**
   * Units in all.
   */
  total?: number | null;
  /**
   * What a unit is: `rows`, `leads`, `bytes`.
   */
  unit?: string | null;
}
/**
 * A named part of a job: a phase, a stage or an agent.
 */
export interface Step {
  /**
   * Why it failed.
   */
  error?: JobError | null;
  /**
   * When it ended.
   */
  finished_at?: Timestamp | null;
  /**
   * Its place in the order of starting, from 0.
   */
  index: number;
  /**
   * Its newest message.
   */
  message?: string | null;
  /**
   * What people call it.
   */
  name: string;
  /**
   * The key of the step that it belongs to.
   */
  parent?: string | null;
  /**
   * The share of it that is done, 0–100.
   */
  percent?: Percent | null;
  /**
   * What it is: `phase`, `agent` or the producer's own word.
   */
  role?: string | null;
  /**
   * When it began.
   */
  started_at?: Timestamp | null;
  /**
   * Where it is.
   */
  status: StepStatus;
  /**
   * What it is busy with.
   */
  tasks?: string[];
  /**
   * Its weight among its siblings, above 0; 1 unless said.
   */
  weight: number;
}
/**
 * A subscription: exactly one of `job`, `session`, `tag` and `all`.
 */
export interface Subscribe {
  /**
   * All jobs.
   */
  all?: boolean | null;
  /**
   * With `job`: the position that the client holds.
   */
  cursor?: Cursor | null;
  /**
   * Which events come beside the state.
   */
  events?: EventFilter | null;
  /**
   * The subscription's name, chosen by the client, 1 to 128 characters.
   */
  id: string;
  /**
   * One job.
   */
  job?: JobId | null;
  /**
   * The shortest time between two state frames of one job, in milliseconds; 100 unless said. Of
   * a job whose kind is configured with a longer one, that one.
   */
  min_interval_ms?: number | null;
  /**
   * All jobs of a session, also those that come later.
   */
  session?: string | null;
  /**
   * All jobs with a tag, also those that come later.
   */
  tag?: string | null;
}
/**
 * Something that was done, or tried.
 */
export interface AuditEntry {
  /**
   * From which address.
   */
  address?: string | null;
  /**
   * When.
   */
  at: Timestamp;
  /**
   * How they had signed in: `none`, `key`, `admin_key`, `jwt`, `token`; absent for nobody.
   */
  credential?: string | null;
  /**
   * The id of that key or token.
   */
  credential_id?: string | null;
  /**
   * Its place in the log: later entries have larger ones.
   */
  id: string;
  /**
   * What came of it: `done`, or the code of the refusal.
   */
  outcome: string;
  /**
   * Who: the tenant and the subject; absent for somebody who could not sign in.
   */
  owner?: Owner | null;
  /**
   * To what: a job's, key's or token's id.
   */
  target?: string | null;
  /**
   * How often, when tries of one kind were written down together.
   */
  times?: number;
  /**
   * What: `job.cancel`, `job.pause`, `job.resume`, `job.retry`, `key.create`, `key.revoke`,
   * `token.create`, `revoke`, `sign_in`, `sign_out`, `webhook.replay`, …
   */
  what: string;
}
/**
 * A page of the audit log, newest first.
 */
export interface AuditPage {
  /**
   * The entries.
   */
  entries: AuditEntry[];
  /**
   * Passed as `before`, gives the next page; absent at the end.
   */
  next?: string | null;
}
/**
 * How the items of a batch are run: the part of a request that is not the items.
 */
export interface BatchOptions {
  /**
   * Whether usage is priced with the SKU's batch factor.
   */
  batch_rates?: boolean | null;
  /**
   * What may be spent.
   */
  budget?: Budget | null;
  /**
   * Items at once, 1 to 10,000.
   */
  concurrency?: number | null;
  /**
   * What each item is expected to use, where it does not say so itself.
   */
  estimate?: Usage | null;
  /**
   * How an item is run, instead of the kind's way.
   */
  executor?: Executor | null;
  /**
   * The longest that the batch may take from now, in milliseconds; then it expires.
   */
  expires_after_ms?: number | null;
  /**
   * A configured kind; its settings stand where this request is silent.
   */
  kind?: string | null;
  /**
   * The producer's own data, an object of at most 16 KiB.
   */
  metadata?: unknown;
  /**
   * What people call it.
   */
  name?: string | null;
  /**
   * What an item's failure does to the others.
   */
  on_failure?: OnFailure | null;
  /**
   * How many items may start in a time.
   */
  rate?: Rate | null;
  /**
   * How often and when a failed item is tried again.
   */
  retry?: Retry | null;
  /**
   * The producer's grouping key.
   */
  session?: string | null;
  /**
   * Whether it runs at once; `false` leaves it paused. True unless said.
   */
  start?: boolean | null;
  /**
   * Whose it is; see [`crate::request::CreateJob::subject`].
   */
  subject?: string | null;
  /**
   * Labels to find it by.
   */
  tags?: string[];
  /**
   * The longest that one attempt of one item may take, in milliseconds.
   */
  timeout_ms?: number | null;
  /**
   * Where its life is announced.
   */
  webhook?: Webhook | null;
}
/**
 * A batch with its items in the request.
 */
export interface BatchRequest {
  /**
   * Whether usage is priced with the SKU's batch factor.
   */
  batch_rates?: boolean | null;
  /**
   * What may be spent.
   */
  budget?: Budget | null;
  /**
   * Items at once, 1 to 10,000.
   */
  concurrency?: number | null;
  /**
   * What each item is expected to use, where it does not say so itself.
   */
  estimate?: Usage | null;
  /**
   * How an item is run, instead of the kind's way.
   */
  executor?: Executor | null;
  /**
   * The longest that the batch may take from now, in milliseconds; then it expires.
   */
  expires_after_ms?: number | null;
  /**
   * The items: each an input of any JSON type, or `{input, custom_id?, estimate?}`.
   */
  items?: unknown[];
  /**
   * A configured kind; its settings stand where this request is silent.
   */
  kind?: string | null;
  /**
   * The producer's own data, an object of at most 16 KiB.
   */
  metadata?: unknown;
  /**
   * What people call it.
   */
  name?: string | null;
  /**
   * What an item's failure does to the others.
   */
  on_failure?: OnFailure | null;
  /**
   * How many items may start in a time.
   */
  rate?: Rate | null;
  /**
   * How often and when a failed item is tried again.
   */
  retry?: Retry | null;
  /**
   * The producer's grouping key.
   */
  session?: string | null;
  /**
   * Whether it runs at once; `false` leaves it paused. True unless said.
   */
  start?: boolean | null;
  /**
   * Whose it is; see [`crate::request::CreateJob::subject`].
   */
  subject?: string | null;
  /**
   * Labels to find it by.
   */
  tags?: string[];
  /**
   * The longest that one attempt of one item may take, in milliseconds.
   */
  timeout_ms?: number | null;
  /**
   * Where its life is announced.
   */
  webhook?: Webhook | null;
}
/**
 * What may be spent.
 */
export interface Budget {
  /**
   * No item starts when spent + reserved + its own estimate would pass this.
   */
  max_budget: Amount;
  /**
   * What reaching `max_budget` does.
   */
  on_budget?: OnBudget;
  /**
   * Passing this warns.
   */
  soft_budget?: Amount | null;
}
/**
 * A command that waits for a job's worker.
 */
export interface Command {
  /**
   * What is asked.
   */
  action: Action;
  /**
   * Its name inside the job; what `ack` gives back.
   */
  id: string;
  /**
   * Why, unless an operator asked: `budget_reached`.
   */
  reason?: JobError | null;
  /**
   * When it was asked.
   */
  requested_at: Timestamp;
}
/**
 * What a command may carry.
 */
export interface CommandRequest {
  /**
   * With `retry` of a batch, instead of `status`: just these items by their indexes, 1 to 1,000
   * of them. Each must have failed or have been stopped.
   */
  items?: number[] | null;
  /**
   * With `resume`: a new largest amount.
   */
  max_budget?: Amount | null;
  /**
   * With `retry` of a batch: which items; `failed` unless said.
   */
  status?: RetryItems | null;
}
/**
 * Creates a job.
 */
export interface CreateJob {
  /**
   * What may be spent.
   */
  budget?: Budget | null;
  /**
   * The longest that the job may take from now, in milliseconds; then it expires.
   */
  expires_after_ms?: number | null;
  /**
   * The job's name; made up unless given.
   */
  id?: JobId | null;
  /**
   * What its executor works on.
   */
  input?: unknown;
  /**
   * A configured kind (its executor runs the job), or any other word (its producer does).
   */
  kind: string;
  /**
   * The producer's own data, an object of at most 16 KiB.
   */
  metadata?: unknown;
  /**
   * What people call it.
   */
  name?: string | null;
  /**
   * The producer's grouping key, at most 256 characters.
   */
  session?: string | null;
  /**
   * How long its worker may be silent before the job counts as stalled, in milliseconds.
   */
  stall_after_ms?: number | null;
  /**
   * The steps that will come, by key.
   */
  steps?: {
    [k: string]: PlannedStep;
  };
  /**
   * Whose it is, 1 to 256 characters; the caller's own subject unless said. Only who sees the
   * whole tenant may name somebody else.
   */
  subject?: string | null;
  /**
   * Labels to find it by, at most 32 of at most 128 characters.
   */
  tags?: string[];
  /**
   * Units in all, if known.
   */
  total?: number | null;
  /**
   * What a unit is.
   */
  unit?: string | null;
  /**
   * Where its life is announced.
   */
  webhook?: Webhook | null;
}
/**
 * A delivery that was given up.
 */
export interface DeadLetter {
  /**
   * How often it was sent.
   */
  attempts: number;
  /**
   * When the event happened.
   */
  created_at: Timestamp;
  /**
   * What happened to the job.
   */
  event: WebhookEvent;
  /**
   * When it was given up.
   */
  failed_at: Timestamp;
  /**
   * The event's name; also its `webhook-id`.
   */
  id: string;
  /**
   * The job.
   */
  job: JobId;
  /**
   * Why the last attempt failed.
   */
  last_error: string;
  /**
   * The status of the last answer; absent when there was none.
   */
  last_status?: number | null;
  /**
   * Why it was given up.
   */
  reason: DeadReason;
  /**
   * Where it was to go, without the query.
   */
  url: string;
}
/**
 * A page of dead letters, oldest event first.
 */
export interface DeadLetterPage {
  /**
   * The letters.
   */
  dead_letters: DeadLetter[];
  /**
   * Ask with this as `after` for the next page; absent at the end.
   */
  next?: string | null;
}
/**
 * How long items took, in milliseconds.
 */
export interface Durations {
  /**
   * The longest.
   */
  max_ms: number;
  /**
   * Half of them at most so long.
   */
  p50_ms: number;
  /**
   * 90 of 100 at most so long.
   */
  p90_ms: number;
  /**
   * 99 of 100 at most so long.
   */
  p99_ms: number;
}
/**
 * An item that failed, and its own message.
 */
export interface ErrorExample {
  /**
   * Its producer's name for it.
   */
  custom_id?: string | null;
  /**
   * Its place in the input, from 0.
   */
  index: number;
  /**
   * Its message, of a long one the beginning.
   */
  message: string;
}
/**
 * Items that failed alike: with the same code, and with messages that differ in numbers, names and
 * quoted words alone.
 */
export interface ErrorGroup {
  /**
   * Their code. `other` with the message `…` is all that was left when there were too many
   * groups to tell apart.
   */
  code: string;
  /**
   * How many items.
   */
  count: number;
  /**
   * Some of them, at most 3, by index.
   */
  examples: ErrorExample[];
  /**
   * What their messages have in common, with `…` in place of what differs.
   */
  message: string;
  /**
   * Whether trying again may help.
   */
  retryable: boolean;
}
/**
 * Why a batch's items failed, alike ones together.
 */
export interface ErrorGroups {
  /**
   * Items that failed.
   */
  failed: number;
  /**
   * Of these, how many were read and are in a group. Less than `failed` only in very large
   * batches: they then come from all over the batch.
   */
  grouped: number;
  /**
   * The groups, the largest first.
   */
  groups: ErrorGroup[];
}
/**
 * What a batch would cost; nothing was run.
 */
export interface Estimate {
  /**
   * The currency of the three.
   */
  currency: Currency;
  /**
   * The high end.
   */
  high: Amount;
  /**
   * Input lines that could not be read; they would be failed items.
   */
  invalid: number;
  /**
   * Items that would run.
   */
  items: number;
  /**
   * The low end.
   */
  low: Amount;
  /**
   * Where it comes from.
   */
  method: EstimateMethod;
  /**
   * What to expect.
   */
  mid: Amount;
  /**
   * What it does not cover: units without a price, items without an estimate.
   */
  notes?: string[];
}
/**
 * One event of a job's history.
 */
export interface HistoryEvent {
  /**
   * The position after the event.
   */
  cursor: Cursor;
  [k: string]: unknown;
}
/**
 * A page of a job's history, oldest first.
 */
export interface HistoryPage {
  /**
   * The job's newest position.
   */
  cursor: Cursor;
  /**
   * The events.
   */
  events: HistoryEvent[];
  /**
   * Passed as `after`, gives what follows; absent when nothing does yet, and in a page that was
   * read backwards.
   */
  next?: Cursor | null;
  /**
   * Passed as `before`, gives what comes before; absent at the log's beginning, and in a page that
   * was read forwards.
   */
  previous?: Cursor | null;
  /**
   * The oldest position that the log still reaches back to, when its beginning is gone.
   */
  trimmed_to?: Cursor | null;
}
/**
 * Who somebody is, as the server sees them.
 */
export interface Identity {
  /**
   * How they have signed in: `none`, `key`, `admin_key`, `jwt` or `token`.
   */
  credential: string;
  /**
   * When that ends.
   */
  expires_at?: Timestamp | null;
  /**
   * What a watch token is for, when they see what is listed.
   */
  listed?: Listed | null;
  /**
   * The tenant and the subject.
   */
  owner: Owner;
  /**
   * The role that these scopes fill: `viewer`, `operator` or `admin`.
   */
  role?: string | null;
  /**
   * What they may do.
   */
  scopes: string[];
  /**
   * What they see: `tenant`, `own` or `listed`.
   */
  sees: string;
  /**
   * Whether the server asks anybody to sign in.
   */
  sign_in: boolean;
}
/**
 * One item as its page shows it.
 */
export interface Item {
  /**
   * Attempts begun.
   */
  attempts: number;
  /**
   * What all its attempts cost.
   */
  cost?: Amount | null;
  /**
   * Its producer's name for it.
   */
  custom_id?: string | null;
  /**
   * How long its last attempt took.
   */
  duration_ms?: number | null;
  /**
   * Why it failed.
   */
  error?: JobError | null;
  /**
   * Its place in the input, from 0.
   */
  index: number;
  /**
   * What it works on.
   */
  input?: unknown;
  /**
   * What came out.
   */
  output?: unknown;
  /**
   * When its last attempt began.
   */
  started_at?: Timestamp | null;
  /**
   * Where it is.
   */
  status: ItemStatus;
}
/**
 * A page of a batch's items, by index.
 */
export interface ItemPage {
  /**
   * The items.
   */
  items: Item[];
  /**
   * Passed as `after`, gives the next page; absent at the end.
   */
  next?: number | null;
}
/**
 * A page of jobs, newest first.
 */
export interface JobPage {
  /**
   * The jobs.
   */
  jobs: Job[];
  /**
   * Passed as `page`, gives the next page; absent at the end.
   */
  next?: string | null;
}
/**
 * One change of a job's document.
 */
export interface JobRecord {
  /**
   * When it happened.
   */
  at: Timestamp;
  /**
   * The position after it.
   */
  cursor: Cursor;
  /**
   * A merge patch (RFC 7396) of the document; in a job's first record the whole document.
   */
  patch: unknown;
  /**
   * The position before the change.
   */
  prev: Cursor;
}
/**
 * What is known of an API key.
 */
export interface KeyInfo {
  /**
   * When it was made.
   */
  created_at: Timestamp;
  /**
   * When it ends.
   */
  expires_at?: Timestamp | null;
  /**
   * Its id, which is also the beginning of the key.
   */
  id: string;
  /**
   * When it was used last, to the minute.
   */
  last_used_at?: Timestamp | null;
  /**
   * What people call it.
   */
  name: string;
  /**
   * Whether it sees only jobs of its subject.
   */
  own_only?: boolean;
  /**
   * Its tenant and subject.
   */
  owner: Owner;
  /**
   * When it was revoked.
   */
  revoked_at?: Timestamp | null;
  /**
   * What it may do.
   */
  scopes: string[];
}
/**
 * A page of API keys, oldest first.
 */
export interface KeyPage {
  /**
   * The keys.
   */
  keys: KeyInfo[];
  /**
   * Passed as `after`, gives the next page; absent at the end.
   */
  next?: string | null;
}
/**
 * Makes an API key.
 */
export interface KeyRequest {
  /**
   * What people call it, 1 to 128 characters.
   */
  name: string;
  /**
   * Whether it sees only jobs of its subject, rather than all of its tenant.
   */
  own_only?: boolean;
  /**
   * Instead of scopes: `viewer`, `operator` or `admin`.
   */
  role?: string | null;
  /**
   * What it may do; at least one of `watch`, `report`, `control`, `admin`.
   */
  scopes?: string[];
  /**
   * Who uses it. What it creates belongs to this subject.
   */
  subject?: string | null;
  /**
   * Its tenant; the caller's unless said. Another one takes an administrator of the node.
   */
  tenant?: string | null;
  /**
   * How long it holds, in milliseconds; until it is revoked unless said.
   */
  ttl_ms?: number | null;
}
/**
 * A configured type of job.
 */
export interface Kind {
  /**
   * What may be spent, unless a request says.
   */
  budget?: Budget | null;
  /**
   * Items at once, unless a request says.
   */
  concurrency?: number | null;
  /**
   * What runs its jobs and the items of its batches; absent: their producer, and it has no
   * batches.
   */
  executor?: KindExecutor | null;
  /**
   * What a request names as its `kind`.
   */
  name: string;
  /**
   * The steps that every job of this kind has, by key.
   */
  steps?: {
    [k: string]: PlannedStep;
  };
}
/**
 * The configured kinds, by name.
 */
export interface Kinds {
  /**
   * The kinds, in the order of their names.
   */
  kinds: Kind[];
}
/**
 * What a watch token is for: a job is seen when it is named, or belongs to a session or carries a
 * tag that is named.
 */
export interface Listed {
  /**
   * What may be asked of them.
   */
  actions?: Action[];
  /**
   * Jobs by name, which need not exist yet.
   */
  jobs?: JobId[];
  /**
   * Jobs by session.
   */
  sessions?: string[];
  /**
   * Jobs by tag.
   */
  tags?: string[];
}
/**
 * A new API key.
 */
export interface NewKey {
  /**
   * When it was made.
   */
  created_at: Timestamp;
  /**
   * When it ends.
   */
  expires_at?: Timestamp | null;
  /**
   * Its id, which is also the beginning of the key.
   */
  id: string;
  /**
   * The key, `hw_…`. It is shown this once and kept nowhere.
   */
  key: Secret;
  /**
   * When it was used last, to the minute.
   */
  last_used_at?: Timestamp | null;
  /**
   * What people call it.
   */
  name: string;
  /**
   * Whether it sees only jobs of its subject.
   */
  own_only?: boolean;
  /**
   * Its tenant and subject.
   */
  owner: Owner;
  /**
   * When it was revoked.
   */
  revoked_at?: Timestamp | null;
  /**
   * What it may do.
   */
  scopes: string[];
}
/**
 * A ticket: opens one stream, once, where no header can be sent.
 */
export interface NewTicket {
  /**
   * When it ends: within a minute.
   */
  expires_at: Timestamp;
  /**
   * Passed as `?ticket=`.
   */
  ticket: Secret;
}
/**
 * A new watch token.
 */
export interface NewToken {
  /**
   * When it ends.
   */
  expires_at: Timestamp;
  /**
   * Its id, by which it is revoked.
   */
  id: string;
  /**
   * The token. It is shown this once and kept nowhere.
   */
  token: Secret;
}
/**
 * A step that will come.
 */
export interface PlannedStep {
  /**
   * Its place in the order; steps without one follow in the order of their keys.
   */
  index?: number | null;
  /**
   * What people call it; the key unless said.
   */
  name?: string | null;
  /**
   * The key of the step that it belongs to.
   */
  parent?: string | null;
  /**
   * `phase`, `agent` or the producer's own word.
   */
  role?: string | null;
  /**
   * Its weight among its siblings, above 0; 1 unless said.
   */
  weight?: number | null;
}
/**
 * A refusal: what, where, and what to do.
 */
export interface Problem {
  /**
   * A word for programs.
   */
  code: string;
  /**
   * What went wrong this time, where, and what to do.
   */
  detail: string;
  /**
   * Whatever else helps.
   */
  details?: unknown;
  /**
   * The member at fault.
   */
  field?: string | null;
  /**
   * The index of the event or item at fault.
   */
  index?: number | null;
  /**
   * Whether the same request may succeed later.
   */
  retryable?: boolean;
  /**
   * The HTTP status.
   */
  status: number;
  /**
   * The kind of problem in words.
   */
  title: string;
  /**
   * A name for the kind of problem, `urn:headway:problem:<code>`.
   */
  type: string;
}
/**
 * How many items may start in a time.
 */
export interface Rate {
  /**
   * Items per period, at least 1.
   */
  count: number;
  /**
   * The period in milliseconds, at least 1; a second unless said.
   */
  per_ms?: number;
}
/**
 * A page of how a job's document changed, oldest first. Applied in order, the patches give the
 * document as it was after each change.
 */
export interface RecordPage {
  /**
   * The job's newest position.
   */
  cursor: Cursor;
  /**
   * Passed as `after`, gives what follows; absent when nothing does yet.
   */
  next?: Cursor | null;
  /**
   * The changes.
   */
  records: JobRecord[];
  /**
   * The position that the log begins after, when its beginning is gone: what was not changed
   * since then is in no patch.
   */
  trimmed_to?: Cursor | null;
}
/**
 * What an accepted report is answered with.
 */
export interface ReportReply {
  /**
   * Commands that wait for the worker.
   */
  commands: Command[];
  /**
   * The position after the report.
   */
  cursor: Cursor;
  /**
   * The job's status after the report.
   */
  status: JobStatus;
}
/**
 * How often and when a failed item is tried again: before attempt `n + 1` a random time between
 * zero and `min(max_delay_ms, initial_delay_ms · factor^(n − 1))`. What `Retry-After` said is waited
 * for before that, up to an hour, and the random time is then up to a fifth of it where that is
 * more: items that were told the same do not come back at the same moment.
 */
export interface Retry {
  /**
   * How the wait grows, 1 to 10.
   */
  factor?: number;
  /**
   * The longest first wait, in milliseconds.
   */
  initial_delay_ms?: number;
  /**
   * Attempts in all, 1 to 100.
   */
  max_attempts?: number;
  /**
   * The longest wait, in milliseconds.
   */
  max_delay_ms?: number;
}
/**
 * Ends what somebody holds, at once and wherever it is used: give one member.
 */
export interface RevocationRequest {
  /**
   * An API key by id, with the tokens that it made.
   */
  key?: string | null;
  /**
   * Everything that a subject holds and that was made before now: keys, tokens, sessions.
   */
  subject?: string | null;
  /**
   * A watch token, or an identity provider's by its `jti`, by id.
   */
  token?: string | null;
}
/**
 * Signs a person in, with a key or with an identity provider's token: give one.
 */
export interface SignInRequest {
  /**
   * An API key.
   */
  key?: Secret | null;
  /**
   * A token of the identity provider (`OpenID` Connect), or a watch token.
   */
  token?: Secret | null;
}
/**
 * What finished within one step.
 */
export interface TimingPoint {
  /**
   * When the step begins.
   */
  at: Timestamp;
  /**
   * Items that failed.
   */
  failed: number;
  /**
   * Items that finished, those that failed among them.
   */
  finished: number;
  /**
   * Half of them took at most so long, in milliseconds; absent when none was read.
   */
  p50_ms?: number | null;
  /**
   * 95 of 100 took at most so long, in milliseconds; absent when none was read.
   */
  p95_ms?: number | null;
}
/**
 * How fast a batch's items finished over time, and how long their last attempts took.
 */
export interface Timings {
  /**
   * How long items took; absent until one has finished.
   */
  duration?: Durations | null;
  /**
   * Items that ran and are finished: succeeded, failed or skipped. When it is more than `read`,
   * those that were read are an even sample, and the counts of the points are scaled up.
   */
  finished: number;
  /**
   * One after the other without a hole, from when the first item finished to when the last did.
   */
  points: TimingPoint[];
  /**
   * Items that this was made of.
   */
  read: number;
  /**
   * How long a point stands for, in milliseconds.
   */
  step_ms: number;
}
/**
 * Makes a watch token: for jobs that are named, or belong to a session or carry a tag that is
 * named, at least one in all and at most 64 of each.
 */
export interface TokenRequest {
  /**
   * What may be asked of them; nothing unless said.
   */
  actions?: Action[];
  /**
   * Jobs by name, which need not exist yet.
   */
  jobs?: JobId[];
  /**
   * Jobs by session.
   */
  sessions?: string[];
  /**
   * For whom it is: counts for the limits of this subject.
   */
  subject?: string | null;
  /**
   * Jobs by tag.
   */
  tags?: string[];
  /**
   * How long it holds, in milliseconds: 1,000 to 2,592,000,000 (30 days); 15 minutes unless said.
   */
  ttl_ms?: number | null;
}
/**
 * Units used of one stock-keeping unit: `{"sku":"gpt-x","input_tokens":120,"output_tokens":8}`.
 */
export interface Usage {
  /**
   * Which rate applies.
   */
  sku: string;
  [k: string]: number | string;
}
/**
 * Where a job's life is announced.
 */
export interface Webhook {
  /**
   * What is announced; the four ends of a job unless said: `completed`, `failed`, `cancelled` and
   * `expired`.
   */
  events?: WebhookEvent[] | null;
  /**
   * What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Unless said, the
   * server's own. It is in no document.
   */
  secret?: Secret | null;
  /**
   * An http or https address of at most 2,048 bytes, without a user and a password.
   */
  url: string;
}
