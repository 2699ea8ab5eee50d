// Cuts a text that comes in pieces into the `data` of its events (WHATWG HTML, section 9.2.6). Names
// and ids of events are inside the data as well, so that they are passed over.

/** The largest event that is read, in UTF-16 units; a snapshot carries a result of at most 1 MiB beside the rest. */
const LONGEST = 4 * 1024 * 1024;

export class EventReader {
  #rest = "";
  #data: string[] = [];
  #length = 0;

  /** The events that a piece completes; `undefined` when one is too large to be read. */
  push(piece: string): string[] | undefined {
    const events: string[] = [];
    const text = this.#rest + piece;
    let from = 0;
    for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) {
      // The line feed that belongs to a return may still come.
      if (end === "\r" && index === text.length - 1) break;
      this.#line(text.slice(from, index), events);
      from = index + end.length;
    }
    this.#rest = text.slice(from);
    return this.#rest.length + this.#length > LONGEST ? undefined : events;
  }

  #line(line: string, events: string[]): void {
    if (line === "") {
      if (this.#data.length > 0) events.push(this.#data.join("\n"));
      this.#data = [];
      this.#length = 0;
    } else if (line.startsWith("data:")) {
      const data = line.slice(line.startsWith("data: ") ? "data: ".length : "data:".length);
      this.#data.push(data);
      this.#length += data.length;
    }
  }
}
