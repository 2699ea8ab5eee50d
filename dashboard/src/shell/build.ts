// Whether the server still serves the dashboard that this tab runs.
//
// Files carry their hash in their names, and a server that was upgraded has those of the new version only:
// a page that was not loaded yet cannot be loaded any more. Nothing is wrong then but that the tab is old.

/** What the server serves: this build, a newer one, or nobody knows since it does not answer. */
export type Served = "same" | "newer" | "unknown";

export interface BuildSource {
  /** Reads the server's `index.html`. */
  readonly read: () => Promise<string>;
  /** The address of the script that this tab began with; absent where there is none. */
  readonly entry: string | undefined;
}

/** Looks at what the server serves now. */
export async function servedBuild({ read, entry }: BuildSource): Promise<Served> {
  const name = entry?.split("/").at(-1);
  if (name === undefined || name === "") return "unknown";
  try {
    const page = await read();
    // Another program, or a proxy's own page, says nothing of the dashboard.
    if (!page.includes('id="root"')) return "unknown";
    return page.includes(name) ? "same" : "newer";
  } catch {
    return "unknown";
  }
}

/** This tab, and the server that it came from. */
export function buildOfTab(): BuildSource {
  return {
    entry: document.querySelector<HTMLScriptElement>("script[type=module][src]")?.src,
    read: async () => {
      const answer = await fetch(new URL(".", document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(10_000) });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.text();
    },
  };
}

/** Told once, however often it is seen. */
export const NEWER_TEXT = "Headway was updated. Reload this tab to use the new version.";
