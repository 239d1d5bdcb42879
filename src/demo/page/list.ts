// The list of events and notices, newest first.

import { element, hue } from "./dom.js";
import type { Arrival } from "./ledger.js";

/** How many are kept on the page. */
const SHOWN = 150;

/** What stands in the list for one event. */
export type Line = {
  type: string;
  channel: string;
  sequence: number;
  timestamp: string;
  arrival: Arrival;
  /** In the words of its type. */
  what: readonly (string | Node)[];
  /** Made when somebody opens it. */
  body: () => readonly Node[];
  /** What the filter looks at. */
  text: string;
};

/** The mood of a notice. */
export type Mood = "good" | "warn" | "bad";

/** The list, with pause and filter. */
export class EventList {
  readonly #root: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #empty: HTMLElement;
  #held: HTMLElement[] = [];
  #waiting: HTMLElement[] = [];
  #stop: HTMLElement | undefined;
  #paused = false;
  #filter = "";

  constructor(root: HTMLElement, template: HTMLTemplateElement, empty: HTMLElement) {
    this.#root = root;
    this.#template = template;
    this.#empty = empty;
    root.addEventListener("keydown", (key) => this.#move(key));
    root.addEventListener("focusin", ({ target }) => {
      const line = target as HTMLElement;
      if (this.#lines().includes(line)) this.#stopAt(line);
    });
  }

  /** Adds an event. */
  event(line: Line): void {
    const item = this.#template.content.firstElementChild?.cloneNode(true) as HTMLElement;
    const part = (selector: string): HTMLElement => item.querySelector(selector) as HTMLElement;
    item.style.setProperty("--hue", hue(line.channel));
    if (line.arrival !== "live") item.classList.add({ history: "history", replay: "replayed" }[line.arrival]);
    item.classList.add("fresh");
    Object.assign(item.dataset, { channel: line.channel, sequence: line.sequence, type: line.type, text: line.text.toLowerCase() });
    const time = part("time") as HTMLTimeElement;
    time.dateTime = line.timestamp;
    time.textContent = new Date(line.timestamp).toLocaleTimeString([], { hour12: false });
    part(".channel").textContent = line.channel;
    part(".sequence").textContent = line.sequence > 0 ? `#${line.sequence}` : "";
    part(".type").textContent = line.type;
    part(".what").append(...line.what);
    part("details").addEventListener("toggle", () => part(".body").append(...line.body()), { once: true });
    this.#add(item);
  }

  /** Adds a notice. */
  notice(mood: Mood, text: string): void {
    const item = element("li", `notice ${mood}`, text);
    item.dataset.notice = mood;
    this.#add(item);
  }

  /** Holds the list still, or lets it go on. */
  pause(paused: boolean): void {
    this.#draw();
    this.#paused = paused;
    if (!paused) for (const item of this.#held.splice(0)) this.#add(item);
  }

  /** How many wait for the list to go on. */
  get held(): number {
    return this.#held.length;
  }

  /** Shows only what contains this text. */
  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    for (const item of this.#root.children) this.#judge(item as HTMLElement);
    this.#settle();
  }

  #add(item: HTMLElement): void {
    const list = this.#paused ? this.#held : this.#waiting;
    // A burst is drawn once a frame, and only what stays: what the page has to say, before events.
    if (list.push(item) > SHOWN) {
      const oldest = list.findIndex((waiting) => !waiting.matches(".notice"));
      list.splice(Math.max(0, oldest), 1);
    }
    if (!this.#paused && list.length === 1) requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const drawn = this.#waiting.splice(0).reverse();
    // By the filter as it is now: somebody may have typed since they came.
    for (const item of drawn) this.#judge(item);
    this.#root.prepend(...drawn);
    while (this.#root.childElementCount > SHOWN) {
      // What somebody reads stays, and so does what the page had to say, until there is too much of either.
      const oldest = [...this.#root.children].reverse().find((item) => !item.matches(".notice") && !item.querySelector("details[open]") && !item.contains(document.activeElement));
      (oldest ?? this.#root.lastElementChild)?.remove();
    }
    this.#settle();
  }

  /** What is shown of the events, by the lines that open them. */
  #lines(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>(":scope > .event:not([hidden]) > details > summary")];
  }

  /** Says why there is nothing to see, and keeps one line in the tab order: the newest, or the one that somebody is at. */
  #settle(): void {
    const lines = this.#lines();
    this.#empty.hidden = lines.length > 0;
    const said = this.#filter ? `Nothing matches “${this.#filter}”.` : "No events yet.";
    if (this.#empty.textContent !== said) this.#empty.textContent = said;
    const isThere = this.#stop !== undefined && lines.includes(this.#stop) && this.#root.contains(document.activeElement);
    if (!isThere && lines[0]) this.#stopAt(lines[0]);
  }

  #stopAt(line: HTMLElement): void {
    if (this.#stop) this.#stop.tabIndex = -1;
    this.#stop = line;
    line.tabIndex = 0;
  }

  /** Arrows go from event to event, so that the tab key goes past all of them. */
  #move(key: KeyboardEvent): void {
    const lines = this.#lines();
    const at = lines.indexOf(key.target as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1 }[key.key];
    const next = at < 0 || to === undefined ? undefined : lines[to];
    if (!next) return;
    key.preventDefault();
    next.focus();
  }

  #judge(item: HTMLElement): void {
    const { text, channel = "", type = "" } = item.dataset;
    item.hidden = text !== undefined && this.#filter !== "" && ![text, channel, type].some((part) => part.includes(this.#filter));
  }
}
