// A page and its parts.

import "./surface.css";
import { useEffect, useId, type ReactNode } from "react";

/** The column that a page is in. */
export function Page({ children }: { readonly children: ReactNode }) {
  return <div className="page">{children}</div>;
}

interface PageHeadProps {
  readonly title: string;
  /** What the window is called, when that is not the title. */
  readonly windowTitle?: string;
  /** Below the title. */
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

/** A page's one `h1`, which also names the window. */
export function PageHead({ title, windowTitle, children, actions }: PageHeadProps) {
  useWindowTitle(windowTitle ?? title);
  return (
    <header className="page-head">
      <div className="page-head__text"><h1>{title}</h1>{children}</div>
      {actions !== undefined && <div className="page-head__actions">{actions}</div>}
    </header>
  );
}

/** Names the window. */
export function useWindowTitle(title: string): void {
  useEffect(() => {
    document.title = title === "Headway" ? title : `${title} · Headway`;
  }, [title]);
}

interface PanelProps {
  readonly title: string;
  /** At the end of the heading's line. */
  readonly actions?: ReactNode;
  /** What it holds goes to its edges, as a table does. */
  readonly flush?: boolean;
  readonly children: ReactNode;
}

/** A part of a page with a heading. Panels are not put into panels. */
export function Panel({ title, actions, flush = false, children }: PanelProps) {
  const heading = useId();
  return (
    <section className="panel" aria-labelledby={heading}>
      <div className="panel__head"><h2 id={heading}>{title}</h2>{actions}</div>
      {flush ? children : <div className="panel__body">{children}</div>}
    </section>
  );
}

/** Names and values: `<Facts of={[["Id", <code>{id}</code>]]} />`. What is `undefined` is left out. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}><dt>{name}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

/** A key to press. */
export function Key({ children }: { readonly children: string }) {
  return <kbd className="key">{children}</kbd>;
}
