// What the page or process around the client goes through, as far as a connection cares.

/** What happened: the network came or went, the page was shown or hidden. */
export type LifecycleEvent = "online" | "offline" | "visible" | "hidden";

/** Tells what happens until the returned function is called. */
export type Lifecycle = (listener: (event: LifecycleEvent) => void) => () => void;

/** The lifecycle of a browser's page. Tells nothing where there is none. */
export const pageLifecycle: Lifecycle = (listener) => {
  const page = globalThis as unknown as Partial<Pick<Window, "document" | "addEventListener" | "removeEventListener">>;
  const { document } = page;
  if (!page.addEventListener || !document) return () => {};
  const on = (event: Event): void => {
    if (event.type === "online" || event.type === "offline") listener(event.type);
    else listener(document.visibilityState === "hidden" ? "hidden" : "visible");
  };
  const listen = (method: "addEventListener" | "removeEventListener"): void => {
    for (const type of ["online", "offline", "pageshow"]) page[method]?.(type, on);
    document[method]("visibilitychange", on);
  };
  listen("addEventListener");
  return () => listen("removeEventListener");
};
