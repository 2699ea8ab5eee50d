// A button that opens a list of things to do, or a few facts.

import "./menu.css";
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { Icon, type IconName } from "./icon.tsx";
import { Button, type Look } from "./button.tsx";

interface MenuProps {
  /** What the button says; for people who listen when `content` shows something else. */
  readonly label: string;
  readonly content?: ReactNode;
  readonly icon?: IconName;
  readonly look?: Look;
  readonly align?: "start" | "end";
  /** The list; `close` takes it away. */
  readonly children: (close: () => void) => ReactNode;
}

/** Escape and a press elsewhere close it; arrow keys go through its items. */
export function Menu({ label, content, icon, look = "quiet", align = "end", children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => { setOpen(false); };
  useEffect(() => {
    if (!open) return;
    const opener = button.current;
    const away = (event: Event) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
      // Whatever had the focus inside is gone: it goes back to where it came from.
      if (document.activeElement === null || document.activeElement === document.body) opener?.focus();
    };
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && open) {
      event.stopPropagation();
      close();
      return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    if (!open) {
      setOpen(true);
      return;
    }
    const items = [...(root.current?.querySelectorAll<HTMLElement>(".menu__item") ?? [])];
    const place = items.findIndex((item) => item === document.activeElement);
    const next = event.key === "ArrowDown" ? place + 1 : place - 1;
    items[(next + items.length) % items.length]?.focus();
  };
  return (
    <div className="menu" ref={root} onKeyDown={onKeyDown}>
      <Button
        ref={button} look={look} {...(icon !== undefined && { icon })} aria-label={content === undefined && icon === undefined ? undefined : label}
        aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => { setOpen(!open); }}
      >
        {icon !== undefined && content === undefined ? undefined : (content ?? label)}
      </Button>
      {open && <div className="menu__list" id={id} data-align={align}>{children(close)}</div>}
    </div>
  );
}

interface MenuItemProps {
  readonly icon?: IconName;
  readonly look?: "plain" | "danger";
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

export function MenuItem({ icon, look = "plain", onSelect, children }: MenuItemProps) {
  return (
    <button type="button" className="menu__item" data-look={look} onClick={onSelect}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
