// The list of events and notices, newest first.

import { element, hue } from "./dom.js";

/** How many are kept on the page. */
const SHOWN = 150;

/** What stands in the list for one event. */
export type Line = {
  type: string;
  channel: string;
  sequence: number;
  timestamp: string;
  replayed: boolean;
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
  #paused = false;
  #filter = "";

  constructor(root: HTMLElement, template: HTMLTemplateElement, empty: HTMLElement) {
    this.#root = root;
    this.#template = template;
    this.#empty = empty;
  }

  /** Adds an event. */
  event(line: Line): void {
    const item = this.#template.content.firstElementChild?.cloneNode(true) as HTMLElement;
    const part = (selector: string): HTMLElement => item.querySelector(selector) as HTMLElement;
    item.style.setProperty("--hue", hue(line.channel));
    item.classList.toggle("replayed", line.replayed);
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
  }

  #add(item: HTMLElement): void {
    if (this.#paused) {
      this.#held.push(item);
      if (this.#held.length > SHOWN) this.#held.shift();
      return;
    }
    this.#judge(item);
    // A burst is drawn once a frame, and only what stays.
    if (this.#waiting.push(item) > SHOWN) {
      const oldest = this.#waiting.findIndex((waiting) => !waiting.matches(".notice"));
      this.#waiting.splice(Math.max(0, oldest), 1);
    }
    if (this.#waiting.length === 1) requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#empty.hidden = true;
    this.#root.prepend(...this.#waiting.splice(0).reverse());
    while (this.#root.childElementCount > SHOWN) {
      // What somebody reads stays, and so does what the page had to say, until there is too much of either.
      const oldest = [...this.#root.children].reverse().find((item) => !item.matches(".notice") && !item.querySelector("details[open]"));
      (oldest ?? this.#root.lastElementChild)?.remove();
    }
  }

  #judge(item: HTMLElement): void {
    const { text, channel = "", type = "" } = item.dataset;
    item.hidden = text !== undefined && this.#filter !== "" && ![text, channel, type].some((part) => part.includes(this.#filter));
  }
}
