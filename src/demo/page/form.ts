// A form made from the schema: one control a field, nested messages as groups, lists and maps with rows, oneofs with a
// choice. Every control knows its field's path, in the notation of the bridge's errors; rows of maps are numbered.

import { element } from "./dom.js";
import { Digits, type Json, Members, numberOr, parse, print } from "./json.js";
import { clearProblems, doubleKeys, type Problem, showAt, showProblems } from "./problems.js";
import { enumNames, kindOf, messageName, type SchemaReader, type Shape, zeroOf } from "./schema.js";

/** Fields of messages inside messages are shown down to this depth; below, JSON is written. */
const MAX_DEPTH = 4;

/** A part of the form. */
export type Control = {
  readonly node: HTMLElement;
  /** What it says; `undefined` where nothing was said. */
  read(): Json | undefined;
  /** Fills it. Returns the paths of what it has no place for. */
  write(value: Json | undefined): string[];
};

/** The form of one message. */
export class MessageForm {
  readonly node: HTMLElement;
  readonly #control: Control;

  constructor(schema: SchemaReader, message: string) {
    this.#control = new Maker(schema).message(schema.message(message), "", 0);
    this.node = this.#control.node;
  }

  /** The message as JSON. */
  read(): Json {
    return this.#control.read() ?? new Members([]);
  }

  /** Fills the form. Returns the paths of what it has no place for. */
  write(value: Json | undefined): string[] {
    return this.#control.write(value);
  }

  /** Marks what cannot be said at all, goes to the first and returns it: `undefined` where all is well. */
  check(): string | undefined {
    clearProblems(this.node);
    const problems = doubleKeys(this.node);
    for (const { field, text } of problems) showAt(field, text);
    problems[0]?.field.focus();
    return problems[0]?.text;
  }

  /** Shows each problem at its field, goes to the first, and returns those that no field takes. */
  show(problems: readonly Problem[]): string[] {
    return showProblems(this.node, problems);
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
    const parts: Part[] = [];
    const choices = new Map<string, Choice>();
    for (const [name, field] of this.#schema.fields(shape)) {
      const inner = path ? `${path}.${name}` : name;
      const group = field["x-oneof"];
      if (group) {
        let choice = choices.get(group);
        if (!choice) {
          choices.set(group, (choice = new Choice(group, Maker.id())));
          parts.push(choice);
          node.append(choice.node);
        }
        choice.add(name, this.field(name, field, inner, depth), zeroOf(field), inner);
        continue;
      }
      const control = this.field(name, field, inner, depth);
      parts.push({
        names: [name],
        read: () => {
          const value = control.read();
          return value === undefined ? [] : [[name, value]];
        },
        write: (given) => control.write(given.get(name)),
      });
      node.append(control.node);
    }
    return {
      node,
      read: () => {
        const said = parts.flatMap((part) => part.read());
        return said.length > 0 ? new Members(said) : undefined;
      },
      write: (value) => {
        const given = value instanceof Members ? value : new Members([]);
        const names = parts.flatMap((part) => part.names);
        const strange = given.list.filter(([name], index) => {
          return !names.includes(name) || given.list.findIndex(([other]) => other === name) < index;
        });
        return [
          ...(given === value || value === undefined || value === null ? [] : [path || "what is no object"]),
          ...strange.map(([name]) => (path ? `${path}.${name}` : name)),
          ...parts.flatMap((part) => part.write(given)),
        ];
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
      read: (controls) => controls.map((control) => control.read() ?? zeroOf(item)),
      items: (value) => (Array.isArray(value) ? (value as Json[]) : undefined),
    });
  }

