// An event in the words of its type. What has none is shown field by field.

import { element } from "./dom.js";
import type { FeedEvent } from "./feed.js";

export function describe(event: FeedEvent): (string | Node)[] {
  return Object.entries((event.data ?? {}) as Record<string, unknown>).map(([name, value]) =>
    element("span", "field", [element("i", "", `${name} `), typeof value === "object" ? JSON.stringify(value) : String(value)]));
}
