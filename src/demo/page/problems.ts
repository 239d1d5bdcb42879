// Mistakes at their fields: where the path of a bridge's error points to in the form, and how it is shown there.

import { element } from "./dom.js";

/** A mistake and its place, `components[1].latency` or `labels["ab"]`. */
export type Problem = { readonly path: string; readonly text: string };

/** `.name`, `[2]` or `["key"]`, one after the other. */
const STEPS = /\.?([^.[\]]+)|\[("(?:[^"\\]|\\.)*"|[^\]]*)\]/g;
/** What the bridge says of a map's key, and not of its value. */
const ABOUT_KEY = /\bkey\b|given twice/;

let made = 0;

/** Shows each problem at its field, and goes to the first. Returns those that no field takes. */
export function showProblems(root: HTMLElement, problems: readonly Problem[]): string[] {
  clearProblems(root);
  const homeless: string[] = [];
  let first: HTMLElement | undefined;
  for (const problem of problems) {
    const field = find(root, problem);
    if (field) showAt(field, problem.text);
    else homeless.push(problem.path ? `${problem.path}: ${problem.text}` : problem.text);
    first ??= field;
  }
  first?.focus();
  return homeless;
}

/** Shows a problem at this field. */
export function showAt(field: HTMLElement, text: string): void {
  const error = element("p", "error", text);
  made += 1;
  error.id = `error-${made}`;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${error.id}`.trim());
  // Behind the row where the field is a part of it, and not inside a label.
  const around = (inner: HTMLElement, selector: string): HTMLElement =>
    inner.parentElement?.matches(selector) ? inner.parentElement : inner;
  around(around(field, ".pair, label"), ".row").after(error);
}

/** Takes every problem away. */
export function clearProblems(root: HTMLElement): void {
  for (const error of root.querySelectorAll(".error")) error.remove();
  for (const field of root.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

/** Keys that a map has more than once: the second of each, and what is wrong with it. JSON cannot say two of them. */
export function doubleKeys(root: HTMLElement): { field: HTMLElement; text: string }[] {
  return [...root.querySelectorAll<HTMLElement>("[data-map]")].flatMap((map) => {
    const seen = new Set<string>();
    if (map.closest("[hidden]")) return [];
    return keysOf(map).flatMap((field) => {
      const text = `another row has the key ${JSON.stringify(field.value)} already; a map has each key once`;
      if (seen.has(field.value)) return [{ field, text }];
      seen.add(field.value);
      return [];
    });
  });
}

/** The inputs of a map's own keys, not of maps in its values. */
function keysOf(map: HTMLElement): HTMLInputElement[] {
  return [...map.querySelectorAll<HTMLInputElement>("[data-key]")].filter((key) => key.closest("[data-map]") === map);
}

/** The control of this path, or of the message, list or map around it. */
function find(root: HTMLElement, { path, text }: Problem): HTMLElement | undefined {
  const controls = new Map([...root.querySelectorAll<HTMLElement>("[data-path]")].map((control) => [control.dataset.path, control]));
  let at = "";
  let nearest: HTMLElement | undefined;
  for (const [, name, place] of path.matchAll(STEPS)) {
    let key: HTMLElement | undefined;
    if (name !== undefined) {
      at += at ? `.${name}` : name;
    } else if (nearest?.dataset.map !== undefined && nearest.dataset.path === at) {
      // The form counts rows; the bridge names keys.
      const keys = keysOf(nearest);
      const row = place?.startsWith('"') ? keys.findLastIndex(({ value }) => JSON.stringify(value) === normal(place)) : Number(place);
      key = keys[row];
      if (!key) return nearest;
      at += `[${row}]`;
    } else {
      at += `[${place}]`;
    }
    nearest = controls.get(at) ?? key ?? nearest;
    // At the end of the path it is the entry as a whole: its key or its value.
    if (key && ABOUT_KEY.test(text) && path.endsWith(`[${place}]`)) nearest = key;
  }
  return nearest;
}

/** A quoted key as `JSON.stringify` quotes it, whatever else may be written with a backslash. */
function normal(quoted: string): string {
  try {
    return JSON.stringify(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}
