// Which of the rows that are drawn shows which job.
//
// **Invariants:** a job keeps its row for as long as it is in sight. A row whose job has left is taken over only by a job
// below all those that stay: so none of them is moved in the document, where it would lose the focus.

export class Slots {
  #held: ReadonlyMap<string, number> = new Map();
  #next = 0;

  /** The rows of these jobs, each once and in this order. The same jobs have the same rows again. */
  of(ids: readonly string[]): readonly number[] {
    const wanted = new Set(ids);
    const free = [...this.#held].filter(([id]) => !wanted.has(id)).map(([, slot]) => slot);
    const lastKept = ids.findLastIndex((id) => this.#held.has(id));
    const slots = ids.map((id, place) => this.#held.get(id) ?? (place > lastKept ? free.shift() : undefined) ?? this.#fresh());
    this.#held = new Map(ids.map((id, place) => [id, slots[place] ?? 0]));
    return slots;
  }

  #fresh(): number {
    this.#next += 1;
    return this.#next;
  }
}
