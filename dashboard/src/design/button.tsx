// What can be pressed.

import "./button.css";
import { useCallback, type AnchorHTMLAttributes, type ButtonHTMLAttributes, type MouseEvent, type ReactNode, type RefObject } from "react";

import { passFocusOn } from "./heir.ts";
import { Icon, type IconName } from "./icon.tsx";

/** `strong` for the one thing a form is for, `danger` for what cannot be taken back, `quiet` among others. */
export type Look = "plain" | "strong" | "danger" | "quiet";

interface Shape {
  readonly look?: Look;
  readonly size?: "small" | "medium";
  readonly icon?: IconName;
  readonly children?: ReactNode;
}

interface ButtonProps extends Shape, Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
  /** What it asked for is under way: it is not pressed twice, and keeps the focus. */
  readonly busy?: boolean;
  /** Why it cannot be pressed; it stays reachable, so that everybody can learn the reason. */
  readonly unavailable?: string | undefined;
  readonly ref?: RefObject<HTMLButtonElement | null>;
  /** What has the focus next when the button goes away with it, as a selector; else the heading of its part of the page. */
  readonly heir?: string | undefined;
  /** What others find it by. */
  readonly "data-name"?: string | undefined;
  /** In a dialog: whether it has the focus at first. */
  readonly "data-first"?: boolean | undefined;
}

/** A button. Without words it needs an `aria-label`. */
export function Button({ look = "plain", size = "medium", icon, busy = false, unavailable, heir, children, ref, ...rest }: ButtonProps) {
  const off = unavailable !== undefined;
  const attach = useCallback((button: HTMLButtonElement) => {
    if (ref !== undefined) ref.current = button;
    return () => {
      passFocusOn(button);
      if (ref !== undefined) ref.current = null;
    };
  }, [ref]);
  // A form is sent by its keys as well: they press its button. One that is disabled would lose the focus.
  const refuse = (event: MouseEvent): void => { event.preventDefault(); };
  return (
    <button
      type="button" {...rest} ref={attach} className="button" data-look={look} data-size={size}
      data-icon-only={children === undefined || undefined} data-busy={busy || undefined}
      data-heir={heir} aria-disabled={off || busy || undefined} title={off ? unavailable : rest.title}
      onClick={off || busy ? refuse : rest.onClick}
    >
      {icon !== undefined && !busy && <Icon name={icon} size={size === "small" ? 14 : 16} />}
      {children}
    </button>
  );
}

interface LinkButtonProps extends Shape, Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "children"> {
  readonly href: string;
}

/** A link that looks like a button. */
export function LinkButton({ look = "plain", size = "medium", icon, children, ...rest }: LinkButtonProps) {
  return (
    <a {...rest} className="button" data-look={look} data-size={size} data-icon-only={children === undefined || undefined}>
      {icon !== undefined && <Icon name={icon} size={size === "small" ? 14 : 16} />}
      {children}
    </a>
  );
}
