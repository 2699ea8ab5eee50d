// What is shown when a page breaks, so that the others stay.

import { Component, type ErrorInfo, type ReactNode } from "react";

import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { NotLoaded } from "./not_loaded.tsx";
import { PageNotLoaded } from "./pages.tsx";

interface CrashBoundaryProps {
  /** Another value gives the page another try. */
  readonly place: string;
  readonly children: ReactNode;
}

interface CrashBoundaryState {
  readonly error: unknown;
  readonly place: string;
}

export class CrashBoundary extends Component<CrashBoundaryProps, CrashBoundaryState> {
  override state: CrashBoundaryState = { error: undefined, place: this.props.place };

  static getDerivedStateFromError(error: unknown): Partial<CrashBoundaryState> {
    return { error: error ?? new Error("unknown") };
  }

  static getDerivedStateFromProps(props: CrashBoundaryProps, state: CrashBoundaryState): CrashBoundaryState | null {
    return props.place === state.place ? null : { error: undefined, place: props.place };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    if (error instanceof PageNotLoaded) return <NotLoaded />;
    return (
      <Empty
        icon="error" title="This page could not be shown" whole
        more={<Button icon="retry" onClick={() => { location.reload(); }}>Reload</Button>}
      >
        {error instanceof Error ? error.message : "Something unexpected happened."}
      </Empty>
    );
  }
}
