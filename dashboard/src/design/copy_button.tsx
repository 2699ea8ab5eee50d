// A button that puts a text where it can be pasted from.

import { useEffect, useState } from "react";

import { Button, type Look } from "./button.tsx";

/** How long it says that it was done, in milliseconds. */
const SAID_FOR_MS = 2000;

interface CopyButtonProps {
  /** What it copies, in words: `the job's id`. */
  readonly what: string;
  readonly text: string;
  /** Words on the button; a picture alone unless given. */
  readonly label?: string;
  readonly look?: Look;
}

export function CopyButton({ what, text, label, look = label === undefined ? "quiet" : "plain" }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<"copied" | "refused" | undefined>(undefined);
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => { setOutcome(undefined); }, SAID_FOR_MS);
    return () => { clearTimeout(timer); };
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      setOutcome("refused");
    }
  };
  const icon = outcome === "copied" ? "check" : outcome === "refused" ? "error" : "copy";
  const words = outcome === "copied" ? "Copied" : outcome === "refused" ? "Select the text and copy it by hand" : `Copy ${what}`;
  return (
    <>
      <Button look={look} size={label === undefined ? "small" : "medium"} icon={icon} aria-label={words} title={words} onClick={() => void copy()}>
        {label === undefined ? undefined : outcome === "copied" ? "Copied" : label}
      </Button>
      <span className="unseen" role="status">{outcome === undefined ? "" : words}</span>
    </>
  );
}
