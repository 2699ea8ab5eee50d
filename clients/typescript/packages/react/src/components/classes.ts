// Names of classes.

/** What every component can be given. */
export interface Styled {
  /** Classes beside the component's own. */
  readonly className?: string | undefined;
}

/** Those that there are, in one attribute. */
export function classes(...names: readonly (string | undefined)[]): string {
  return names.filter((name) => name !== undefined && name !== "").join(" ");
}
