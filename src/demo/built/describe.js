import { element } from "./dom.js";
function describe(event) {
  return Object.entries(event.data ?? {}).map(([name, value]) => element("span", "field", [element("i", "", `${name} `), typeof value === "object" ? JSON.stringify(value) : String(value)]));
}
export {
  describe
};
