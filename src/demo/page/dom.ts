// Small helpers around the document.

/** The element with this id. The page is written with it, so it is there. */
export function byId<E extends Element = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as unknown as E;
}

type Content = string | Node | readonly (string | Node)[];

/** A new element. Text is text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = "",
  content: Content = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(Array.isArray(content) ? (content as readonly (string | Node)[]) : [content as string | Node]));
  return made;
}

/** A colour of its own for each name: golden-angle steps keep neighbours apart. */
export function hue(name: string): string {
  let hash = 1;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return String(((hash % 1_000) * 137.508) % 360);
}
