// A sentence that matters here and now.

import "./surface.css";
import type { ReactNode } from "react";

import { Icon, type IconName } from "./icon.tsx";
import type { Tone } from "./tone.ts";

const ICON: Readonly<Record<Tone, IconName>> = { idle: "info", running: "info", good: "check", warn: "warning", bad: "error" };

interface BannerProps {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly title?: string;
  readonly children?: ReactNode;
  /** Buttons at its end. */
  readonly actions?: ReactNode;
}

/** What is wrong is told at once to people who listen; anything else in its turn. */
export function Banner({ tone = "idle", icon, title, children, actions }: BannerProps) {
  return (
    <div className="banner" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={icon ?? ICON[tone]} />
      <div className="banner__text">{title !== undefined && <strong>{title}</strong>}{children}</div>
      {actions}
    </div>
  );
}
