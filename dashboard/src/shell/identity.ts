// What whoever is signed in is, sees and may do, as the server told it. A button that is not there is
// no protection: the server judges every request.

import type { Action, Identity, Selector } from "@headway/client";

export type Scope = "watch" | "report" | "control" | "admin";

/** How somebody has signed in, for those who have no name. */
const CREDENTIAL: Readonly<Record<string, string>> = { key: "API key", admin_key: "Admin key", jwt: "Somebody", token: "Watch token", none: "This machine" };

/** What a name of a scope lets one do. */
const SCOPE_FOR: Readonly<Record<Scope, string>> = {
  watch: "seeing jobs", report: "making jobs and batches", control: "cancelling, pausing, resuming and retrying", admin: "looking after keys, the audit log and dead letters",
};

export class Person {
  readonly identity: Identity;

  constructor(identity: Identity) {
    this.identity = identity;
  }

  has(scope: Scope): boolean {
    return this.identity.scopes.includes(scope);
  }

  /** Whether they may ask this of a job that they see. */
  may(action: Action): boolean {
    const { listed } = this.identity;
    const isListed = listed === undefined || listed === null || (listed.actions ?? []).includes(action);
    return this.has("control") && isListed;
  }

  /** Whether they look after the node: administrators of the tenant `default`. */
  get operates(): boolean {
    return this.has("admin") && this.identity.owner.tenant === "default" && this.identity.sees !== "listed";
  }

  /** Whether they may give others a watch token. Where nobody signs in, a link needs none. */
  get sharesTokens(): boolean {
    return this.identity.sign_in && this.identity.credential !== "token" && this.has("watch");
  }

  /** The one job that there is to see, if it is just one. */
  get onlyJob(): string | undefined {
    const { jobs = [], sessions = [], tags = [] } = this.identity.listed ?? {};
    return jobs.length === 1 && sessions.length === 0 && tags.length === 0 ? jobs[0] : undefined;
  }

  /** What has to be watched to see all that there is to see. */
  get selectors(): readonly Selector[] {
    if (this.identity.sees !== "listed") return [{ all: true }];
    const { jobs = [], sessions = [], tags = [] } = this.identity.listed ?? {};
    return [...jobs.map((job) => ({ job })), ...sessions.map((session) => ({ session })), ...tags.map((tag) => ({ tag }))];
  }

  get name(): string {
    return this.identity.owner.subject ?? CREDENTIAL[this.identity.credential] ?? this.identity.credential;
  }

  /** What they are: a role or scopes, and where. */
  get standing(): string {
    const { role, scopes, owner } = this.identity;
    const rights = role ?? (scopes.length === 0 ? "no scopes" : scopes.join(", "));
    return `${rights} · ${owner.tenant}`;
  }
}

/** Why somebody without a scope cannot do what it is for. */
export function lacks(scope: Scope): string {
  return `Your sign-in has no scope “${scope}”, which is for ${SCOPE_FOR[scope]}.`;
}
