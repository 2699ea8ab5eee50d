// Reads the text of OpenMetrics 1.0, and of its elder, the Prometheus text format. Timestamps and
// exemplars are passed over, and so is a line that cannot be read: the others are still of use.

/** One measured value. */
export interface Sample {
  /** The family's name with what belongs to the type, such as `_total` or `_bucket`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one thing. */
export interface Family {
  readonly name: string;
  /** `counter`, `gauge`, `histogram`, …; `unknown` unless said. */
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const REMARK = /^# (HELP|TYPE) ([\w:]+) (.*)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
/** What a sample's name may have after that of its family. */
const ENDING = /_(?:total|created|bucket|sum|count|gsum|gcount|info)$/;

/** The families of a text, by name, in its order. */
export function readFamilies(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { name: string; type: string; help: string; samples: Sample[] }>();
  const family = (name: string) => {
    const present = families.get(name);
    if (present !== undefined) return present;
    const made = { name, type: "unknown", help: "", samples: [] };
    families.set(name, made);
    return made;
  };
  for (const line of text.split(/\r?\n/)) {
    const [, word, about, rest] = REMARK.exec(line) ?? [];
    if (about !== undefined && rest !== undefined) {
      if (word === "TYPE") family(about).type = rest.trim();
      else family(about).help = plain(rest);
      continue;
    }
    const [, name, labels = "", figure] = line.startsWith("#") ? [] : (SAMPLE.exec(line) ?? []);
    if (name === undefined || figure === undefined) continue;
    const value = number(figure);
    if (value === undefined) continue;
    const short = name.replace(ENDING, "");
    const found = Object.fromEntries([...labels.matchAll(LABEL)].map(([, label = "", said = ""]) => [label, plain(said)]));
    family(families.has(name) || !families.has(short) ? name : short).samples.push({ name, labels: found, value });
  }
  return families;
}

/** A figure as the format writes it; `undefined` when it is none. */
export function number(text: string): number | undefined {
  switch (text.toLowerCase()) {
    case "+inf":
    case "inf":
      return Infinity;
    case "-inf":
      return -Infinity;
    case "nan":
      return Number.NaN;
    default: {
      const value = Number(text);
      return text === "" || Number.isNaN(value) ? undefined : value;
    }
  }
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", '"': '"', "\\": "\\" };

function plain(text: string): string {
  return text.replaceAll(/\\(.)/g, (whole, sign: string) => ESCAPED[sign] ?? whole);
}
