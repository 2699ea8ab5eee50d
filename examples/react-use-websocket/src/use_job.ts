// One job, watched with react-use-websocket.

import { useCallback, useRef, useState } from "react";
import useWebSocket, { ReadyState } from "react-use-websocket";

import { fits, fold, type Held, type Job, type Message } from "./job.ts";

/** The longest wait before another attempt. */
const LONGEST_WAIT_MS = 16_000;

export interface WatchedJob {
  readonly job: Job | undefined;
  readonly connected: boolean;
  /** What the server said when it would not be watched: there is no such job, or not for this caller. */
  readonly refused: string | undefined;
}

/** Watches a job, and goes on where it was when a connection is lost. */
export function useJob(id: string): WatchedJob {
  const [held, setHeld] = useState<Held>();
  const [refused, setRefused] = useState<string>();
  // What a reconnect resumes from: read when a connection is made, not when the page is drawn.
  const position = useRef<Held>(undefined);

  const address = useCallback(() => {
    const url = new URL(`api/v1/jobs/${encodeURIComponent(id)}/stream`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (position.current !== undefined) url.searchParams.set("cursor", position.current.cursor);
    return url.href;
  }, [id]);

  const { readyState } = useWebSocket(address, {
    protocols: ["headway.v1"],
    // Each message matters, so none is read from state, where only the newest of a moment would be.
    onMessage: ({ data, target }: MessageEvent<string>) => {
      const message = JSON.parse(data) as Message;
      if (fits(position.current, message)) {
        position.current = fold(position.current, message);
        setHeld(position.current);
      } else {
        // Without a cursor the next connection begins with a snapshot.
        position.current = undefined;
        (target as WebSocket).close();
      }
    },
    onClose: ({ code, reason }) => {
      if (isFinal(code)) setRefused(reason);
    },
    // 1000: the job has ended.
    shouldReconnect: ({ code }) => code !== 1000 && !isFinal(code),
    reconnectInterval: (attempt) => Math.random() * Math.min(1_000 * 2 ** attempt, LONGEST_WAIT_MS),
    reconnectAttempts: Number.POSITIVE_INFINITY,
  });

  return { job: held?.job, connected: readyState === ReadyState.OPEN, refused };
}

/** Whether coming back would not help. */
function isFinal(code: number): boolean {
  return code >= 4500 && code <= 4999;
}
