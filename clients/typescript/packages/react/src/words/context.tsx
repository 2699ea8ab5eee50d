"use client";
// The language of everything inside a provider.

import { createContext, useContext, useMemo, useSyncExternalStore, type ReactNode } from "react";

import { ENGLISH, type Words } from "./words.ts";

/** How things are said. */
export interface Speech {
  /** For numbers, amounts and times, as a BCP 47 tag; English unless said. */
  readonly locale?: string | undefined;
  /** For times, as an IANA name; that of the reader's machine unless said. */
  readonly timeZone?: string | undefined;
  /** Words in place of the English ones. */
  readonly words?: Partial<Words> | undefined;
}

/** What a component says things with. */
export interface Language {
  readonly locale: string;
  readonly timeZone: string | undefined;
  readonly words: Words;
}

const LanguageContext = createContext<Language>({ locale: "en", timeZone: undefined, words: ENGLISH });

/** Sets the language; what is not said is as around it. */
export function WordsProvider({ locale, timeZone, words, children }: Speech & { readonly children?: ReactNode }): ReactNode {
  const around = useContext(LanguageContext);
  const language = useMemo(
    () => ({ locale: locale ?? around.locale, timeZone: timeZone ?? around.timeZone, words: { ...around.words, ...words } }),
    [around, locale, timeZone, words],
  );
  return <LanguageContext.Provider value={language}>{children}</LanguageContext.Provider>;
}

/** The language here. Until the page has taken over a server's HTML, times are in UTC: a server cannot know the reader's zone. */
export function useLanguage(locale?: string): Language {
  const language = useContext(LanguageContext);
  const taken = useSyncExternalStore(never, yes, no);
  return useMemo(
    () => ({
      words: language.words,
      locale: locale ?? language.locale,
      timeZone: language.timeZone ?? (taken ? undefined : "UTC"),
    }),
    [language, locale, taken],
  );
}

const never = () => () => undefined;
const yes = (): boolean => true;
const no = (): boolean => false;
