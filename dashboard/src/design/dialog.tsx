// A window over the page, which holds the focus until it is closed.

import "./dialog.css";
import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

import { Button } from "./button.tsx";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly width?: "narrow" | "wide";
  readonly children: ReactNode;
}

/** Open while it is rendered. Escape, the cross and the page behind it close it. */
export function Dialog({ title, onClose, width = "narrow", children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // It is closed while it is still there: only so does what opened it have the focus again.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // React's `autoFocus` comes before the dialog is open: what is meant says so.
    element?.querySelector<HTMLElement>("[data-first], .dialog__body :is(input, select, textarea)")?.focus();
    return () => { element?.close(); };
  }, []);
  return (
    <dialog
      ref={dialog} className="dialog" data-width={width} aria-labelledby={heading}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onPointerDown={(event) => { if (event.target === event.currentTarget) onClose(); }}
    >
      <div className="dialog__head">
        <h2 id={heading}>{title}</h2>
        <Button look="quiet" icon="close" aria-label="Close" onClick={onClose} />
      </div>
      <div className="dialog__body">{children}</div>
    </dialog>
  );
}

/** The buttons at a dialog's end, what is meant last. */
export function DialogChoices({ children }: { readonly children: ReactNode }) {
  return <div className="dialog__choices">{children}</div>;
}
