// Time, chance and timers, so that a test can bring its own.

export interface Clock {
  /** Milliseconds since the Unix epoch that never go back. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  /** Calls once, later, and gives what takes that back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The longest time that a platform's timer can wait; whoever waits longer asks again. */
const LONGEST_MS = 2 ** 31 - 1;

/** The platform's. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  random: () => Math.random(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, Math.min(Math.max(milliseconds, 0), LONGEST_MS));
    return () => {
      clearTimeout(timer);
    };
  },
};