  map(name: string, shape: Shape, value: Shape, path: string, depth: number): Control {
    const rows = this.rows(name, shape, path, (index) => {
      const key = element("input");
      key.dataset.key = "";
      key.autocomplete = "off";
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
        read: () => [key.value, control.read() ?? zeroOf(value)],
        write: (entry) => {
          const [name, value] = entry as [string, Json];
          key.value = name;
          return key.value === name ? control.write(value) : [at];
        },
      };
    }, {
      read: (controls) => new Members(controls.map((control) => control.read() as [string, Json])),
      items: (value) => (value instanceof Members ? [...value.list] : undefined),
    });
    rows.node.dataset.map = "";
    return rows;
  }

  rows(
    name: string,
    shape: Shape,
    path: string,
    make: (index: number) => Control,
    as: { read(controls: Control[]): Json; items(value: Json): Json[] | undefined },
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
    const redraw = (values: readonly (Json | undefined)[]): string[] => {
      list.replaceChildren();
      controls = [];
      return values.flatMap(add);
    };
    const add = (value?: Json): string[] => {
      const index = controls.length;
      const control = make(index);
      const strange = value === undefined ? [] : control.write(value);
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
      return strange;
    };
    more.addEventListener("click", () => {
      add();
      list.lastElementChild?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    });
    node.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), list, more);
    return {
      node,
      read: () => (controls.length > 0 ? as.read(controls) : undefined),
      write: (value) => {
        const items = value === undefined || value === null ? [] : as.items(value);
        return items ? redraw(items) : [...redraw([]), path];
      },
    };
  }

  /** A control without a label. */
  value(shape: Shape, path: string): Control & { input: HTMLElement; inline?: boolean } {
    const names = enumNames(shape);
    if (names) {
      const input = element("select");
      input.append(new Option("", ""), ...names.map((name) => new Option(name, name)));
      // A value without a name is its number.
      const read = (): Json | undefined => (input.value === "" ? undefined : numberOr(input.value));
      return dressed(input, path, read, (text) => {
        input.value = text;
        if (input.value === text) return;
        input.append(new Option(text, text));
        input.value = text;
      });
    }
    if (shape.type === "boolean") {
      const input = element("input");
      input.type = "checkbox";
      const control = dressed(input, path, () => (input.checked ? true : undefined), () => {});
      return {
        ...control,
        inline: true,
        write: (value) => {
          input.checked = value === true;
          return typeof (value ?? false) === "boolean" ? [] : [path];
        },
      };
    }
    const kind = shape["x-kind"] ?? "";
    if (shape.type === undefined || shape.type === "object" || shape.type === "array") {
      const input = element("textarea");
      input.rows = 2;
      input.placeholder = "JSON";
      input.spellcheck = false;
      return {
        ...dressed(input, path, () => asJson(input.value), () => {}),
        write: (value) => {
          input.value = value === undefined || (value === null && kind !== "value") ? "" : print(value);
          return [];
        },
      };
    }
    const input = element("input");
    input.autocomplete = "off";
    input.placeholder = { timestamp: "2026-01-31T12:00:00Z", duration: "1.5s", int64: "0", uint64: "0", bytes: "AAEC/w==", field_mask: "name,owner" }[kind] ?? "";
    const numeric = shape.type === "number" || shape.type === "integer";
    if (numeric) input.inputMode = "decimal";
    return dressed(
      input,
      path,
      () => {
        if (input.value === "") return undefined;
        // What is no number goes as it is: the bridge says what is wrong with it, at its field.
        return numeric ? numberOr(input.value) : input.value;
      },
      (text) => (input.value = text),
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
  read: () => Json | undefined,
  show: (text: string) => unknown,
): Control & { input: HTMLElement } {
  input.id = Maker.id();
  input.dataset.path = path;
  const write = (value: Json | undefined): string[] => {
    const text = value instanceof Digits ? value.text : (value ?? "");
    show(typeof text === "string" ? text : "");
    // A line has no room for several.
    return text === input.value ? [] : [path];
  };
  return { node: input, input, read, write };
}

function asJson(text: string): Json | undefined {
  if (text.trim() === "") return undefined;
  try {
    return parse(text);
  } catch {
    // The bridge expects an object here and says so, at this field.
    return text;
  }
}

/** What a message consists of: a field, or a oneof. */
type Part = {
  readonly names: readonly string[];
  read(): readonly (readonly [name: string, value: Json])[];
  write(given: Members): string[];
};

/** The members of a oneof: at most one of them is shown and said. */
class Choice {
  readonly node: HTMLElement;
  readonly #select: HTMLSelectElement;
  readonly #members = new Map<string, Control & { zero: Json; path: string }>();

  constructor(group: string, id: string) {
    this.#select = element("select");
    this.#select.id = id;
    this.#select.append(new Option("(none)", ""));
    const label = element("label", "", [group, element("span", "kind", "one of")]);
    label.htmlFor = id;
    this.node = element("div", "", [label, this.#select]);
    this.#select.addEventListener("change", () => this.#show());
  }

  /** Adds a member; `zero` is what it says when it is chosen and left empty. */
  add(name: string, control: Control, zero: Json, path: string): void {
    this.#members.set(name, { ...control, zero, path });
    this.#select.append(new Option(name, name));
    this.node.append(control.node);
    this.#show();
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  read(): readonly (readonly [name: string, value: Json])[] {
    const name = this.#select.value;
    const member = this.#members.get(name);
    return member ? [[name, member.read() ?? member.zero]] : [];
  }

  write(given: Members): string[] {
    // Null is a value where the member may be any, and elsewhere no more than not given.
    const said = [...this.#members].filter(([name, { zero }]) => {
      const value = given.get(name);
      return value !== undefined && (value !== null || zero === null);
    });
    this.#select.value = said[0]?.[0] ?? "";
    const strange = [...this.#members].flatMap(([name, control]) => control.write(given.get(name)));
    this.#show();
    return [...said.slice(1).map(([, { path }]) => path), ...strange];
  }

  #show(): void {
    for (const [name, { node }] of this.#members) node.hidden = name !== this.#select.value;
  }
}
