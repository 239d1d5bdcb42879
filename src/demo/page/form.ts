// A form made from the schema: one control a field, nested messages as groups, lists and maps with rows, oneofs with a
// choice. Every control knows its field's path, in the notation of the bridge's errors.

import { element } from "./dom.js";
import { enumNames, kindOf, messageName, type SchemaReader, type Shape } from "./schema.js";

/** Fields of messages inside messages are shown down to this depth; below, JSON is written. */
const MAX_DEPTH = 4;

/** A part of the form. */
export type Control = {
  readonly node: HTMLElement;
  /** What it says; `undefined` where nothing was said. */
  read(): unknown;
  /** Fills it. */
  write(value: unknown): void;
};

/** The form of one message. */
export class MessageForm {
  readonly #root: HTMLElement;
  readonly #control: Control;

  constructor(root: HTMLElement, schema: SchemaReader, message: string) {
    this.#root = root;
    this.#control = new Maker(schema).message(schema.message(message), "", 0);
    root.replaceChildren(this.#control.node);
  }

  /** The message as JSON. */
  read(): unknown {
    return this.#control.read() ?? {};
  }

  /** Fills the form. */
  write(value: unknown): void {
    this.#control.write(value);
  }

  /** Shows each problem at its field, goes to the first, and returns those that no field takes. */
  show(problems: readonly { path: string; text: string }[]): string[] {
    this.clear();
    const homeless: string[] = [];
    let first: HTMLElement | undefined;
    for (const { path, text } of problems) {
      const field = this.#nearest(path);
      if (!field) {
        homeless.push(path ? `${path}: ${text}` : text);
        continue;
      }
      const id = `error-${path.replaceAll(/[^\w-]/g, "-")}`;
      const error = element("p", "error", text);
      error.id = id;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", id);
      (field.closest(".row") ?? field).after(error);
      first ??= field;
    }
    first?.focus();
    return homeless;
  }

  /** Takes every problem away. */
  clear(): void {
    for (const error of this.#root.querySelectorAll(".error")) error.remove();
    for (const field of this.#root.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  }

  /** The control of this path, or of the message or list around it. */
  #nearest(path: string): HTMLElement | undefined {
    const controls = [...this.#root.querySelectorAll<HTMLElement>("[data-path]")];
    for (let at = path; at; at = at.replace(/(\.[^.[]+|\[[^[]*\]|^[^.[]+)$/, "")) {
      const found = controls.find((control) => control.dataset.path === at);
      if (found) return found;
    }
    return undefined;
  }
}

/** Makes controls. Ids are numbered, so that every label has its control. */
class Maker {
  static #made = 0;
  readonly #schema: SchemaReader;

  constructor(schema: SchemaReader) {
    this.#schema = schema;
  }

  message(shape: Shape, path: string, depth: number): Control {
    const node = element("div");
    const parts = new Map<string, Control>();
    const choices = new Map<string, Choice>();
    for (const [name, field] of this.#schema.fields(shape)) {
      const inner = path ? `${path}.${name}` : name;
      const group = field["x-oneof"];
      if (group) {
        let choice = choices.get(group);
        if (!choice) {
          choices.set(group, (choice = new Choice(group, Maker.id())));
          node.append(choice.node);
        }
        choice.add(name, this.field(name, field, inner, depth));
        continue;
      }
      const control = this.field(name, field, inner, depth);
      parts.set(name, control);
      node.append(control.node);
    }
    return {
      node,
      read: () => {
        const said: Record<string, unknown> = {};
        for (const [name, control] of parts) {
          const value = control.read();
          if (value !== undefined) said[name] = value;
        }
        for (const choice of choices.values()) Object.assign(said, choice.read());
        return Object.keys(said).length > 0 ? said : undefined;
      },
      write: (value) => {
        const given = (value ?? {}) as Record<string, unknown>;
        for (const [name, control] of parts) control.write(given[name]);
        for (const choice of choices.values()) choice.write(given);
      },
    };
  }

  field(name: string, shape: Shape, path: string, depth: number): Control {
    const resolved = this.#schema.resolve(shape);
    if (messageName(shape) && depth < MAX_DEPTH) return this.group(name, shape, this.message(resolved, path, depth + 1), path);
    if (shape.type === "array" && shape.items) return this.list(name, shape, shape.items, path, depth);
    if (typeof shape.additionalProperties === "object") return this.map(name, shape, shape.additionalProperties, path, depth);
    return this.labelled(name, shape, path);
  }

  /** A control of one line with its label. */
  labelled(name: string, shape: Shape, path: string): Control {
    const control = this.value(shape, path);
    const label = element("label", control.inline ? "check" : "");
    label.htmlFor = control.input.id;
    const title = [name, element("span", "kind", kindOf(shape))];
    if (shape.description) label.title = shape.description;
    if (control.inline) {
      label.append(control.input, ...title);
      const node = element("div", "", label);
      node.style.marginTop = ".55rem";
      return { ...control, node };
    }
    label.append(...title);
    return { ...control, node: element("div", "", [label, control.input]) };
  }

  group(name: string, shape: Shape, inner: Control, path: string): Control {
    const node = element("fieldset");
    node.dataset.path = path;
    node.tabIndex = -1;
    node.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), inner.node);
    return { ...inner, node };
  }

  list(name: string, shape: Shape, item: Shape, path: string, depth: number): Control {
    return this.rows(name, shape, path, (index) => {
      const at = `${path}[${index}]`;
      const resolved = this.#schema.resolve(item);
      if (messageName(item) && depth < MAX_DEPTH) return this.message(resolved, at, depth + 1);
      const control = this.value(item, at);
      control.input.setAttribute("aria-label", `${name} ${index + 1}`);
      return { ...control, node: control.input };
    }, {
      read: (controls) => controls.map((control) => control.read() ?? (messageName(item) ? {} : "")),
      items: (value) => (Array.isArray(value) ? value : []),
    });
  }

  map(name: string, shape: Shape, value: Shape, path: string, depth: number): Control {
    return this.rows(name, shape, path, (index) => {
      const key = element("input");
      key.setAttribute("aria-label", `${name}, key ${index + 1}`);
      key.placeholder = "key";
      const at = `${path}[${index}]`;
      const nested = messageName(value) && depth < MAX_DEPTH;
      const inner = nested ? this.message(this.#schema.resolve(value), at, depth + 1) : undefined;
      const plain = inner ? undefined : this.value(value, at);
      plain?.input.setAttribute("aria-label", `${name}, value ${index + 1}`);
      const control = inner ?? (plain as Control & { input: HTMLElement });
      const node = element("div", "row pair", [key, inner ? inner.node : (plain?.input ?? "")]);
      return {
        node,
        read: () => [key.value, control.read() ?? (nested ? {} : "")],
        write: (entry) => {
          const [name, value] = entry as [string, unknown];
          key.value = name;
          control.write(value);
        },
      };
    }, {
      read: (controls) => Object.fromEntries(controls.map((control) => control.read() as [string, unknown])),
      items: (value) => Object.entries((value ?? {}) as Record<string, unknown>),
    });
  }

  rows(
    name: string,
    shape: Shape,
    path: string,
    make: (index: number) => Control,
    as: { read(controls: Control[]): unknown; items(value: unknown): unknown[] },
  ): Control {
    const node = element("fieldset");
    node.dataset.path = path;
    node.tabIndex = -1;
    const list = element("div");
    const more = element("button", "small", `Add to ${name}`);
    more.type = "button";
    more.style.marginTop = ".5rem";
    let controls: Control[] = [];
    // Paths count from 0 without holes, so what follows a removed row is made anew.
    const redraw = (values: unknown[]): void => {
      list.replaceChildren();
      controls = [];
      for (const value of values) add(value);
    };
    const add = (value?: unknown): void => {
      const index = controls.length;
      const control = make(index);
      if (value !== undefined) control.write(value);
      controls.push(control);
      const remove = element("button", "small", "Remove");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${name} ${index + 1}`);
      remove.addEventListener("click", () => {
        const rest = controls.filter((other) => other !== control).map((other) => other.read());
        redraw(rest);
        more.focus();
      });
      list.append(element("div", "row", [control.node, remove]));
    };
    more.addEventListener("click", () => {
      add();
      list.lastElementChild?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    });
    node.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), list, more);
    return {
      node,
      read: () => (controls.length > 0 ? as.read(controls) : undefined),
      write: (value) => redraw(as.items(value)),
    };
  }

  /** A control without a label. */
  value(shape: Shape, path: string): Control & { input: HTMLElement; inline?: boolean } {
    const names = enumNames(shape);
    if (names) {
      const input = element("select");
      input.append(new Option("", ""), ...names.map((name) => new Option(name, name)));
      return dressed(input, path, () => input.value || undefined, (value) => (input.value = String(value ?? "")));
    }
    if (shape.type === "boolean") {
      const input = element("input");
      input.type = "checkbox";
      return {
        ...dressed(input, path, () => (input.checked ? true : undefined), (value) => (input.checked = value === true)),
        inline: true,
      };
    }
    const kind = shape["x-kind"] ?? "";
    if (shape.type === undefined || shape.type === "object" || shape.type === "array") {
      const input = element("textarea");
      input.rows = 2;
      input.placeholder = "JSON";
      input.spellcheck = false;
      return dressed(input, path, () => asJson(input.value), (value) => (input.value = value === undefined ? "" : JSON.stringify(value)));
    }
    const input = element("input");
    input.autocomplete = "off";
    input.placeholder = { timestamp: "2026-01-31T12:00:00Z", duration: "1.5s", int64: "0", uint64: "0", field_mask: "name,owner" }[kind] ?? "";
    const numeric = shape.type === "number" || shape.type === "integer";
    if (numeric) input.inputMode = "decimal";
    return dressed(
      input,
      path,
      () => {
        if (input.value === "") return undefined;
        // What is no number goes as it is: the bridge says what is wrong with it, at its field.
        return numeric && Number.isFinite(Number(input.value)) ? Number(input.value) : input.value;
      },
      (value) => (input.value = value === undefined ? "" : String(value)),
    );
  }

  static id(): string {
    Maker.#made += 1;
    return `field-${Maker.#made}`;
  }
}

function dressed(
  input: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement,
  path: string,
  read: () => unknown,
  write: (value: unknown) => unknown,
): Control & { input: HTMLElement } {
  input.id = Maker.id();
  input.dataset.path = path;
  return { node: input, input, read, write: (value) => void write(value) };
}

function asJson(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The bridge expects an object here and says so, at this field.
    return text;
  }
}

/** The members of a oneof: at most one of them is shown and said. */
class Choice {
  readonly node: HTMLElement;
  readonly #select: HTMLSelectElement;
  readonly #members = new Map<string, Control>();

  constructor(group: string, id: string) {
    this.#select = element("select");
    this.#select.id = id;
    this.#select.append(new Option("(none)", ""));
    const label = element("label", "", [group, element("span", "kind", "one of")]);
    label.htmlFor = id;
    this.node = element("div", "", [label, this.#select]);
    this.#select.addEventListener("change", () => this.#show());
  }

  add(name: string, control: Control): void {
    this.#members.set(name, control);
    this.#select.append(new Option(name, name));
    this.node.append(control.node);
    this.#show();
  }

  read(): Record<string, unknown> {
    const name = this.#select.value;
    const member = this.#members.get(name);
    return member ? { [name]: member.read() ?? this.#empty(name) } : {};
  }

  write(given: Record<string, unknown>): void {
    this.#select.value = [...this.#members.keys()].find((name) => given[name] !== undefined) ?? "";
    for (const [name, control] of this.#members) control.write(given[name]);
    this.#show();
  }

  /** What a chosen member says that was left empty: its type's own emptiness. */
  #empty(name: string): unknown {
    const node = this.#members.get(name)?.node;
    if (node?.matches("fieldset")) return {};
    return node?.querySelector("[type=checkbox]") ? false : "";
  }

  #show(): void {
    for (const [name, { node }] of this.#members) node.hidden = name !== this.#select.value;
  }
}
