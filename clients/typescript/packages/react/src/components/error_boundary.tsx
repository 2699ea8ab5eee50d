"use client";
// Keeps what breaks inside it from breaking what is around it.

import { Component, type ErrorInfo, type ReactNode } from "react";

import { useLanguage } from "../words/context.tsx";

/** What a fallback is given. */
export interface Broken {
  readonly error: unknown;
  /** Shows the inside again. */
  readonly retry: () => void;
}

export interface HeadwayErrorBoundaryProps {
  readonly children?: ReactNode;
  /** Stands in its place; a sentence and a button unless said. */
  readonly fallback?: ReactNode | ((broken: Broken) => ReactNode);
  /** Is told of what broke. Nothing is logged here. */
  readonly onError?: ((error: unknown, info: ErrorInfo) => void) | undefined;
}

interface State {
  readonly broken: { readonly error: unknown } | undefined;
}

/** Keeps what breaks inside it from breaking what is around it. */
export class HeadwayErrorBoundary extends Component<HeadwayErrorBoundaryProps, State> {
  override readonly state: State = { broken: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { broken: { error } };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    this.props.onError?.(error, info);
  }

  readonly #retry = (): void => {
    this.setState({ broken: undefined });
  };

  override render(): ReactNode {
    const { children, fallback } = this.props;
    const { broken } = this.state;
    if (broken === undefined) return children;
    if (typeof fallback === "function") return fallback({ ...broken, retry: this.#retry });
    return fallback === undefined ? <Fallback retry={this.#retry} /> : fallback;
  }
}

function Fallback({ retry }: { readonly retry: () => void }): ReactNode {
  const { words } = useLanguage();
  return (
    <div className="headway headway-card headway-notice" role="alert">
      <span>{words.broken}</span>
      <button type="button" className="headway-button" onClick={retry}>
        {words.tryAgain}
      </button>
    </div>
  );
}
