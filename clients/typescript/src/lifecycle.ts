// What the page or process around the client goes through, as far as a connection cares.

/** What happened: the network came or went, the page was shown or hidden. */
export type LifecycleEvent = "online" | "offline" | "visible" | "hidden";

/** Tells what happens until the returned function is called. */
export type Lifecycle = (listener: (event: LifecycleEvent) => void) => () => void;

/** The lifecycle of a browser's page. Tells nothing where there is none. */
export const pageLifecycle: Lifecycle = (listener) => {
  const page = globalThis as unknown as Partial<Pick<Window, "document" | "addEventListener">>;
  const { document } = page;
  const stop = new AbortController();
  const { signal } = stop;
  const on = ({ type }: Event): void =>
    listener(type === "online" || type === "offline" ? type : document?.hidden ? "hidden" : "visible");
  if (document) {
    for (const type of ["online", "offline", "pageshow"]) page.addEventListener?.(type, on, { signal });
    document.addEventListener("visibilitychange", on, { signal });
  }
  return () => stop.abort();
};
