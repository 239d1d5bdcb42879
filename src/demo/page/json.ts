// JSON as it was typed: numbers with all their digits, members in their order and as often as they were given. JavaScript's
// own values keep neither, and what this page sends must be what somebody wrote.

/** A number, by its text. */
export class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object, member by member. */
export class Members {
  readonly list: readonly (readonly [name: string, value: Json])[];

  constructor(list: readonly (readonly [name: string, value: Json])[]) {
    this.list = list;
  }

  /** The member of this name. */
  get(name: string): Json | undefined {
    return this.list.findLast(([own]) => own === name)?.[1];
  }
}

/** Any JSON. */
export type Json = string | boolean | null | Digits | Members | readonly Json[];

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const TOKENS = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}[\],:]/g;

/**
 * Reads a text.
 *
 * @throws SyntaxError, with the place, where it is no JSON
 */
export function parse(text: string): Json {
  // The judge of the syntax, so that what follows may rely on it.
  JSON.parse(text);
  const tokens = text.match(TOKENS) ?? [];
  let at = 0;
  const next = (): string => tokens[at++] ?? "";
  const value = (): Json => {
    const token = next();
    if (token === "{") return new Members(items("}", () => [JSON.parse(next()) as string, (next(), value())] as const));
    if (token === "[") return items("]", value);
    if (token === "null") return null;
    if (token === "true" || token === "false") return token === "true";
    return token.startsWith('"') ? (JSON.parse(token) as string) : new Digits(token);
  };
  const items = <Item>(end: string, item: () => Item): Item[] => {
    const found: Item[] = [];
    while (tokens[at] !== end) {
      found.push(item());
      if (tokens[at] === ",") at += 1;
    }
    at += 1;
    return found;
  };
  return value();
}

/** Writes it; with an indent, over several lines. */
export function print(json: Json, indent = "", margin = ""): string {
  const inner = margin + indent;
  const around = (open: string, parts: readonly string[], close: string): string => {
    if (parts.length === 0) return open + close;
    return indent ? `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}` : open + parts.join(",") + close;
  };
  if (json instanceof Digits) return json.text;
  if (json instanceof Members) {
    const colon = indent ? ": " : ":";
    return around("{", json.list.map(([name, value]) => JSON.stringify(name) + colon + print(value, indent, inner)), "}");
  }
  if (typeof json === "object" && json !== null) return around("[", json.map((item) => print(item, indent, inner)), "]");
  return JSON.stringify(json);
}

/** What somebody typed where a number belongs: the number, or the text as it is where it is none. */
export function numberOr(text: string): Json {
  return NUMBER.test(text.trim()) ? new Digits(text.trim()) : text;
}
