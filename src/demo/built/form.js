import { element } from "./dom.js";
import { enumNames, kindOf, messageName } from "./schema.js";
const MAX_DEPTH = 4;
class MessageForm {
  #root;
  #control;
  constructor(root, schema, message) {
    this.#root = root;
    this.#control = new Maker(schema).message(schema.message(message), "", 0);
    root.replaceChildren(this.#control.node);
  }
  /** The message as JSON. */
  read() {
    return this.#control.read() ?? {};
  }
  /** Fills the form. */
  write(value) {
    this.#control.write(value);
  }
  /** Shows each problem at its field, goes to the first, and returns those that no field takes. */
  show(problems) {
    this.clear();
    const homeless = [];
    let first;
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
  clear() {
    for (const error of this.#root.querySelectorAll(".error")) error.remove();
    for (const field of this.#root.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  }
  /** The control of this path, or of the message or list around it. */
  #nearest(path) {
    const controls = [...this.#root.querySelectorAll("[data-path]")];
    for (let at = path; at; at = at.replace(/(\.[^.[]+|\[[^[]*\]|^[^.[]+)$/, "")) {
      const found = controls.find((control) => control.dataset.path === at);
      if (found) return found;
    }
    return void 0;
  }
}
class Maker {
  static #made = 0;
  #schema;
  constructor(schema) {
    this.#schema = schema;
  }
  message(shape, path, depth) {
    const node = element("div");
    const parts = /* @__PURE__ */ new Map();
    const choices = /* @__PURE__ */ new Map();
    for (const [name, field] of this.#schema.fields(shape)) {
      const inner = path ? `${path}.${name}` : name;
      const group = field["x-oneof"];
      if (group) {
        let choice = choices.get(group);
        if (!choice) {
          choices.set(group, choice = new Choice(group, Maker.id()));
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
        const said = {};
        for (const [name, control] of parts) {
          const value = control.read();
          if (value !== void 0) said[name] = value;
        }
        for (const choice of choices.values()) Object.assign(said, choice.read());
        return Object.keys(said).length > 0 ? said : void 0;
      },
      write: (value) => {
        const given = value ?? {};
        for (const [name, control] of parts) control.write(given[name]);
        for (const choice of choices.values()) choice.write(given);
      }
    };
  }
  field(name, shape, path, depth) {
    const resolved = this.#schema.resolve(shape);
    if (messageName(shape) && depth < MAX_DEPTH) return this.group(name, shape, this.message(resolved, path, depth + 1), path);
    if (shape.type === "array" && shape.items) return this.list(name, shape, shape.items, path, depth);
    if (typeof shape.additionalProperties === "object") return this.map(name, shape, shape.additionalProperties, path, depth);
    return this.labelled(name, shape, path);
  }
  /** A control of one line with its label. */
  labelled(name, shape, path) {
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
  group(name, shape, inner, path) {
    const node = element("fieldset");
    node.dataset.path = path;
    node.tabIndex = -1;
    node.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), inner.node);
    return { ...inner, node };
  }
  list(name, shape, item, path, depth) {
    return this.rows(name, shape, path, (index) => {
      const at = `${path}[${index}]`;
      const resolved = this.#schema.resolve(item);
      if (messageName(item) && depth < MAX_DEPTH) return this.message(resolved, at, depth + 1);
      const control = this.value(item, at);
      control.input.setAttribute("aria-label", `${name} ${index + 1}`);
      return { ...control, node: control.input };
    }, {
      read: (controls) => controls.map((control) => control.read() ?? (messageName(item) ? {} : "")),
      items: (value) => Array.isArray(value) ? value : []
    });
  }
  map(name, shape, value, path, depth) {
    return this.rows(name, shape, path, (index) => {
      const key = element("input");
      key.setAttribute("aria-label", `${name}, key ${index + 1}`);
      key.placeholder = "key";
      const at = `${path}[${index}]`;
      const nested = messageName(value) && depth < MAX_DEPTH;
      const inner = nested ? this.message(this.#schema.resolve(value), at, depth + 1) : void 0;
      const plain = inner ? void 0 : this.value(value, at);
      plain?.input.setAttribute("aria-label", `${name}, value ${index + 1}`);
      const control = inner ?? plain;
      const node = element("div", "row pair", [key, inner ? inner.node : plain?.input ?? ""]);
      return {
        node,
        read: () => [key.value, control.read() ?? (nested ? {} : "")],
        write: (entry) => {
          const [name2, value2] = entry;
          key.value = name2;
          control.write(value2);
        }
      };
    }, {
      read: (controls) => Object.fromEntries(controls.map((control) => control.read())),
      items: (value2) => Object.entries(value2 ?? {})
    });
  }
  rows(name, shape, path, make, as) {
    const node = element("fieldset");
    node.dataset.path = path;
    node.tabIndex = -1;
    const list = element("div");
    const more = element("button", "small", `Add to ${name}`);
    more.type = "button";
    more.style.marginTop = ".5rem";
    let controls = [];
    const redraw = (values) => {
      list.replaceChildren();
      controls = [];
      for (const value of values) add(value);
    };
    const add = (value) => {
      const index = controls.length;
      const control = make(index);
      if (value !== void 0) control.write(value);
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
      list.lastElementChild?.querySelector("input, select, textarea")?.focus();
    });
    node.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), list, more);
    return {
      node,
      read: () => controls.length > 0 ? as.read(controls) : void 0,
      write: (value) => redraw(as.items(value))
    };
  }
  /** A control without a label. */
  value(shape, path) {
    const names = enumNames(shape);
    if (names) {
      const input2 = element("select");
      input2.append(new Option("", ""), ...names.map((name) => new Option(name, name)));
      return dressed(input2, path, () => input2.value || void 0, (value) => input2.value = String(value ?? ""));
    }
    if (shape.type === "boolean") {
      const input2 = element("input");
      input2.type = "checkbox";
      return {
        ...dressed(input2, path, () => input2.checked ? true : void 0, (value) => input2.checked = value === true),
        inline: true
      };
    }
    const kind = shape["x-kind"] ?? "";
    if (shape.type === void 0 || shape.type === "object" || shape.type === "array") {
      const input2 = element("textarea");
      input2.rows = 2;
      input2.placeholder = "JSON";
      input2.spellcheck = false;
      return dressed(input2, path, () => asJson(input2.value), (value) => input2.value = value === void 0 ? "" : JSON.stringify(value));
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
        if (input.value === "") return void 0;
        return numeric && Number.isFinite(Number(input.value)) ? Number(input.value) : input.value;
      },
      (value) => input.value = value === void 0 ? "" : String(value)
    );
  }
  static id() {
    Maker.#made += 1;
    return `field-${Maker.#made}`;
  }
}
function dressed(input, path, read, write) {
  input.id = Maker.id();
  input.dataset.path = path;
  return { node: input, input, read, write: (value) => void write(value) };
}
function asJson(text) {
  if (text.trim() === "") return void 0;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
class Choice {
  node;
  #select;
  #members = /* @__PURE__ */ new Map();
  constructor(group, id) {
    this.#select = element("select");
    this.#select.id = id;
    this.#select.append(new Option("(none)", ""));
    const label = element("label", "", [group, element("span", "kind", "one of")]);
    label.htmlFor = id;
    this.node = element("div", "", [label, this.#select]);
    this.#select.addEventListener("change", () => this.#show());
  }
  add(name, control) {
    this.#members.set(name, control);
    this.#select.append(new Option(name, name));
    this.node.append(control.node);
    this.#show();
  }
  read() {
    const name = this.#select.value;
    const member = this.#members.get(name);
    return member ? { [name]: member.read() ?? this.#empty(name) } : {};
  }
  write(given) {
    this.#select.value = [...this.#members.keys()].find((name) => given[name] !== void 0) ?? "";
    for (const [name, control] of this.#members) control.write(given[name]);
    this.#show();
  }
  /** What a chosen member says that was left empty: its type's own emptiness. */
  #empty(name) {
    const node = this.#members.get(name)?.node;
    if (node?.matches("fieldset")) return {};
    return node?.querySelector("[type=checkbox]") ? false : "";
  }
  #show() {
    for (const [name, { node }] of this.#members) node.hidden = name !== this.#select.value;
  }
}
export {
  MessageForm
};
