// What can be pressed.

import "./button.css";
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode, Ref } from "react";

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
  readonly ref?: Ref<HTMLButtonElement>;
  /** In a dialog: whether it has the focus at first. */
  readonly "data-first"?: boolean | undefined;
}

/** A button. Without words it needs an `aria-label`. */
export function Button({ look = "plain", size = "medium", icon, busy = false, unavailable, children, ref, ...rest }: ButtonProps) {
  const off = unavailable !== undefined;
  // A form is sent by its keys as well, unless its button is disabled.
  const disabled = rest.disabled === true || (busy && rest.type === "submit");
  return (
    <button
      type="button" {...rest} ref={ref} className="button" data-look={look} data-size={size}
      data-icon-only={children === undefined || undefined} data-busy={busy || undefined}
      disabled={disabled} aria-disabled={off || busy || undefined} title={off ? unavailable : rest.title}
      onClick={off || busy ? undefined : rest.onClick}
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
