// What a session wants done, and what it has to tell.

import type { Frame } from "../protocol/frame.ts";
import type { TransportName } from "./connection.ts";
import type { LaneFrame } from "./lane.ts";

/** What a stream has to tell. */
export type News =
  /** `lane(job)` is another. */
  | { readonly type: "job"; readonly job: string }
  /** Something happened in a job. */
  | { readonly type: "event"; readonly frame: Extract<Frame, { type: "event" | "gap" }> }
  /** `refusal(key)` is another. */
  | { readonly type: "subscription"; readonly key: string }
  /** A frame to hand on, of a stream that is relayed. */
  | { readonly type: "frame"; readonly frame: LaneFrame }
  /** A replay begins with the next frame. */
  | { readonly type: "replayed"; readonly replay: number };

/** One thing that a session wants done or tells, in order. */
export type Output =
  | News
  /** Ask the application for a token and give it to `handleToken`. */
  | { readonly type: "token" }
  /** Make a connection of this number; the one before is over. */
  | {
      readonly type: "connect";
      readonly connection: number;
      readonly transport: TransportName;
      readonly path: string;
      readonly token: string | undefined;
    }
  /** Send a text. */
  | { readonly type: "send"; readonly connection: number; readonly text: string }
  /** Let the connection go; nothing that it still says is of interest. */
  | { readonly type: "disconnect"; readonly connection: number }
  /** `connection()` is another. */
  | { readonly type: "connection" };
