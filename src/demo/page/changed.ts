// Notices that the bridge serves another schema than the page shows, and offers it.

import { element } from "./dom.js";

/** Looking costs a few hundred bytes; a reload is seen before somebody wonders. */
const LOOK_MS = 3_000;

/** What is looked at, and what to do. */
export type Watched = {
  /** The fingerprint of the schema that the page shows. */
  shown(): string;
  /** Whether there is somebody to ask. */
  isReachable(): boolean;
  /** Asks for the fingerprint of the schema that is served. */
  served(): Promise<string>;
  /** Shows the schema that is served. */
  show(): Promise<void>;
};

/** Looks for as long as the page is there and somebody sees it, and tells in this bar, which is a live region. */
export function watchSchema(bar: HTMLElement, watched: Watched): void {
  const text = element("p", "", "The schema has changed. The event types and the form of this page are those of the old one.");
  const button = element("button", "", "Show the new one");
  button.type = "button";
  button.addEventListener("click", () => {
    button.disabled = true;
    watched
      .show()
      .then(() => bar.replaceChildren())
      .catch((error: unknown) => (text.textContent = `The new schema did not come: ${(error as Error).message}`))
      .finally(() => (button.disabled = false));
  });
  const look = async (): Promise<void> => {
    if (document.hidden || !watched.isReachable()) return;
    // A bridge that does not answer now is asked again soon.
    const served = await watched.served().catch(() => undefined);
    if (served === undefined || button.disabled) return;
    if (served === watched.shown()) bar.replaceChildren();
    else if (!bar.hasChildNodes()) bar.append(text, button);
  };
  setInterval(() => void look(), LOOK_MS);
  document.addEventListener("visibilitychange", () => void look());
}
