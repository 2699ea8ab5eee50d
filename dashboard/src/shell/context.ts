// What every part of the dashboard may ask for: who is here, and where to tell them something.

import { createContext, use } from "react";

import type { Person } from "./identity.ts";
import type { Notices, Notice } from "./notices.ts";
import type { Question, Questions } from "./questions.ts";
import type { Session } from "./session.ts";

export interface Surroundings {
  readonly session: Session;
  readonly questions: Questions;
  readonly notices: Notices;
}

export const SurroundingsContext = createContext<Surroundings | undefined>(undefined);
export const PersonContext = createContext<Person | undefined>(undefined);

export function useSurroundings(): Surroundings {
  const surroundings = use(SurroundingsContext);
  if (surroundings === undefined) throw new TypeError("this component is rendered outside of the dashboard");
  return surroundings;
}

/** Who is signed in. */
export function usePerson(): Person {
  const person = use(PersonContext);
  if (person === undefined) throw new TypeError("this component is rendered where nobody is signed in");
  return person;
}

/** Asks in a dialog: `undefined` for a no, else what was filled in. */
export function useQuestion(): (question: Question) => Promise<string | undefined> {
  return useSurroundings().questions.ask;
}

/** Tells something at the page's edge. */
export function useNotify(): (notice: Notice) => void {
  return useSurroundings().notices.tell;
}
