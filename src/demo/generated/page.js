// Made by `make client` from src/demo/page, proto/ and clients/typescript/src.

// dom.ts
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
function element(name, className = "", content = "") {
  const made2 = document.createElement(name);
  if (className) made2.className = className;
  made2.append(...Array.isArray(content) ? content : [content]);
  return made2;
}
function hue(name) {
  let hash = 1;
  for (const letter of name) hash = hash * 31 + (letter.codePointAt(0) ?? 0) >>> 0;
  return String(hash % 1e3 * 137.508 % 360);
}

// changed.ts
var LOOK_MS = 3e3;
function watchSchema(bar, watched) {
  const text = element("p", "", "The schema has changed. The event types and the form of this page are those of the old one.");
  const button = element("button", "", "Show the new one");
  button.type = "button";
  button.addEventListener("click", () => {
    button.disabled = true;
    watched.show().then(() => bar.replaceChildren()).catch((error) => text.textContent = `The new schema did not come: ${error.message}`).finally(() => button.disabled = false);
  });
  const look = async () => {
    if (document.hidden || !watched.isReachable()) return;
    const served2 = await watched.served().catch(() => void 0);
    if (served2 === void 0 || button.disabled) return;
    if (served2 === watched.shown()) bar.replaceChildren();
    else if (!bar.hasChildNodes()) bar.append(text, button);
  };
  setInterval(() => void look(), LOOK_MS);
  document.addEventListener("visibilitychange", () => void look());
}

// json.ts
var Digits = class {
  text;
  constructor(text) {
    this.text = text;
  }
};
var Members = class {
  list;
  constructor(list2) {
    this.list = list2;
  }
  /** The member of this name. */
  get(name) {
    return this.list.findLast(([own]) => own === name)?.[1];
  }
};
var NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
var TOKENS = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}[\],:]/g;
function parse(text) {
  JSON.parse(text);
  const tokens = text.match(TOKENS) ?? [];
  let at = 0;
  const next = () => tokens[at++] ?? "";
  const value = () => {
    const token = next();
    if (token === "{") return new Members(items("}", () => [JSON.parse(next()), (next(), value())]));
    if (token === "[") return items("]", value);
    if (token === "null") return null;
    if (token === "true" || token === "false") return token === "true";
    return token.startsWith('"') ? JSON.parse(token) : new Digits(token);
  };
  const items = (end, item) => {
    const found = [];
    while (tokens[at] !== end) {
      found.push(item());
      if (tokens[at] === ",") at += 1;
    }
    at += 1;
    return found;
  };
  return value();
}
function print(json2, indent = "", margin = "") {
  const inner = margin + indent;
  const around = (open, parts, close) => {
    if (parts.length === 0) return open + close;
    return indent ? `${open}
${inner}${parts.join(`,
${inner}`)}
${margin}${close}` : open + parts.join(",") + close;
  };
  if (json2 instanceof Digits) return json2.text;
  if (json2 instanceof Members) {
    const colon = indent ? ": " : ":";
    return around("{", json2.list.map(([name, value]) => JSON.stringify(name) + colon + print(value, indent, inner)), "}");
  }
  if (typeof json2 === "object" && json2 !== null) return around("[", json2.map((item) => print(item, indent, inner)), "]");
  return JSON.stringify(json2);
}
function numberOr(text) {
  return NUMBER.test(text.trim()) ? new Digits(text.trim()) : text;
}

