// Lines of JSON that come in pieces.

/** Each line's value, as it comes. */
export async function* jsonLines<Value>(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Value, void, undefined> {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + (value ?? "")).split("\n");
      rest = done ? "" : (lines.pop() ?? "");
      for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as Value;
      if (done) return;
    }
  } finally {
    // Whoever stops early wants no more of it.
    await reader.cancel();
  }
}
