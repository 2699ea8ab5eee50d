// What is shown where there is nothing, and what to do about it.

import "./surface.css";
import type { ReactNode } from "react";

import { Icon, type IconName } from "./icon.tsx";

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  /** It is all that the page shows: its heading is the page's. */
  readonly whole?: boolean;
  readonly children?: ReactNode;
  /** What to do: buttons, an example. */
  readonly more?: ReactNode;
}

export function Empty({ icon, title, whole = false, children, more }: EmptyProps) {
  return (
    <section className="empty">
      <span className="empty__icon"><Icon name={icon} size={20} /></span>
      {whole ? <h1 className="empty__title">{title}</h1> : <h2>{title}</h2>}
      {children !== undefined && <p>{children}</p>}
      {more !== undefined && <div className="empty__more">{more}</div>}
    </section>
  );
}