// problems.ts
var STEPS = /\.?([^.[\]]+)|\[("(?:[^"\\]|\\.)*"|[^\]]*)\]/g;
var ABOUT_KEY = /\bkey\b|given twice/;
var made = 0;
function showProblems(root, problems) {
  clearProblems(root);
  const homeless = [];
  let first;
  for (const problem of problems) {
    const field = find(root, problem);
    if (field) showAt(field, problem.text);
    else homeless.push(problem.path ? `${problem.path}: ${problem.text}` : problem.text);
    first ??= field;
  }
  first?.focus();
  return homeless;
}
function showAt(field, text) {
  const error = element("p", "error", text);
  made += 1;
  error.id = `error-${made}`;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${error.id}`.trim());
  const around = (inner, selector) => inner.parentElement?.matches(selector) ? inner.parentElement : inner;
  around(around(field, ".pair, label"), ".row").after(error);
}
function clearProblems(root) {
  for (const error of root.querySelectorAll(".error")) error.remove();
  for (const field of root.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}
function doubleKeys(root) {
  return [...root.querySelectorAll("[data-map]")].flatMap((map) => {
    const seen = /* @__PURE__ */ new Set();
    if (map.closest("[hidden]")) return [];
    return keysOf(map).flatMap((field) => {
      const text = `another row has the key ${JSON.stringify(field.value)} already; a map has each key once`;
      if (seen.has(field.value)) return [{ field, text }];
      seen.add(field.value);
      return [];
    });
  });
}
function keysOf(map) {
  return [...map.querySelectorAll("[data-key]")].filter((key) => key.closest("[data-map]") === map);
}
function find(root, { path, text }) {
  const controls = new Map([...root.querySelectorAll("[data-path]")].map((control) => [control.dataset.path, control]));
  let at = "";
  let nearest;
  for (const [, name, place] of path.matchAll(STEPS)) {
    let key;
    if (name !== void 0) {
      at += at ? `.${name}` : name;
    } else if (nearest?.dataset.map !== void 0 && nearest.dataset.path === at) {
      const keys = keysOf(nearest);
      const row2 = place?.startsWith('"') ? keys.findLastIndex(({ value }) => JSON.stringify(value) === normal(place)) : Number(place);
      key = keys[row2];
      if (!key) return nearest;
      at += `[${row2}]`;
    } else {
      at += `[${place}]`;
    }
    nearest = controls.get(at) ?? key ?? nearest;
    if (key && ABOUT_KEY.test(text) && path.endsWith(`[${place}]`)) nearest = key;
  }
  return nearest;
}
function normal(quoted) {
  try {
    return JSON.stringify(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}

// schema.ts
var SchemaReader = class {
  document;
  constructor(document3) {
    this.document = document3;
  }
  /** The event types that a backend may publish, by name. */
  publishable() {
    return this.document["x-events"].filter((event) => event.from === "publisher");
  }
  /** The event type of this name. */
  event(type) {
    return this.document["x-events"].find((event) => event.type === type);
  }
  /** Every channel template. */
  templates() {
    return this.document["x-channels"].map((channel2) => channel2.template);
  }
  /** The channels that every connection is subscribed to and whose names need nothing more. */
  onConnect() {
    const fixed = (channel2) => channel2.onConnect && !channel2.template.includes("{");
    return this.document["x-channels"].filter(fixed).map((channel2) => channel2.template);
  }
  /** The shape of a message. */
  message(fullName) {
    return this.document.$defs[fullName] ?? {};
  }
  /** The shape itself, where it only refers to a message. */
  resolve(shape) {
    const name = messageName(shape);
    return name === void 0 ? shape : { ...this.message(name), ...shape["x-oneof"] ? { "x-oneof": shape["x-oneof"] } : {} };
  }
  /** The fields of a message, in the order of its file. */
  fields(shape) {
    const properties = this.resolve(shape).properties ?? {};
    const order = this.resolve(shape)["x-order"] ?? Object.keys(properties);
    return order.flatMap((name) => properties[name] ? [[name, properties[name]]] : []);
  }
};
function messageName(shape) {
  return shape.$ref?.replace("#/$defs/", "");
}
function enumNames(shape) {
  return shape.enum ?? shape.anyOf?.find((choice) => choice.enum)?.enum;
}
function zeroOf(shape) {
  const names = enumNames(shape);
  if (names) return names[0] ?? "";
  const kind = { int64: "0", uint64: "0", timestamp: "1970-01-01T00:00:00Z", duration: "0s" }[shape["x-kind"] ?? ""];
  switch (shape.type) {
    case "boolean":
      return false;
    case "number":
    case "integer":
      return new Digits("0");
    case "string":
      return kind ?? "";
    case "array":
      return [];
    default:
      return shape["x-kind"] === "value" || shape.type === "null" ? null : new Members([]);
  }
}
function kindOf(shape) {
  if (shape["x-kind"]) return shape.contentEncoding ? `${shape["x-kind"]}, ${shape.contentEncoding}` : shape["x-kind"];
  const name = messageName(shape) ?? shape["x-enum"];
  if (name) return name.split(".").at(-1) ?? name;
  if (shape.type === "array") return `${kindOf(shape.items ?? {})}[]`;
  if (shape.type === "object" && typeof shape.additionalProperties === "object") return `map of ${kindOf(shape.additionalProperties)}`;
  return shape.type ?? "any";
}

// form.ts
var MAX_DEPTH = 4;
var MessageForm = class {
  node;
  #control;
  constructor(schema3, message) {
    this.#control = new Maker(schema3).message(schema3.message(message), "", 0);
    this.node = this.#control.node;
  }
  /** The message as JSON. */
  read() {
    return this.#control.read() ?? new Members([]);
  }
  /** Fills the form. Returns the paths of what it has no place for. */
  write(value) {
    return this.#control.write(value);
  }
  /** Marks what cannot be said at all, goes to the first and returns it: `undefined` where all is well. */
  check() {
    clearProblems(this.node);
    const problems = doubleKeys(this.node);
    for (const { field, text } of problems) showAt(field, text);
    problems[0]?.field.focus();
    return problems[0]?.text;
  }
  /** Shows each problem at its field, goes to the first, and returns those that no field takes. */
  show(problems) {
    return showProblems(this.node, problems);
  }
};
var Maker = class _Maker {
  static #made = 0;
  #schema;
  constructor(schema3) {
    this.#schema = schema3;
  }
  message(shape, path, depth) {
    const node2 = element("div");
    const parts = [];
    const choices = /* @__PURE__ */ new Map();
    for (const [name, field] of this.#schema.fields(shape)) {
      const inner = path ? `${path}.${name}` : name;
      const group = field["x-oneof"];
      if (group) {
        let choice = choices.get(group);
        if (!choice) {
          choices.set(group, choice = new Choice(group, _Maker.id()));
          parts.push(choice);
          node2.append(choice.node);
        }
        choice.add(name, this.field(name, field, inner, depth), zeroOf(field), inner);
        continue;
      }
      const control = this.field(name, field, inner, depth);
      parts.push({
        names: [name],
        read: () => {
          const value = control.read();
          return value === void 0 ? [] : [[name, value]];
        },
        write: (given) => control.write(given.get(name))
      });
      node2.append(control.node);
    }
    return {
      node: node2,
      read: () => {
        const said = parts.flatMap((part) => part.read());
        return said.length > 0 ? new Members(said) : void 0;
      },
      write: (value) => {
        const given = value instanceof Members ? value : new Members([]);
        const names = parts.flatMap((part) => part.names);
        const strange = given.list.filter(([name], index) => {
          return !names.includes(name) || given.list.findIndex(([other]) => other === name) < index;
        });
        return [
          ...given === value || value === void 0 || value === null ? [] : [path || "what is no object"],
          ...strange.map(([name]) => path ? `${path}.${name}` : name),
          ...parts.flatMap((part) => part.write(given))
        ];
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
      const node2 = element("div", "", label);
      node2.style.marginTop = ".55rem";
      return { ...control, node: node2 };
    }
    label.append(...title);
    return { ...control, node: element("div", "", [label, control.input]) };
  }
  group(name, shape, inner, path) {
    const node2 = element("fieldset");
    node2.dataset.path = path;
    node2.tabIndex = -1;
    node2.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), inner.node);
    return { ...inner, node: node2 };
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
      read: (controls) => controls.map((control) => control.read() ?? zeroOf(item)),
      items: (value) => Array.isArray(value) ? value : void 0
    });
  }
  map(name, shape, value, path, depth) {
    const rows2 = this.rows(name, shape, path, (index) => {
      const key = element("input");
      key.dataset.key = "";
      key.autocomplete = "off";
      key.setAttribute("aria-label", `${name}, key ${index + 1}`);
      key.placeholder = "key";
      const at = `${path}[${index}]`;
      const nested = messageName(value) && depth < MAX_DEPTH;
      const inner = nested ? this.message(this.#schema.resolve(value), at, depth + 1) : void 0;
      const plain = inner ? void 0 : this.value(value, at);
      plain?.input.setAttribute("aria-label", `${name}, value ${index + 1}`);
      const control = inner ?? plain;
      const node2 = element("div", "row pair", [key, inner ? inner.node : plain?.input ?? ""]);
      return {
        node: node2,
        read: () => [key.value, control.read() ?? zeroOf(value)],
        write: (entry) => {
          const [name2, value2] = entry;
          key.value = name2;
          return key.value === name2 ? control.write(value2) : [at];
        }
      };
    }, {
      read: (controls) => new Members(controls.map((control) => control.read())),
      items: (value2) => value2 instanceof Members ? [...value2.list] : void 0
    });
    rows2.node.dataset.map = "";
    return rows2;
  }
  rows(name, shape, path, make, as) {
    const node2 = element("fieldset");
    node2.dataset.path = path;
    node2.tabIndex = -1;
    const list2 = element("div");
    const more = element("button", "small", `Add to ${name}`);
    more.type = "button";
    more.style.marginTop = ".5rem";
    let controls = [];
    const redraw = (values) => {
      list2.replaceChildren();
      controls = [];
      return values.flatMap(add);
    };
    const add = (value) => {
      const index = controls.length;
      const control = make(index);
      const strange = value === void 0 ? [] : control.write(value);
      controls.push(control);
      const remove = element("button", "small", "Remove");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${name} ${index + 1}`);
      remove.addEventListener("click", () => {
        const rest = controls.filter((other) => other !== control).map((other) => other.read());
        redraw(rest);
        more.focus();
      });
      list2.append(element("div", "row", [control.node, remove]));
      return strange;
    };
    more.addEventListener("click", () => {
      add();
      list2.lastElementChild?.querySelector("input, select, textarea")?.focus();
    });
    node2.append(element("legend", "", [name, element("span", "kind", kindOf(shape))]), list2, more);
    return {
      node: node2,
      read: () => controls.length > 0 ? as.read(controls) : void 0,
      write: (value) => {
        const items = value === void 0 || value === null ? [] : as.items(value);
        return items ? redraw(items) : [...redraw([]), path];
      }
    };
  }
  /** A control without a label. */
  value(shape, path) {
    const names = enumNames(shape);
    if (names) {
      const input2 = element("select");
      input2.append(new Option("", ""), ...names.map((name) => new Option(name, name)));
      const read = () => input2.value === "" ? void 0 : numberOr(input2.value);
      return dressed(input2, path, read, (text) => {
        input2.value = text;
        if (input2.value === text) return;
        input2.append(new Option(text, text));
        input2.value = text;
      });
    }
    if (shape.type === "boolean") {
      const input2 = element("input");
      input2.type = "checkbox";
      const control = dressed(input2, path, () => input2.checked ? true : void 0, () => {
      });
      return {
        ...control,
        inline: true,
        write: (value) => {
          input2.checked = value === true;
          return typeof (value ?? false) === "boolean" ? [] : [path];
        }
      };
    }
    const kind = shape["x-kind"] ?? "";
    if (shape.type === void 0 || shape.type === "object" || shape.type === "array") {
      const input2 = element("textarea");
      input2.rows = 2;
      input2.placeholder = "JSON";
      input2.spellcheck = false;
      return {
        ...dressed(input2, path, () => asJson(input2.value), () => {
        }),
        write: (value) => {
          input2.value = value === void 0 || value === null && kind !== "value" ? "" : print(value);
          return [];
        }
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
        if (input.value === "") return void 0;
        return numeric ? numberOr(input.value) : input.value;
      },
      (text) => input.value = text
    );
  }
  static id() {
    _Maker.#made += 1;
    return `field-${_Maker.#made}`;
  }
};
function dressed(input, path, read, show) {
  input.id = Maker.id();
  input.dataset.path = path;
  const write = (value) => {
    const text = value instanceof Digits ? value.text : value ?? "";
    show(typeof text === "string" ? text : "");
    return text === input.value ? [] : [path];
  };
  return { node: input, input, read, write };
}
function asJson(text) {
  if (text.trim() === "") return void 0;
  try {
    return parse(text);
  } catch {
    return text;
  }
}
var Choice = class {
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
  /** Adds a member; `zero` is what it says when it is chosen and left empty. */
  add(name, control, zero, path) {
    this.#members.set(name, { ...control, zero, path });
    this.#select.append(new Option(name, name));
    this.node.append(control.node);
    this.#show();
  }
  get names() {
    return [...this.#members.keys()];
  }
  read() {
    const name = this.#select.value;
    const member = this.#members.get(name);
    return member ? [[name, member.read() ?? member.zero]] : [];
  }
  write(given) {
    const said = [...this.#members].filter(([name, { zero }]) => {
      const value = given.get(name);
      return value !== void 0 && (value !== null || zero === null);
    });
    this.#select.value = said[0]?.[0] ?? "";
    const strange = [...this.#members].flatMap(([name, control]) => control.write(given.get(name)));
    this.#show();
    return [...said.slice(1).map(([, { path }]) => path), ...strange];
  }
  #show() {
    for (const [name, { node: node2 }] of this.#members) node2.hidden = name !== this.#select.value;
  }
};

// publish.ts
var EXAMPLES = {
  "process.progress": { projectId: "42", processId: "mine", progress: 50, message: "Halfway" },
  "process.started": { projectId: "42", processId: "mine", name: "import", message: "Begins" },
  "process.completed": { projectId: "42", processId: "mine", progress: 100, outcome: "PROCESS_OUTCOME_SUCCEEDED" },
  "project.created": { projectId: "42", project: { name: "Mine", ownerId: "me" } },
  system_log: { level: "LOG_LEVEL_INFO", source: "page", message: "Somebody is here" },
  "system.heartbeat": { source: "page" }
};
var PublishForm = class {
  #schema;
  #type = byId("type");
  #fields = byId("fields");
  #output = byId("published");
  #asJson = byId("as-json");
  #changed;
  #form;
  #text;
  constructor(schema3, preferred, changed) {
    this.#schema = schema3;
    this.#changed = changed;
    this.#list(preferred);
    this.#type.addEventListener("change", () => this.#show(this.#example()));
    this.#asJson.addEventListener("change", () => this.#switch());
    byId("publish").addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#publish();
    });
    byId("publish").addEventListener("input", () => this.#tell());
    this.#show(this.#example());
  }
  /** Goes on with another schema: what was written stays, as far as its type does. */
  update(schema3) {
    const type = this.#type.value;
    this.#schema = schema3;
    this.#list(type);
    if (this.#type.value !== type) return void this.#show(this.#example());
    if (this.#text) return void this.#about();
    const lost = this.#show(this.#form?.read());
    if (lost.length > 0) this.#say("bad", `The schema has no place any more for ${lost.join(", ")}.`);
  }
  /** What would be published now; nothing while the text is no JSON. */
  draft() {
    const type = this.#type.value;
    const event = this.#schema.event(type);
    let data;
    try {
      data = this.#form?.read() ?? parse(this.#text?.value ?? "{}");
    } catch {
      return void 0;
    }
    return { type, message: event?.message ?? "", json: print(data), channel: fill(event?.channels[0] ?? "system", data) };
  }
  #tell() {
    const draft = this.draft();
    if (draft) this.#changed(draft);
  }
  /** The types, in groups by package. */
  #list(preferred) {
    const groups = /* @__PURE__ */ new Map();
    for (const event of this.#schema.publishable()) {
      const name = event.message.slice(0, Math.max(0, event.message.lastIndexOf(".")));
      let group = groups.get(name);
      if (!group) {
        groups.set(name, group = document.createElement("optgroup"));
        group.label = name || "(no package)";
      }
      group.append(new Option(event.type, event.type));
    }
    this.#type.replaceChildren(...[...groups.values()].sort((a, b) => a.label.localeCompare(b.label)));
    if (this.#schema.event(preferred)) this.#type.value = preferred;
  }
  #example() {
    const example = EXAMPLES[this.#type.value];
    return example === void 0 ? void 0 : parse(JSON.stringify(example));
  }
  #about() {
    const event = this.#schema.event(this.#type.value);
    if (!event) return void 0;
    const where = event.channels.length > 0 ? `goes to ${event.channels.join(" and ")}` : "is private: it goes to a session or user";
    byId("about").textContent = `${event.message} ${where}.`;
    this.#say("", "");
    return event;
  }
  /** Shows this, as a form or as JSON. Returns the paths of what the form has no place for. */
  #show(data) {
    const event = this.#about();
    this.#form = void 0;
    this.#text = void 0;
    if (!event) {
      this.#fields.replaceChildren();
      return [];
    }
    let strange = [];
    if (this.#asJson.checked) {
      const text = document.createElement("textarea");
      text.id = "data";
      text.rows = 10;
      text.spellcheck = false;
      text.setAttribute("aria-label", "The event as JSON");
      text.value = print(data ?? new Members([]), "  ");
      this.#text = text;
      this.#fields.replaceChildren(text);
    } else {
      this.#form = new MessageForm(this.#schema, event.message);
      strange = this.#form.write(data);
      this.#fields.replaceChildren(this.#form.node);
    }
    this.#tell();
    return strange;
  }
  /** Between form and JSON. What the form cannot show is not taken away: then it stays JSON, and says why. */
  #switch() {
    if (!this.#text) return void this.#show(this.#form?.read());
    clearProblems(this.#fields);
    let problem;
    try {
      const data = parse(this.#text.value);
      const event = this.#schema.event(this.#type.value);
      const strange = event ? new MessageForm(this.#schema, event.message).write(data) : [];
      if (strange.length === 0) return void this.#show(data);
      problem = `The form has no place for ${strange.join(", ")}. Mend the text first, or go on as JSON.`;
    } catch (error) {
      problem = `The form cannot show what is not JSON: ${error.message}. Mend the text first, or go on as JSON.`;
    }
    this.#asJson.checked = true;
    showAt(this.#text, problem);
    this.#text.focus();
  }
  async #publish() {
    clearProblems(this.#fields);
    const wrong = this.#form?.check();
    if (wrong !== void 0) return this.#say("bad", `Not sent: ${wrong}`);
    const text = this.#form ? print(this.#form.read()) : this.#text?.value ?? "{}";
    try {
      JSON.parse(text);
    } catch (error) {
      if (this.#text) showAt(this.#text, `Not JSON: ${error.message}`);
      this.#text?.focus();
      return this.#say("bad", "Not sent: the text is not JSON.");
    }
    try {
      const answer = await publish(this.#type.value, text);
      if ("positions" in answer) {
        const positions = answer.positions.map(({ channel: channel2, sequence }) => `${channel2} #${sequence ?? 0}`);
        return this.#say("good", `Accepted: ${positions.join(", ")}`);
      }
      this.#refused(answer);
    } catch (error) {
      this.#say("bad", `Not published: ${error.message}`);
    }
  }
  #refused({ code: code2, message, details: details2 = [] }) {
    const violations = details2.flatMap((detail) => detail.fieldViolations ?? []);
    const problems = violations.map(({ field, description }) => ({ path: field, text: description }));
    const rest = this.#form ? this.#form.show(problems) : problems.map(({ path, text }) => `${path}: ${text}`);
    const untold = rest.filter((text) => !message.includes(text));
    this.#say("bad", [`Refused, ${code2}: ${message}`, ...untold].join("\n"));
  }
  #say(mood, text) {
    this.#output.className = mood;
    this.#output.textContent = text;
  }
};
async function publish(type, json2) {
  const response = await post(wrapped(type, json2));
  return await response.json();
}
async function publishAll(events) {
  const response = await post(JSON.stringify(events));
  if (!response.ok) throw new Error(`the burst was refused with ${response.status}`);
}
function wrapped(type, json2) {
  return `{"type":${JSON.stringify(type)},"data":${json2}}`;
}
async function post(body) {
  return fetch("v1/publish", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body
  });
}
function fill(template, data) {
  return template.replaceAll(/\{([^}]+)\}/g, (whole, path) => {
    let value = data;
    for (const step of path.split(".")) value = value instanceof Members ? value.get(camel(step)) : void 0;
    const text = value instanceof Digits ? value.text : value;
    return text === void 0 || text === null || text === "" ? whole : String(text).replaceAll(/[%:*{}]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  });
}
function camel(name) {
  return name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

// commands.ts
function commands(node2, draft) {
  const { json: json2 } = draft;
  return [
    { title: "Follow, in a terminal", text: `rialto subscribe ${quote(draft.channel)} --url ${node2.websocketUrl}` },
    {
      title: "Follow with wscat, then type a frame",
      text: `wscat -c '${node2.websocketUrl}?session_id=me'
{"type":"channel.subscribe","channels":[{"name":${JSON.stringify(draft.channel)}}]}`
    },
    {
      title: "Publish over HTTP",
      text: `curl -s ${node2.adminUrl}/v1/publish -H 'content-type: application/json' \\
  -d ${quote(wrapped(draft.type, json2))}`
    },
    { title: "Publish, in a terminal", text: `rialto publish ${draft.type} ${quote(json2)} --grpc ${node2.grpcUrl}` },
    {
      title: "Publish from Python",
      text: `# pip install grpcio grpcio-tools
# rialto proto export proto && python -m grpc_tools.protoc -Iproto \\
#   --python_out=. --grpc_python_out=. $(cd proto && find * -name '*.proto')
import grpc
from rialto.v1.publisher_pb2 import Event, JsonPayload, PublishRequest
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub

# With stubs of your own schema: Event(payload=...), the message packed in an Any.
event = Event(json=JsonPayload(type=${JSON.stringify(draft.type)}, data=${JSON.stringify(json2)}))
with grpc.insecure_channel("${node2.grpc}") as channel:
    answer = PublisherServiceStub(channel).Publish(PublishRequest(event=event))
    print(answer.accepted.positions[0].channel, answer.accepted.positions[0].sequence)`
    }
  ];
}
function showCommands(root, node2, draft) {
  root.replaceChildren(
    ...commands(node2, draft).flatMap(({ title, text }) => {
      const pre = element("pre", "", text);
      pre.tabIndex = 0;
      return [element("h3", "", title), element("div", "listing", [copyButton(() => text, title), pre])];
    })
  );
}
function copyButton(text, title) {
  const button = element("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy: ${title}`);
  makeCopy(button, text);
  return button;
}
function makeCopy(button, text) {
  button.addEventListener("click", () => {
    void copy(text()).then((done) => {
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
  });
}
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const pre = [...document.querySelectorAll("pre")].find((candidate) => candidate.textContent === text);
    if (pre) getSelection()?.selectAllChildren(pre);
    return false;
  }
}
function quote(text) {
  return /^[\w:.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// sdk/runtime/errors.ts
var RialtoError = class extends Error {
  name = "RialtoError";
  /** What went wrong. */
  code;
  /** Whether the same may succeed later. */
  retryable;
  /** More, where it is known. */
  details;
  constructor(code2, message, details2 = {}, retryable = code2 === "unavailable", cause) {
    super(message, cause === void 0 ? void 0 : { cause });
    this.code = code2;
    this.retryable = retryable;
    this.details = details2;
  }
};
function isRialtoError(error, code2) {
  return error instanceof RialtoError && (code2 === void 0 || error.code === code2);
}

// sdk/runtime/channel.ts
function escapeParameter(value) {
  return String(value).replace(
    /[%:*{}\p{Cc}]/gu,
    (letter) => (
      // encodeURIComponent leaves `*` alone.
      letter === "*" ? "%2A" : encodeURIComponent(letter)
    )
  );
}
function channel(name) {
  return { name, types: [], knows: () => true };
}
function templateChannel(template, parameters, known, selection) {
  const values = parameters.map(escapeParameter);
  const name = template.replace(/\{(.+?)\}/g, (_, parameter) => {
    const value = values.shift();
    if (!value) throw new RialtoError("invalid_argument", `${parameter} of the channel ${template} is empty`);
    return value;
  });
  return { name, types: selection?.types ?? [], knows: (type) => ` ${known} `.includes(` ${type} `) };
}

// sdk/runtime/frames.ts
var SUBPROTOCOL = "rialto.v1.json";
var PROTOCOL_VERSION = 1;
var HEARTBEAT = "connection.heartbeat";

// sdk/runtime/lifecycle.ts
var pageLifecycle = (listener) => {
  const page = globalThis;
  const { document: document3 } = page;
  const stop = new AbortController();
  const { signal } = stop;
  const on = ({ type }) => listener(type === "online" || type === "offline" ? type : document3?.hidden ? "hidden" : "visible");
  if (document3) {
    for (const type of ["online", "offline", "pageshow"]) page.addEventListener?.(type, on, { signal });
    document3.addEventListener("visibilitychange", on, { signal });
  }
  return () => stop.abort();
};

// sdk/runtime/queue.ts
function createQueue(capacity, policy, onReturn) {
  const items = [];
  const readers = [];
  let ended;
  const end = (error) => {
    if (ended) return;
    ended = error === void 0 ? {} : { error };
    onReturn();
    for (const reader of readers.splice(0)) settle(reader.resolve, reader.reject);
  };
  const settle = (resolve, reject) => {
    if (items.length > 0) resolve({ done: false, value: items.shift() });
    else if (ended && "error" in ended) {
      const { error } = ended;
      ended = {};
      reject(error);
    } else resolve({ done: true, value: void 0 });
  };
  return {
    push(item) {
      if (ended) return;
      const reader = readers.shift();
      if (reader) return reader.resolve({ done: false, value: item });
      if (items.length >= capacity) {
        if (policy === "drop-newest") return;
        if (policy === "error") {
          return end(new RialtoError("buffer_overflow", `the reader is ${capacity} events behind`));
        }
        items.shift();
      }
      items.push(item);
    },
    end,
    next() {
      return new Promise((resolve, reject) => {
        if (items.length > 0 || ended) settle(resolve, reject);
        else readers.push({ resolve, reject });
      });
    },
    return() {
      items.length = 0;
      end();
      return Promise.resolve({ done: true, value: void 0 });
    },
    [Symbol.asyncIterator]() {
      return this;
    }
  };
}

// sdk/runtime/backoff.ts
var FIRST_MS = 500;
var LONGEST_MS = 2e4;
var LONGEST_HIDDEN_MS = 6e4;
function backoffMs(attempt, chance, hidden) {
  return chance * Math.min(hidden ? LONGEST_HIDDEN_MS : LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
}

// sdk/runtime/cursor.ts
function advance(cursor, to) {
  const { position } = cursor;
  if (!position || position.epoch !== to.epoch || position.sequence < to.sequence) cursor.position = to;
}
function tellGap(host, channel2, cursor, epoch, first, last) {
  advance(cursor, { epoch, sequence: last });
  if (cursor.wanted) host.onGap({ channel: channel2, epoch, first, last });
}
function begin(host, cursor, data) {
  const { position, live } = cursor;
  const { channel: channel2, start, head, recovered } = data;
  cursor.live = true;
  if (!live) cursor.head = head;
  if (cursor.wanted) host.onSubscribed(data);
  if (recovered !== false) {
    if (position && position.epoch !== start.epoch) host.onReset({ channel: channel2, start, previous: position });
    else if (position && !live && !cursor.filtered && start.sequence > position.sequence) {
      tellGap(host, channel2, cursor, start.epoch, position.sequence + 1, start.sequence);
    }
    advance(cursor, start);
  }
  cursor.filtered = cursor.types.length > 0;
}
function skip(host, cursor, { channel: channel2, epoch, first, last }) {
  const { position } = cursor;
  const seen = position?.epoch === epoch ? position.sequence : 0;
  if (last > seen) tellGap(host, channel2, cursor, epoch, Math.max(first, seen + 1), last);
}
function restart(host, cursor, { channel: channel2, start, previous }) {
  cursor.position = start;
  if (cursor.wanted) host.onReset({ channel: channel2, start, ...previous && { previous } });
}
function move(host, cursor, { channel: channel2, position, conflated = 0 }) {
  const before = cursor.position;
  if (before?.epoch !== position.epoch || before.sequence >= position.sequence) return;
  cursor.position = position;
  host.onPosition({ channel: channel2, position, conflated });
}
function take(host, channel2, cursor, frame) {
  const { sequence } = frame;
  const { position } = cursor;
  let replayed = false;
  if (sequence !== void 0 && position) {
    const { epoch } = position;
    if (sequence <= position.sequence) return;
    if (sequence > position.sequence + 1 && !cursor.filtered) {
      tellGap(host, channel2, cursor, epoch, position.sequence + 1, sequence - 1);
    }
    replayed = cursor.head?.epoch === epoch && sequence <= cursor.head.sequence;
    cursor.position = { epoch, sequence };
  }
  if (cursor.wanted) host.onEvent({ ...frame, channel: channel2 }, replayed);
}

// sdk/runtime/channels.ts
function createChannels(host, send) {
  const channels = /* @__PURE__ */ new Map();
  const leaving = /* @__PURE__ */ new Set();
  const left = /* @__PURE__ */ new Map();
  let unsure = false;
  let confirming;
  const isAsked = ({ live, asked }) => live === true || asked !== void 0;
  const obtain = (name) => {
    const channel2 = channels.get(name) ?? { types: [] };
    channels.set(name, channel2);
    return channel2;
  };
  const end = (name, channel2, error) => {
    channels.delete(name);
    if (channel2.wanted) host.onEnded(name, error, channel2.position);
  };
  const subscription = ([name, channel2]) => {
    const { types = [], history } = channel2.wanted ?? {};
    channel2.types = types;
    channel2.dirty = false;
    return {
      name,
      ...types.length > 0 && { types },
      // A live subscription goes on where it is: only the bridge knows how far it has come.
      ...channel2.position && !channel2.live ? { after: channel2.position } : history !== void 0 && { history }
    };
  };
  const subscribed = (data, replyTo) => {
    const channel2 = replyTo === void 0 ? obtain(data.channel) : channels.get(data.channel);
    if (!channel2) return;
    if (replyTo === void 0) {
      channel2.auto = true;
      if (channel2.asked !== void 0 && channel2.position) return;
    } else if (channel2.asked !== replyTo) return;
    else channel2.asked = void 0;
    begin(host, channel2, data);
  };
  const unsubscribed = ({ channel: name, reason }, replyTo = "") => {
    left.delete(replyTo);
    const channel2 = channels.get(name);
    if (reason === "requested" || !channel2) return;
    const code2 = reason === "permission_lost" ? "permission_denied" : "failed_precondition";
    end(name, channel2, new RialtoError(code2, `the bridge has ended ${name}: ${reason}`, { channel: name, reason }));
  };
  const confirmed = () => {
    unsure = false;
    for (const [name, channel2] of channels) {
      if (!channel2.auto || isAsked(channel2)) continue;
      channel2.auto = false;
      channel2.dirty = true;
      if (!channel2.wanted) channels.delete(name);
    }
  };
  return {
    isNeeded: () => [...channels.values()].some(({ wanted }) => wanted),
    want(name, wanted) {
      const channel2 = obtain(name);
      channel2.wanted = wanted;
      channel2.position ??= wanted.after;
      if (!sameTypes(channel2.types, wanted.types) || !isAsked(channel2)) channel2.dirty = true;
      const { live, asked, position, head } = channel2;
      if (!live || asked !== void 0 || channel2.dirty || !position || !head) return void 0;
      const isPast = head.epoch !== position.epoch || head.sequence < position.sequence;
      return { channel: name, start: position, head: isPast ? position : head };
    },
    leave(name) {
      const channel2 = channels.get(name);
      if (!channel2) return;
      channel2.wanted = void 0;
      channel2.dirty = false;
      if (channel2.auto) return;
      channels.delete(name);
      if (isAsked(channel2)) leaving.add(name);
    },
    flush() {
      if (leaving.size > 0) {
        const names = [...leaving];
        leaving.clear();
        left.set(send("channel.unsubscribe", { channels: names }), names);
      }
      const due = [...channels].filter(([, { dirty, refused, asked }]) => dirty && !refused && asked === void 0);
      if (due.length > 0) {
        const id = send("channel.subscribe", { channels: due.map(subscription) });
        due.forEach(([, channel2], place) => {
          channel2.asked = id;
          channel2.place = place;
        });
      }
      if (unsure) confirming ??= send(HEARTBEAT, {});
    },
    resume: () => [...channels].filter(([, { auto, position }]) => auto && position).map(subscription),
    acked() {
      unsure = [...channels.values()].some(({ auto, wanted }) => auto && wanted);
    },
    hear(frame) {
      const { type, replyTo, channel: name = "" } = frame;
      const data = frame.data ?? {};
      const about = type.startsWith("channel.") ? data.channel : name;
      if (type === HEARTBEAT) return confirming !== void 0 && confirming === replyTo ? confirmed() : void 0;
      if (type === "channel.subscribed") return subscribed(data, replyTo);
      if (type === "channel.unsubscribed") return unsubscribed(data, replyTo);
      const channel2 = channels.get(about);
      if (!channel2?.live) return;
      if (type === "channel.gap") skip(host, channel2, data);
      else if (type === "channel.reset") restart(host, channel2, data);
      else if (type === "channel.position") move(host, channel2, data);
      else if (name) take(host, name, channel2, frame);
    },
    refused(error, { channel: named, path = "" }, replyTo, isTooFast) {
      const names = left.get(replyTo ?? "");
      if (names) {
        left.delete(replyTo ?? "");
        for (const name of error.retryable ? names : []) if (!channels.has(name)) leaving.add(name);
        return error.code !== "not_found";
      }
      if (replyTo !== void 0 && replyTo === confirming) confirming = void 0;
      const place = /\[(\d+)]/.exec(path)?.[1];
      const isNamed = (name, channel2) => replyTo !== void 0 && place ? channel2.place === Number(place) : name === named;
      const concerned = [...channels].filter(
        ([name, channel2]) => channel2.asked === replyTo && (named ? isNamed(name, channel2) : channel2.asked !== void 0)
      );
      for (const [name, channel2] of concerned) {
        if (error.retryable) {
          channel2.asked = void 0;
          channel2.dirty = true;
          channel2.refused = !isTooFast;
        } else end(name, channel2, error);
      }
      return error.retryable || concerned.length === 0;
    },
    again() {
      for (const channel2 of channels.values()) channel2.refused = false;
    },
    detach() {
      leaving.clear();
      left.clear();
      unsure = false;
      confirming = void 0;
      for (const [name, channel2] of channels) {
        channel2.live = false;
        channel2.asked = void 0;
        channel2.refused = false;
        channel2.dirty = channel2.wanted !== void 0;
        if (!channel2.wanted && !channel2.auto) channels.delete(name);
      }
    },
    end(error) {
      for (const [name, channel2] of [...channels]) end(name, channel2, error);
    },
    position: (name) => channels.get(name)?.position
  };
}
function sameTypes(left, right) {
  return left.length === right.length && left.every((type) => right.includes(type));
}

// sdk/runtime/codes.ts
var CODES = {
  1009: "resource_exhausted",
  4001: "unauthenticated",
  4002: "unauthenticated",
  4003: "permission_denied",
  4501: "unauthenticated",
  4503: "schema_mismatch",
  4504: "permission_denied"
};
function mayReturn(code2) {
  return [1e3, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4004].includes(code2) || code2 >= 4100 && code2 < 4500;
}
function needsNewToken(code2) {
  return code2 === 4001 || code2 === 4002;
}
function errorOf({ code: code2, status, reason, message, retryAfterMs, path, channel: channel2 }) {
  const details2 = {
    number: code2,
    ...reason && { reason },
    ...retryAfterMs && { retryAfterMs },
    ...path && { path },
    ...channel2 && { channel: channel2 }
  };
  const retryable = code2 === 4007 || mayReturn(code2);
  const name = status.toLowerCase() || CODES[code2] || (retryable ? "unavailable" : "protocol");
  return new RialtoError(name, message, details2, retryable);
}

// sdk/runtime/sends.ts
var MAX_WAITING = 256;
function createSends(host, nextId) {
  let waiting = [];
  let sent = [];
  const settleAll = (sends, error) => {
    for (const { settle } of sends) settle?.(error);
    return sends.length > 0;
  };
  const place = (replyTo) => sent.findIndex(({ id }) => id === replyTo);
  return {
    isNeeded: () => [...waiting, ...sent].some(({ settle }) => settle),
    add(id, type, data, settle) {
      if (waiting.length < MAX_WAITING) waiting.push({ id, type, data, settle });
      else settle(new RialtoError("resource_exhausted", "too many events wait to be sent", {}, true));
    },
    forget(id) {
      waiting = waiting.filter((send) => send.id !== id);
      sent = sent.filter((send) => send.id !== id);
    },
    flush() {
      if (!(waiting.at(-1) ?? sent.at(-1))?.settle) return;
      waiting.push({ id: nextId(), type: HEARTBEAT, data: {} });
      for (const send of waiting.splice(0)) {
        const { type, id, data, settle } = send;
        try {
          host.send({ type, id, data });
          sent.push(send);
        } catch (cause) {
          settle?.(new RialtoError("invalid_argument", `the data of ${type} is not JSON`, {}, false, cause));
        }
      }
    },
    answered: (replyTo) => settleAll(sent.splice(0, place(replyTo) + 1)),
    refused: (replyTo, error) => settleAll(place(replyTo) < 0 ? [] : sent.splice(place(replyTo), 1), error),
    detach: (error) => settleAll(sent.splice(0), error),
    end: (error) => settleAll(waiting.splice(0), error)
  };
}

// sdk/runtime/session.ts
var CONNECT_TIMEOUT_MS = 1e4;
var STABLE_AFTER_MS = 5e3;
var PROBE_MS = 3e3;
var WAKE_JITTER_MS = 1e3;
var LONGEST_GOODBYE_MS = 5e3;
var FIRST_HEARTBEAT_MS = 3e4;
var PERMISSION_DENIED = 4003;
var RATE_LIMITED = 4004;
var NO_CREDENTIALS = 4501;
var REFRESH_BEFORE_MS = 6e4;
var REFRESH_AGAIN_MS = 5e3;
function createSession(host, settings) {
  const timers = /* @__PURE__ */ new Map();
  let status = { state: "idle" };
  let attempt = 0;
  let refusedTokens = 0;
  let expired = false;
  let hasShownNone = false;
  let advisedMs;
  let heartbeatMs = FIRST_HEARTBEAT_MS;
  let heardAt = 0;
  let hidden = false;
  let offline = false;
  let held = false;
  let frames = 0;
  let refreshing;
  const nextId = () => `${settings.clientId}-${++frames}`;
  const isOpen = () => status.state === "connected";
  const say = (next) => {
    status = next;
    host.onStatus(next);
  };
  const send = (type, data) => {
    const id = nextId();
    host.send({ type, id, data });
    return id;
  };
  const channels = createChannels(host, send);
  const sends = createSends(host, nextId);
  const isNeeded = () => channels.isNeeded() || sends.isNeeded();
  const connect2 = (now) => {
    timers.clear();
    timers.set("connect", now + CONNECT_TIMEOUT_MS);
    advisedMs = void 0;
    hasShownNone = false;
    say({ state: "connecting" });
    host.connect({ expired });
  };
  const consider = (now) => {
    if (held || status.state === "closed") return;
    if (isNeeded()) {
      timers.delete("leave");
      if (status.state === "idle") connect2(now);
    } else if (status.state !== "idle" && !timers.has("leave")) {
      timers.set("leave", now + settings.lingerMs);
    }
  };
  const detach = (error = new RialtoError("unavailable", "the connection is gone")) => {
    timers.clear();
    refreshing = void 0;
    channels.detach();
    sends.detach(error);
  };
  const rest = () => {
    detach();
    attempt = 0;
    say({ state: "idle" });
  };
  const end = (reason) => {
    const error = reason ?? closed();
    detach(error);
    sends.end(error);
    say({ state: "closed", ...reason && { reason } });
    channels.end(error);
  };
  const retry = (reason, now, delayMs) => {
    detach(reason);
    if (!isNeeded()) return rest();
    const delay = delayMs ?? advisedMs ?? backoffMs(attempt, settings.random(), hidden || offline);
    attempt += 1;
    timers.set("retry", now + delay);
    say(offline ? { state: "offline" } : { state: "waiting", attempt, retryAt: now + delay, reason });
  };
  const drop = (message, now) => {
    host.disconnect();
    retry(new RialtoError("unavailable", message), now);
  };
  const flush = () => {
    if (!isOpen() || timers.has("limited")) return;
    channels.flush();
    sends.flush();
  };
  const lasts = (expiresInMs, leastMs, now) => {
    const refreshMs = expiresInMs - Math.min(REFRESH_BEFORE_MS, expiresInMs / 4);
    timers.set("refresh", now + Math.max(refreshMs, leastMs));
  };
  const acked = (ack, now) => {
    timers.delete("connect");
    timers.set("stable", now + STABLE_AFTER_MS);
    heartbeatMs = ack.heartbeatMs || heartbeatMs;
    refusedTokens = 0;
    expired = false;
    if (ack.expiresInMs && settings.hasToken) lasts(ack.expiresInMs, 0, now);
    const { connectionId, sessionId, userId, fingerprint } = ack;
    channels.acked();
    say({ state: "connected", connectionId, sessionId, userId, fingerprint });
    flush();
  };
  const refused = (data, replyTo, now) => {
    const error = errorOf(data);
    if (replyTo !== void 0 && replyTo === refreshing) {
      refreshing = void 0;
      timers.set("refresh", now + Math.max(data.retryAfterMs || 0, REFRESH_AGAIN_MS));
      return host.onError(error);
    }
    const isTooFast = data.code === RATE_LIMITED;
    const timer = isTooFast ? "limited" : "resubscribe";
    const isSend = sends.refused(replyTo, error);
    if (error.retryable && (!isSend || isTooFast)) {
      const again = now + (data.retryAfterMs || backoffMs(4, settings.random(), hidden));
      timers.set(timer, Math.max(timers.get(timer) ?? 0, again));
    }
    if (!isSend && channels.refused(error, data, replyTo, isTooFast)) host.onError(error);
  };
  const hear = (frame, now) => {
    const { type, replyTo } = frame;
    const data = frame.data ?? {};
    switch (type) {
      case "connection.ack":
        return acked(data, now);
      case "connection.refreshed":
        refreshing = void 0;
        return lasts(data.expiresInMs || 0, REFRESH_AGAIN_MS, now);
      case "connection.reconnect":
        advisedMs = data.delayMs;
        timers.set("silence", now + LONGEST_GOODBYE_MS);
        return;
      case "connection.error":
        advisedMs = data.retryAfterMs || advisedMs;
        return host.onError(errorOf(data));
      case "error":
        return refused(data, replyTo, now);
      case HEARTBEAT:
        sends.answered(replyTo);
    }
    channels.hear(frame);
  };
  const ripe = {
    connect: (now) => drop("no answer in time", now),
    retry: (now) => connect2(now),
    silence: (now) => drop("nothing came for too long", now),
    probe: (now) => drop("no answer in time", now),
    stable: () => {
      attempt = 0;
    },
    leave: () => {
      host.disconnect();
      rest();
    },
    limited: () => flush(),
    refresh: () => host.refresh(),
    resubscribe: () => {
      channels.again();
      flush();
    }
  };
  const probe = (now) => {
    if (!isOpen() || timers.has("probe") || now - heardAt < PROBE_MS) return;
    timers.set("probe", now + PROBE_MS);
    send(HEARTBEAT, {});
  };
  const wake = (now) => {
    const retryAt = timers.get("retry");
    const soon = now + settings.random() * WAKE_JITTER_MS;
    if (retryAt === void 0) probe(now);
    else if (advisedMs === void 0 && soon < retryAt) timers.set("retry", soon);
  };
  return {
    assertOpen() {
      if (status.state === "closed") throw status.reason ?? closed();
    },
    want(name, wanted, now) {
      const there = channels.want(name, wanted);
      consider(now);
      return there;
    },
    leave(name, now) {
      channels.leave(name);
      consider(now);
    },
    dispatch(type, data, settle, now) {
      const id = nextId();
      if (status.state === "closed") settle(status.reason ?? closed());
      else sends.add(id, type, data, settle);
      consider(now);
      return id;
    },
    forget(id, now) {
      sends.forget(id);
      consider(now);
    },
    flush,
    opened(token, now) {
      if (status.state !== "connecting") return;
      heardAt = now;
      hasShownNone = !token;
      const { clientId, fingerprint } = settings;
      const resume = channels.resume();
      send("connection.init", {
        protocol: PROTOCOL_VERSION,
        clientId,
        fingerprint,
        resume,
        ...token !== void 0 && { token }
      });
    },
    refreshed(token, now) {
      if (!isOpen()) return;
      if (token === void 0) timers.set("refresh", now + REFRESH_AGAIN_MS);
      else refreshing = send("connection.refresh", { token });
    },
    received(frame, now) {
      if (status.state !== "connecting" && !isOpen()) return;
      heardAt = now;
      timers.delete("probe");
      if (frame.type !== "connection.reconnect" && advisedMs === void 0) {
        timers.set("silence", now + 1.5 * heartbeatMs + 5e3);
      }
      hear(frame, now);
      consider(now);
    },
    lost(code2, reason, now) {
      if (status.state !== "connecting" && !isOpen()) return;
      const message = reason || (code2 === 1006 ? "no connection" : `closed with ${code2}`);
      const error = errorOf({ code: code2, status: "", reason, message, retryAfterMs: 0 });
      if (needsNewToken(code2)) {
        refusedTokens += 1;
        expired = true;
        const delayMs = attempt === 0 ? 0 : void 0;
        return settings.hasToken && refusedTokens === 1 ? retry(error, now, delayMs) : end(error);
      }
      if (status.state === "connecting") {
        if (code2 === PERMISSION_DENIED && host.forgetSession()) return retry(error, now, 0);
        const wasLate = !hasShownNone || now >= (timers.get("connect") ?? now);
        if (code2 === NO_CREDENTIALS && wasLate) return retry(new RialtoError("unavailable", message), now);
      }
      return error.retryable ? retry(error, now) : end(error);
    },
    failed(error, now) {
      if (status.state !== "connecting") return;
      host.disconnect();
      if (error.retryable) retry(error, now);
      else end(error);
    },
    network(online, now) {
      offline = !online;
      if (online) wake(now);
      else probe(now);
    },
    visibility(isHidden, now) {
      hidden = isHidden;
      if (!hidden) wake(now);
    },
    close(reason) {
      if (status.state === "closed") return;
      host.disconnect();
      end(reason);
    },
    hold(isHeld, now) {
      held = isHeld;
      if (held && status.state !== "idle" && status.state !== "closed") {
        host.disconnect();
        rest();
      }
      consider(now);
    },
    tick(now) {
      for (const [timer, at] of [...timers]) {
        if (at > now || timers.get(timer) !== at) continue;
        timers.delete(timer);
        ripe[timer](now);
      }
    },
    deadline: () => Math.min(...timers.values()),
    position: channels.position,
    status: () => status
  };
}
function closed() {
  return new RialtoError("closed", "the client is closed");
}

// sdk/runtime/subscription.ts
function createSubscriptions(session2, step, call, onUnknown) {
  const channels = /* @__PURE__ */ new Map();
  const isOpen = (entry) => channels.get(entry.ref.name)?.has(entry) ?? false;
  function* listenersOf(name) {
    for (const entry of [...channels.get(name) ?? []]) if (isOpen(entry)) yield entry;
  }
  const update = (name) => {
    const listeners = [...listenersOf(name)];
    const [first] = listeners;
    if (!first) {
      channels.delete(name);
      session2.leave(name, Date.now());
      return void 0;
    }
    const all = listeners.some(({ ref }) => ref.types.length === 0);
    const types = all ? [] : [...new Set(listeners.flatMap(({ ref }) => ref.types))];
    return session2.want(name, { ...first.options, types }, Date.now());
  };
  return {
    add(ref, listener, options = {}) {
      const { name } = ref;
      const { signal } = options;
      const close = () => {
        if (!isOpen(entry)) return;
        entry.last = session2.position(name);
        channels.get(name)?.delete(entry);
        entry.forget();
        step(() => update(name));
        call(options.onEnd, void 0);
      };
      const entry = { ref, listener, options, forget: () => signal?.removeEventListener("abort", close) };
      session2.assertOpen();
      if (signal?.aborted) call(options.onEnd, void 0);
      else {
        channels.set(name, (channels.get(name) ?? /* @__PURE__ */ new Set()).add(entry));
        const there = step(() => update(name));
        signal?.addEventListener("abort", close, { once: true });
        if (there) queueMicrotask(() => isOpen(entry) && call(options.onSubscribed, there));
      }
      return {
        channel: name,
        get position() {
          return isOpen(entry) ? session2.position(name) : entry.last;
        },
        close
      };
    },
    onEvent(frame, replayed) {
      const { data = {}, metadata = {} } = frame;
      const event = { ...frame, data, metadata, replayed };
      for (const { ref, listener, options } of listenersOf(frame.channel)) {
        if (!ref.knows(event.type)) call(options.onUnknown ?? onUnknown, event);
        else if (ref.types.length === 0 || ref.types.includes(event.type)) call(listener, event);
      }
    },
    tell(channel2, name, what) {
      for (const { options } of listenersOf(channel2)) call(options[name], what);
    },
    end(channel2, error, position) {
      const listeners = [...listenersOf(channel2)];
      channels.delete(channel2);
      for (const entry of listeners) entry.last = position;
      for (const { options, forget } of listeners) {
        forget();
        call(options.onEnd, error);
      }
      return listeners.some(({ options }) => options.onEnd);
    }
  };
}

// sdk/runtime/transport.ts
function webSocketOf(given) {
  const own = given ?? globalThis.WebSocket;
  if (!own) {
    throw new RialtoError(
      "failed_precondition",
      "no global WebSocket: pass one as options.WebSocket, in Node 20 that of the package ws"
    );
  }
  return own;
}
function addressOf(given, sessionId) {
  const { location } = globalThis;
  let url;
  try {
    url = new URL(given ?? "/ws", location?.href);
  } catch (cause) {
    const message = `${given} is no address: pass options.url, such as wss://example.com/ws`;
    throw new RialtoError("invalid_argument", message, {}, false, cause);
  }
  url.protocol = url.protocol.replace("http", "ws");
  if (sessionId) url.searchParams.set("session_id", sessionId);
  return url.href;
}

// sdk/runtime/client.ts
var LINGER_MS = 5e3;
var ITERATOR_CAPACITY = 1024;
function createClient(options = {}, schema3) {
  const now = Date.now;
  const statusListeners = /* @__PURE__ */ new Set();
  let socket;
  let attempt;
  let timer;
  let sessionId = options.sessionId;
  let hadSession = false;
  let flushing = false;
  let stopLifecycle;
  const call = (listener, argument) => {
    try {
      listener?.(argument);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  const report = (error) => call(options.onError ?? ((error2) => console.error(error2)), error);
  const tokenOf = async (signal, expired) => typeof options.token === "function" ? options.token({ signal, expired }) : options.token;
  const release = () => {
    const old = socket;
    socket = void 0;
    attempt?.abort();
    attempt = void 0;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
  };
  const open = async (expired) => {
    release();
    const own = new AbortController();
    attempt = own;
    try {
      const token = typeof options.token === "function" ? await tokenOf(own.signal, expired) : options.token;
      if (attempt !== own) return;
      const opened = new (webSocketOf(options.WebSocket))(addressOf(options.url, sessionId), [SUBPROTOCOL]);
      socket = opened;
      opened.onopen = () => step(() => session2.opened(token, now()));
      opened.onerror = () => {
      };
      opened.onmessage = ({ data }) => step(() => receive(data));
      opened.onclose = ({ code: code2, reason }) => {
        release();
        step(() => session2.lost(code2, reason, now()));
      };
    } catch (cause) {
      if (attempt !== own) return;
      const error = isRialtoError(cause) ? cause : noToken(cause);
      step(() => session2.failed(error, now()));
    }
  };
  const refresh = async () => {
    const own = attempt;
    if (!own) return;
    let token;
    try {
      token = await tokenOf(own.signal, true);
    } catch (cause) {
      if (attempt === own) report(noToken(cause));
    }
    if (attempt === own) step(() => session2.refreshed(token, now()));
  };
  const receive = (data) => {
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch (cause) {
      return report(new RialtoError("protocol", "the bridge sent what is not JSON", {}, false, cause));
    }
    session2.received(frame, now());
  };
  const host = {
    connect: ({ expired }) => void open(expired),
    refresh: () => void refresh(),
    forgetSession() {
      const had = hadSession;
      if (had) sessionId = void 0;
      hadSession = false;
      return had;
    },
    disconnect: release,
    send: (frame) => socket?.send(JSON.stringify(frame)),
    onStatus(status) {
      if (status.state === "connected") {
        sessionId = status.sessionId;
        hadSession = true;
      }
      if (status.state === "idle" || status.state === "closed") {
        stopLifecycle?.();
        stopLifecycle = void 0;
      }
      for (const listener of [...statusListeners]) call(listener, status);
    },
    onEvent: (frame, replayed) => subscriptions.onEvent(frame, replayed),
    onSubscribed: (subscribed) => subscriptions.tell(subscribed.channel, "onSubscribed", subscribed),
    onGap: (gap) => subscriptions.tell(gap.channel, "onGap", gap),
    onReset: (reset) => subscriptions.tell(reset.channel, "onReset", reset),
    onPosition: (moved) => subscriptions.tell(moved.channel, "onPosition", moved),
    onEnded: (channel2, error, position) => {
      if (!subscriptions.end(channel2, error, position) && error.code !== "closed") report(error);
    },
    onError: report
  };
  const session2 = createSession(host, {
    clientId: Math.random().toString(36).slice(2),
    fingerprint: schema3?.fingerprint ?? "",
    hasToken: typeof options.token === "function",
    lingerMs: options.lingerMs ?? LINGER_MS,
    random: Math.random
  });
  const subscriptions = createSubscriptions(session2, step, call, options.onUnknown);
  function step(action) {
    const result = action();
    clearTimeout(timer);
    const deadline = session2.deadline();
    if (Number.isFinite(deadline)) {
      timer = setTimeout(() => step(() => session2.tick(now())), deadline - now());
    }
    const { state: state2 } = session2.status();
    if (state2 !== "idle" && state2 !== "closed") {
      stopLifecycle ??= (options.lifecycle ?? pageLifecycle)(
        (event) => step(() => {
          if (event === "online" || event === "offline") session2.network(event === "online", now());
          else session2.visibility(event === "hidden", now());
        })
      );
    }
    if (!flushing) {
      flushing = true;
      queueMicrotask(() => {
        flushing = false;
        session2.flush();
      });
    }
    return result;
  }
  const client = {
    get status() {
      return session2.status();
    },
    onStatus(listener) {
      statusListeners.add(listener);
      call(listener, session2.status());
      return () => void statusListeners.delete(listener);
    },
    subscribe: (channel2, listener, more) => subscriptions.add(channel2, listener, more),
    events(channel2, { capacity = ITERATOR_CAPACITY, overflow = "error", ...more } = {}) {
      let subscription;
      const queue = createQueue(capacity, overflow, () => subscription?.close());
      const onEnd2 = (error) => {
        queue.end(error);
        more.onEnd?.(error);
      };
      subscription = subscriptions.add(channel2, (event) => queue.push(event), {
        ...more,
        onEnd: onEnd2
      });
      return queue;
    },
    send: (type, data, { signal } = {}) => new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        step(() => session2.forget(id, now()));
        reject(signal?.reason);
      };
      const settle = (error) => {
        signal?.removeEventListener("abort", abort);
        if (error) reject(error);
        else resolve();
      };
      const id = step(() => session2.dispatch(type, data, settle, now()));
      signal?.addEventListener("abort", abort, { once: true });
    }),
    suspend: () => step(() => session2.hold(true, now())),
    resume: () => step(() => session2.hold(false, now())),
    close: () => step(() => session2.close(void 0))
  };
  options.signal?.addEventListener("abort", client.close, { once: true });
  if (options.signal?.aborted) client.close();
  return client;
}
function noToken(cause) {
  return new RialtoError("unauthenticated", "there is no token", {}, true, cause);
}

// sdk/operations.v1.ts
var GatewayRecovery = "gateway_recovery";
var GatewayStatusChange = "gateway_status_change";
var SystemHealth = "system_health";
var SystemLog = "system_log";
function operations(selection) {
  return templateChannel("operations", [], "client.connected client.disconnected gateway_recovery gateway_status_change system_health system_log", selection);
}

// sdk/project.v1.ts
var ProcessCompleted = "process.completed";
var ProcessProgress = "process.progress";
var ProcessStarted = "process.started";
var ProjectUpdated = "project.updated";
function project(parameters, selection) {
  return templateChannel("project:{project_id}", [parameters["projectId"]], "file.created file.deleted file.modified file.uploaded process.completed process.progress process.started project.created project.deleted project.updated", selection);
}

// sdk/rialto.v1.ts
function session(parameters, selection) {
  return templateChannel("session:{session_id}", [parameters["sessionId"]], "assistant connection file.upload.authorized file.upload.complete file.upload.progress message.received openai_call openai_response tool.call.complete tool.call.error tool.call.progress tool.call.start tool_call tool_result", selection);
}
function system(selection) {
  return templateChannel("system", [], "system.heartbeat", selection);
}

// sdk/schema.ts
var schema = {
  fingerprint: "9dbbcd42cce0a3ef64c54870d9064c5429d2614cde9c2071cee8a30708fe3bd0",
  generator: "rialto 0.1.0",
  protocol: 1
};
function connect(options) {
  return createClient(options, schema);
}

// describe.ts
function describe(event) {
  return told(event) ?? fields(event.data);
}
function told(event) {
  switch (event.type) {
    case ProcessStarted: {
      const { processId, message } = event.data;
      return [bold(processId), ` ${message}`];
    }
    case ProcessProgress: {
      const { processId, progress, message } = event.data;
      const bar = element("progress");
      Object.assign(bar, { max: 100, value: progress });
      bar.setAttribute("aria-label", `${processId}: ${Math.round(progress)} percent`);
      return [bar, bold(processId), ` ${Math.round(progress)} % ${message}`];
    }
    case ProcessCompleted: {
      const { processId, outcome, message } = event.data;
      const word = lower("PROCESS_OUTCOME_", outcome);
      const mood = word === "failed" ? "bad" : "good";
      return [badge(word === "unspecified" ? "done" : word, mood), bold(processId), ` ${message}`];
    }
    case SystemLog: {
      const { level, source, message } = event.data;
      const word = lower("LOG_LEVEL_", level);
      const mood = { warning: "warn", error: "bad", critical: "bad" }[word] ?? "quiet";
      return [badge(word, mood), bold(source), ` ${message}`];
    }
    case SystemHealth: {
      const word = lower("HEALTH_STATUS_", event.data.status);
      const parts = event.data.components.map(({ name, latency, message }) => `${name} ${latency ?? message}`);
      return [badge(word, word === "healthy" ? "good" : "warn"), ` ${parts.join(", ")}`];
    }
    case GatewayStatusChange: {
      const { gatewayId, currentStatus, previousStatus } = event.data;
      const mood = currentStatus === "online" ? "good" : "bad";
      return [badge(currentStatus, mood), bold(gatewayId), ` was ${previousStatus}`];
    }
    case GatewayRecovery: {
      const { gatewayId, downtime, attempts } = event.data;
      return [badge("recovered", "good"), bold(gatewayId), ` after ${downtime ?? "a while"}, ${attempts} attempts`];
    }
    case ProjectUpdated: {
      const { projectId, project: project2, changedFields, updatedBy } = event.data;
      return [bold(project2?.name ?? projectId), ` ${changedFields.join(", ")} changed by ${updatedBy}`];
    }
    default:
      return void 0;
  }
}
function fields(data) {
  return Object.entries(data).map(
    ([name, value]) => element("span", "field", [
      element("i", "", `${name} `),
      short(typeof value === "object" ? JSON.stringify(value) : String(value))
    ])
  );
}
function short(text) {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
function lower(prefix, value) {
  return String(value).replace(prefix, "").toLowerCase();
}
function badge(text, mood) {
  return element("span", `badge ${mood}`, text);
}
function bold(text) {
  return element("b", "", text);
}

// details.ts
function details(schema3, type, data, frame) {
  const event = schema3.event(type);
  const table = element("table", "fields");
  if (event) {
    table.append(element("caption", "", event.message));
    addFields(table, schema3, schema3.message(event.message), data, 0);
  }
  const raw = element("details");
  raw.append(element("summary", "quiet", "The frame, as it came"), element("pre", "", frame));
  return event ? [table, raw] : [element("pre", "", frame)];
}
function addFields(table, schema3, shape, data, depth) {
  const members = isObject(data) ? data : {};
  for (const [name, field] of schema3.fields(shape)) {
    if (name in members) addField(table, schema3, name, field, members[name], depth);
  }
}
function addField(table, schema3, name, shape, value, depth) {
  const nested = isNested(schema3, shape) && isObject(value);
  const items = shape.type === "array" && Array.isArray(value) && isNested(schema3, shape.items ?? {}) ? value : void 0;
  const row2 = table.insertRow();
  row2.style.setProperty("--depth", String(depth));
  const title = element("th", "", name);
  title.scope = "row";
  row2.append(title, element("td", "kind", kindOf(shape)), element("td", "", nested || items ? "" : shown(shape, value)));
  if (nested) addFields(table, schema3, schema3.resolve(shape), value, depth + 1);
  items?.forEach((item, index) => addField(table, schema3, `[${index}]`, shape.items ?? {}, item, depth + 1));
}
function isNested(schema3, shape) {
  return shape.$ref !== void 0 && schema3.fields(shape).length > 0;
}
function shown(shape, value) {
  if (shape["x-kind"] === "timestamp" && typeof value === "string") return `${value}  (${new Date(value).toLocaleString()})`;
  return typeof value === "string" ? value : JSON.stringify(value);
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// feed.ts
function startFeed(own, listener, options) {
  const client = connect(options);
  function follow(ref) {
    client.subscribe(ref, listener.onEvent, {
      onSubscribed: listener.onSubscribed,
      onGap: listener.onGap,
      //           these events are lost to us; the next one is later
      onReset: listener.onReset,
      //       the log is a new one: what we knew of it is void
      onPosition: listener.onPosition,
      // newer values of the same key have superseded what we did not get
      onUnknown: listener.onEvent,
      onEnd: (error) => listener.onEnd(ref.name, error?.message ?? "left")
    });
  }
  if (own) {
    for (const name of own) follow(channel(name));
  } else {
    for (const projectId of ["42", "7", "nørd"]) follow(project({ projectId }));
    follow(operations());
    follow(system());
  }
  let sessionId = "";
  client.onStatus((status) => {
    listener.onStatus(status);
    if (status.state !== "connected" || status.sessionId === sessionId) return;
    sessionId = status.sessionId;
    follow(channel(session({ sessionId }).name));
  });
  return { follow: (name) => follow(channel(name)) };
}

// ledger.ts
var RATE_WINDOW_MS = 5e3;
var KEPT_SECONDS = 90;
var Ledger = class {
  counts = { received: 0, history: 0, replayed: 0, missing: 0, duplicates: 0, lost: 0, gaps: 0, resets: 0, resumed: 0, superseded: 0 };
  channels = /* @__PURE__ */ new Map();
  #seconds = /* @__PURE__ */ new Map();
  /** The channel's count, begun when it is new. */
  channel(name) {
    let channel2 = this.channels.get(name);
    if (!channel2) this.channels.set(name, channel2 = { sequence: 0, count: 0, lost: 0, times: [] });
    return channel2;
  }
  /** A subscription begins after this position: nothing before it is missing. */
  begins(name, after) {
    this.channel(name).sequence = after;
  }
  /** Takes an event; says what is wrong with its place, if anything. An event without a sequence has no place. */
  event(name, sequence, timestampMs, arrival, now) {
    const channel2 = this.channel(name);
    channel2.count += 1;
    channel2.times.push(now);
    this.counts.received += 1;
    if (arrival === "replay") this.counts.replayed += 1;
    if (arrival === "history") this.counts.history += 1;
    this.second(timestampMs)[arrival] += 1;
    if (sequence === 0) return void 0;
    const expected = channel2.sequence + 1;
    if (sequence < expected) {
      this.counts.duplicates += 1;
      return "twice";
    }
    channel2.sequence = sequence;
    if (sequence === expected) return void 0;
    this.counts.missing += sequence - expected;
    return "missing";
  }
  /** The bridge said that these are gone: they are lost, but not missing. */
  gap(name, first, last, nowMs) {
    this.counts.gaps += 1;
    this.counts.lost += last - first + 1;
    this.second(nowMs).lost += last - first + 1;
    const channel2 = this.channel(name);
    channel2.lost += last - first + 1;
    channel2.sequence = Math.max(channel2.sequence, last);
  }
  /** The bridge said that the channel's log began anew. */
  reset(name, after) {
    this.counts.resets += 1;
    this.channel(name).sequence = after;
  }
  /** The bridge moved the cursor over events that newer ones have superseded. */
  moved(name, sequence, conflated) {
    this.counts.superseded += conflated;
    this.channel(name).sequence = Math.max(this.channel(name).sequence, sequence);
  }
  /** Remembers that this second passed without a connection. */
  away(nowMs) {
    this.second(nowMs).away = true;
  }
  /** Events per second of the last five. */
  rate(name, now) {
    const { times } = this.channel(name);
    while (times.length > 0 && (times[0] ?? now) < now - RATE_WINDOW_MS) times.shift();
    return times.length / (RATE_WINDOW_MS / 1e3);
  }
  /** The seconds up to now, oldest first. */
  lastSeconds(count, nowMs) {
    const newest = Math.floor(nowMs / 1e3);
    return Array.from({ length: count }, (_, index) => this.#seconds.get(newest - count + 1 + index) ?? nothing());
  }
  second(timeMs) {
    const key = Math.floor(timeMs / 1e3);
    let second = this.#seconds.get(key);
    if (!second) {
      this.#seconds.set(key, second = nothing());
      for (const old of this.#seconds.keys()) if (old < key - KEPT_SECONDS) this.#seconds.delete(old);
    }
    return second;
  }
};
function nothing() {
  return { live: 0, history: 0, replay: 0, lost: 0, away: false };
}

// link.ts
var state = { cutUntil: 0, slowPort: void 0, current: void 0 };
var LinkedSocket = class extends WebSocket {
  constructor(url, protocols) {
    if (performance.now() < state.cutUntil) return new DeadSocket();
    const address = new URL(url);
    if (state.slowPort !== void 0) address.port = String(state.slowPort);
    super(address, protocols);
    state.current = this;
  }
  /** What is said on a line that is broken gets nowhere. */
  send(data) {
    if (this.readyState < WebSocket.CLOSING) super.send(data);
  }
  /** Ends at once, as on a line that breaks: a goodbye would wait behind all that is on its way. */
  snap() {
    if (this.readyState === WebSocket.CONNECTING) return this.addEventListener("open", () => this.snap(), { once: true });
    if (this.readyState !== WebSocket.OPEN) return;
    const { onclose } = this;
    this.close();
    onclose?.call(this, new CloseEvent("close", { code: 1006 }));
  }
};
var DeadSocket = class extends EventTarget {
  protocol = "";
  binaryType = "blob";
  readyState = WebSocket.CONNECTING;
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  constructor() {
    super();
    setTimeout(() => {
      this.readyState = WebSocket.CLOSED;
      const close = new CloseEvent("close", { code: 1006 });
      this.onclose?.(close);
      this.dispatchEvent(close);
    });
  }
  send() {
  }
  close() {
  }
};
function cut(forMs) {
  state.cutUntil = performance.now() + forMs;
  state.current?.snap();
  setTimeout(comeBack, forMs);
}
function useSlowLine(port) {
  state.slowPort = port;
  state.current?.snap();
  comeBack();
}
function comeBack() {
  dispatchEvent(new Event("online"));
}

// list.ts
var SHOWN = 150;
var EventList = class {
  #root;
  #template;
  #empty;
  #held = [];
  #waiting = [];
  #stop;
  #paused = false;
  #filter = "";
  constructor(root, template, empty) {
    this.#root = root;
    this.#template = template;
    this.#empty = empty;
    root.addEventListener("keydown", (key) => this.#move(key));
    root.addEventListener("focusin", ({ target }) => {
      const line = target;
      if (this.#lines().includes(line)) this.#stopAt(line);
    });
  }
  /** Adds an event. */
  event(line) {
    const item = this.#template.content.firstElementChild?.cloneNode(true);
    const part = (selector) => item.querySelector(selector);
    item.style.setProperty("--hue", hue(line.channel));
    if (line.arrival !== "live") item.classList.add({ history: "history", replay: "replayed" }[line.arrival]);
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
    this.#draw();
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
    this.#settle();
  }
  #add(item) {
    const list2 = this.#paused ? this.#held : this.#waiting;
    if (list2.push(item) > SHOWN) {
      const oldest = list2.findIndex((waiting) => !waiting.matches(".notice"));
      list2.splice(Math.max(0, oldest), 1);
    }
    if (!this.#paused && list2.length === 1) requestAnimationFrame(() => this.#draw());
  }
  #draw() {
    const drawn = this.#waiting.splice(0).reverse();
    for (const item of drawn) this.#judge(item);
    this.#root.prepend(...drawn);
    while (this.#root.childElementCount > SHOWN) {
      const oldest = [...this.#root.children].reverse().find((item) => !item.matches(".notice") && !item.querySelector("details[open]") && !item.contains(document.activeElement));
      (oldest ?? this.#root.lastElementChild)?.remove();
    }
    this.#settle();
  }
  /** What is shown of the events, by the lines that open them. */
  #lines() {
    return [...this.#root.querySelectorAll(":scope > .event:not([hidden]) > details > summary")];
  }
  /** Says why there is nothing to see, and keeps one line in the tab order: the newest, or the one that somebody is at. */
  #settle() {
    const lines = this.#lines();
    this.#empty.hidden = lines.length > 0;
    const said = this.#filter ? `Nothing matches “${this.#filter}”.` : "No events yet.";
    if (this.#empty.textContent !== said) this.#empty.textContent = said;
    const isThere = this.#stop !== void 0 && lines.includes(this.#stop) && this.#root.contains(document.activeElement);
    if (!isThere && lines[0]) this.#stopAt(lines[0]);
  }
  #stopAt(line) {
    if (this.#stop) this.#stop.tabIndex = -1;
    this.#stop = line;
    line.tabIndex = 0;
  }
  /** Arrows go from event to event, so that the tab key goes past all of them. */
  #move(key) {
    const lines = this.#lines();
    const at = lines.indexOf(key.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1 }[key.key];
    const next = at < 0 || to === void 0 ? void 0 : lines[to];
    if (!next) return;
    key.preventDefault();
    next.focus();
  }
  #judge(item) {
    const { text, channel: channel2 = "", type = "" } = item.dataset;
    item.hidden = text !== void 0 && this.#filter !== "" && ![text, channel2, type].some((part) => part.includes(this.#filter));
  }
};

// tabs.ts
function tabs(list2) {
  const all = [...list2.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of all) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !is;
    }
  };
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (key) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key.key];
      const end = { Home: 0, End: all.length - 1 }[key.key];
      const to = end ?? (step === void 0 ? void 0 : (index + step + all.length) % all.length);
      const next = to === void 0 ? void 0 : all[to];
      if (!next) return;
      key.preventDefault();
      choose(next);
      next.focus();
    });
  });
}

// timeline.ts
var SECONDS = 60;
var HEIGHT = 100;
var LEAST_SHOWN = 12;
var MOST_SHOWN = 40;
var SVG = "http://www.w3.org/2000/svg";
function drawTimeline(svg, ledger2, nowMs) {
  const seconds = ledger2.lastSeconds(SECONDS, nowMs);
  const busiest = Math.max(...seconds.map((second) => second.live + second.history + second.replay));
  const most = Math.sqrt(Math.min(MOST_SHOWN, Math.max(LEAST_SHOWN, busiest)));
  const bars = [];
  const bar = (kind, index, from, height) => {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("x", String(index + 0.08));
    rect.setAttribute("width", "0.84");
    rect.setAttribute("y", String(HEIGHT - from - height));
    rect.setAttribute("height", String(height));
    bars.push(rect);
  };
  seconds.forEach(({ live, history, replay, lost, away }, index) => {
    if (away) bar("away", index, 0, HEIGHT);
    const count = live + history + replay;
    const all = Math.min(1, Math.sqrt(count) / most) * HEIGHT;
    let from = 0;
    for (const [kind, part] of Object.entries({ history, replay, live })) {
      if (part === 0) continue;
      bar(kind, index, from, all * part / count);
      from += all * part / count;
    }
    if (lost > 0) bar("lost", index, 0, HEIGHT);
  });
  svg.setAttribute("viewBox", `0 0 ${SECONDS} ${HEIGHT}`);
  svg.replaceChildren(...bars);
  const sum = (of) => seconds.reduce((total, second) => total + second[of], 0);
  const gone = seconds.filter((second) => second.away).length;
  svg.setAttribute(
    "aria-label",
    `Events of the last minute: ${sum("live")} live, ${sum("history")} from before, ${sum("replay")} replayed, ${sum("lost")} lost as told, ${gone} seconds not connected`
  );
}

// main.ts
var CUT_MS = 4e3;
var SLOW_MS = 3e4;
var BURST_EVENTS = 3e3;
var BURST_PROJECT = "burst";
var BURST_STEP = 1e3;
var ledger = new Ledger();
var list = new EventList(byId("events"), byId("event"), byId("empty"));
var rows = /* @__PURE__ */ new Map();
var connected = false;
var slowUntil;
var [node, served] = await Promise.all([
  json("demo/node.json"),
  json("demo/schema.json")
]);
var schema2 = new SchemaReader(served);
var followed = /* @__PURE__ */ new Set();
var resumed = /* @__PURE__ */ new Set();
var waitingForStatus = [];
var feed = startFeed(
  node.story ? void 0 : schema2.onConnect(),
  { onStatus, onSubscribed, onEvent, onGap, onReset, onPosition, onEnd },
  { url: "ws", WebSocket: LinkedSocket, onError: (error) => list.notice("bad", error.message) }
);
function onStatus(status) {
  const was = connected;
  connected = status.state === "connected";
  document.body.dataset.state = status.state;
  byId("state").textContent = statusText(status);
  byId("cut").disabled = !connected;
  if (status.state === "connected") {
    list.notice("good", `Connected as ${status.connectionId}`);
    for (const wake of waitingForStatus.splice(0)) wake();
  } else if (status.state === "closed") {
    list.notice("bad", `Disconnected for good: ${status.reason?.message ?? "closed"}`);
  } else if (was) {
    list.notice("warn", "Disconnected; coming back by itself");
  }
}
function statusText(status) {
  switch (status.state) {
    case "connected":
      return `connected · session ${status.sessionId}`;
    case "waiting":
      return `waiting · ${status.reason.message}`;
    case "closed":
      return `closed · ${status.reason?.message ?? ""}`;
    default:
      return status.state;
  }
}
function onSubscribed({ channel: channel2, start, head, recovered }) {
  followed.add(channel2);
  row(channel2).dataset.first ??= String(start.sequence + 1);
  if (recovered === void 0) ledger.begins(channel2, start.sequence);
  else resumed.add(channel2);
  if (recovered !== true) return;
  ledger.counts.resumed += 1;
  const behind = Math.max(0, head.sequence - start.sequence);
  list.notice("good", `${channel2} resumed after #${start.sequence}: ${behind} to catch up`);
}
function onEvent(event) {
  const { channel: channel2, replayed, sequence = 0 } = event;
  const arrival = !replayed ? "live" : resumed.has(channel2) ? "replay" : "history";
  const wrong = ledger.event(channel2, sequence, Date.parse(event.timestamp), arrival, performance.now());
  if (wrong === "twice") list.notice("bad", `${channel2} #${sequence} came twice`);
  if (wrong === "missing") list.notice("bad", `${channel2} #${sequence}: some before it are missing without a word`);
  Object.assign(row(channel2).dataset, { count: ledger.channel(channel2).count, sequence });
  list.event({
    type: event.type,
    channel: channel2,
    sequence,
    timestamp: event.timestamp,
    arrival,
    what: describe(event),
    body: () => details(schema2, event.type, event.data, JSON.stringify(event, null, 2)),
    text: JSON.stringify(event.data)
  });
}
function onGap({ channel: channel2, first, last }) {
  ledger.gap(channel2, first, last, Date.now());
  list.notice("bad", `${channel2}: events #${first} to #${last} are lost to this page, and the bridge has said so`);
  if (slowUntil !== void 0) endSlow();
}
function onReset({ channel: channel2, start }) {
  ledger.reset(channel2, start.sequence);
  list.notice("bad", `${channel2}: its log began anew, from #${start.sequence + 1}`);
}
function onPosition({ channel: channel2, position, conflated }) {
  ledger.moved(channel2, position.sequence, conflated);
  if (conflated > 0) list.notice("warn", `${channel2}: ${conflated} events were superseded by newer ones, up to #${position.sequence}`);
}
function onEnd(channel2, why) {
  followed.delete(channel2);
  resumed.delete(channel2);
  rows.get(channel2)?.remove();
  rows.delete(channel2);
  list.notice("bad", `${channel2}: ${why}`);
  const output = byId("followed");
  output.className = "bad";
  output.textContent = why;
}
function reconnected() {
  return new Promise((resolve) => waitingForStatus.push(resolve));
}
function row(name) {
  const known = rows.get(name);
  if (known) return known;
  const made2 = element("li", "", [
    element("span", "name", name),
    element("span", "head", "#0"),
    element("span", "rate", "0.0/s"),
    element("span", "bar"),
    element("span", "told")
  ]);
  made2.dataset.channel = name;
  made2.style.setProperty("--hue", hue(name));
  rows.set(name, made2);
  const channels = byId("channels");
  const after = [...channels.children].find((other) => (other.dataset.channel ?? "") > name);
  channels.insertBefore(made2, after ?? null);
  return made2;
}
function draw() {
  const now = performance.now();
  if (!connected) ledger.away(Date.now());
  for (const [name, made2] of rows) {
    const rate = ledger.rate(name, now);
    const part = (selector) => made2.querySelector(selector);
    part(".head").textContent = `#${ledger.channel(name).sequence}`;
    const { lost } = ledger.channel(name);
    part(".told").textContent = lost > 0 ? `${lost.toLocaleString()} lost, as the bridge has said` : "";
    part(".rate").textContent = `${rate.toFixed(1)}/s`;
    made2.style.setProperty("--fill", `${Math.min(100, rate * 25)}%`);
  }
  for (const [name, value] of Object.entries(ledger.counts)) {
    document.body.dataset[name] = String(value);
    const shown2 = document.querySelector(`#ledger [data-of="${name}"]`);
    if (!shown2) continue;
    shown2.textContent = value.toLocaleString();
    shown2.classList.toggle("wrong", value > 0 && (name === "missing" || name === "duplicates"));
  }
  const pause = byId("pause");
  if (pause.getAttribute("aria-pressed") === "true") pause.textContent = `Go on (${list.held})`;
  drawTimeline(byId("timeline"), ledger, Date.now());
}
byId("cut").addEventListener("click", () => cut(CUT_MS));
byId("pause").addEventListener("click", (click) => {
  const button = click.currentTarget;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  list.pause(paused);
  if (!paused) button.textContent = "Pause the list";
});
byId("slow").addEventListener("click", () => {
  if (slowUntil === void 0) void beginSlow();
  else endSlow();
});
async function beginSlow() {
  const button = byId("slow");
  button.setAttribute("aria-pressed", "true");
  button.textContent = "On a slow line…";
  slowUntil = performance.now() + SLOW_MS;
  const channel2 = `project:${BURST_PROJECT}`;
  const rate = `${Math.round(node.slowBytesPerSecond / 1024)} KiB/s`;
  list.notice("warn", `On a slow line of ${rate}; ${BURST_EVENTS.toLocaleString()} events are published to ${channel2}`);
  if (!followed.has(channel2)) feed.follow(channel2);
  const back = reconnected();
  useSlowLine(node.slowPort);
  await back;
  try {
    for (let from = 0; from < BURST_EVENTS; from += BURST_STEP) {
      const events = Array.from({ length: BURST_STEP }, (_, index) => ({
        type: "process.progress",
        data: {
          projectId: BURST_PROJECT,
          processId: "burst",
          progress: 100 * (from + index) / BURST_EVENTS,
          message: `Event ${from + index + 1} of ${BURST_EVENTS}: more than a slow line carries`
        }
      }));
      await publishAll(events);
    }
  } catch (error) {
    list.notice("bad", `The burst failed: ${error.message}`);
    endSlow();
  }
}
function endSlow() {
  slowUntil = void 0;
  const button = byId("slow");
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Slow me down";
  useSlowLine(void 0);
}
byId("follow").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const input = byId("channel");
  const name = input.value.trim();
  byId("followed").textContent = "";
  if (!followed.has(name)) feed.follow(name);
  input.value = "";
});
byId("filter").addEventListener("input", (input) => list.filter(input.currentTarget.value));
var showDraft = (draft) => showCommands(byId("commands"), node, draft);
function showSchema() {
  byId("slow").hidden = schema2.event("process.progress") === void 0;
  byId("channel").setAttribute("placeholder", schema2.templates().find((template) => template.includes("{")) ?? "system");
  const filled = (by) => (template) => template.replaceAll(/\{[^}]*\}/g, by);
  byId("templates").replaceChildren(...schema2.templates().map((template) => new Option(filled("…")(template), filled("")(template))));
}
showSchema();
var form = new PublishForm(schema2, node.story ? "process.progress" : "", showDraft);
watchSchema(byId("changed"), {
  shown: () => schema2.document["x-fingerprint"],
  isReachable: () => connected,
  served: async () => (await json("demo/node.json")).fingerprint,
  show: async () => {
    schema2 = new SchemaReader(await json("demo/schema.json"));
    showSchema();
    form.update(schema2);
    if (!node.story) {
      for (const name of schema2.onConnect()) if (!followed.has(name)) feed.follow(name);
    }
    list.notice("good", `The new schema is shown: ${schema2.publishable().length} event types to publish`);
    byId("type").focus();
  }
});
byId("skip-to-form").addEventListener("click", (click) => {
  click.preventDefault();
  byId("tab-publish").click();
  byId("type").focus();
});
for (const tablist of document.querySelectorAll("[role=tablist]")) tabs(tablist);
var code = byId("code");
code.textContent = await fetch("demo/feed.ts").then((response) => response.text());
makeCopy(document.querySelector("[data-copies=code]"), () => code.textContent ?? "");
setInterval(() => {
  if (slowUntil !== void 0 && performance.now() > slowUntil) endSlow();
  draw();
}, 250);
async function json(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.json();
}
