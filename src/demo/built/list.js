import { element, hue } from "./dom.js";
const SHOWN = 150;
class EventList {
  #root;
  #template;
  #empty;
  #held = [];
  #waiting = [];
  #paused = false;
  #filter = "";
  constructor(root, template, empty) {
    this.#root = root;
    this.#template = template;
    this.#empty = empty;
  }
  /** Adds an event. */
  event(line) {
    const item = this.#template.content.firstElementChild?.cloneNode(true);
    const part = (selector) => item.querySelector(selector);
    item.style.setProperty("--hue", hue(line.channel));
    item.classList.toggle("replayed", line.replayed);
    item.classList.add("fresh");
    Object.assign(item.dataset, { channel: line.channel, sequence: line.sequence, type: line.type, text: line.text.toLowerCase() });
    const time = part("time");
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
  notice(mood, text) {
    const item = element("li", `notice ${mood}`, text);
    item.dataset.notice = mood;
    this.#add(item);
  }
  /** Holds the list still, or lets it go on. */
  pause(paused) {
    this.#paused = paused;
    if (!paused) for (const item of this.#held.splice(0)) this.#add(item);
  }
  /** How many wait for the list to go on. */
  get held() {
    return this.#held.length;
  }
  /** Shows only what contains this text. */
  filter(text) {
    this.#filter = text.trim().toLowerCase();
    for (const item of this.#root.children) this.#judge(item);
  }
  #add(item) {
    if (this.#paused) {
      this.#held.push(item);
      if (this.#held.length > SHOWN) this.#held.shift();
      return;
    }
    this.#judge(item);
    if (this.#waiting.push(item) > SHOWN) this.#waiting.shift();
    if (this.#waiting.length === 1) requestAnimationFrame(() => this.#draw());
  }
  #draw() {
    this.#empty.hidden = true;
    this.#root.prepend(...this.#waiting.splice(0).reverse());
    while (this.#root.childElementCount > SHOWN) {
      const oldest = [...this.#root.children].reverse().find((item) => !item.querySelector("details[open]"));
      (oldest ?? this.#root.lastElementChild)?.remove();
    }
  }
  #judge(item) {
    const { text, channel = "", type = "" } = item.dataset;
    item.hidden = text !== void 0 && this.#filter !== "" && ![text, channel, type].some((part) => part.includes(this.#filter));
  }
}
export {
  EventList
};
