// A position in a job's log: eight hexadecimal digits that name the log, and a number.

/** Whether `cursor` is of the same log as `held` and not after it. */
export function isAtMost(cursor: string, held: string | undefined): boolean {
  if (held === undefined) return false;
  const [epoch, offset] = parts(cursor);
  const [heldEpoch, heldOffset] = parts(held);
  return epoch === heldEpoch && offset <= heldOffset;
}

/** The number of a position in its log. */
export function offset(cursor: string): number {
  return parts(cursor)[1];
}

function parts(cursor: string): [epoch: string, offset: number] {
  const dash = cursor.indexOf("-");
  return [cursor.slice(0, dash), Number(cursor.slice(dash + 1))];
}
