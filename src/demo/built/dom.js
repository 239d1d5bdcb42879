function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
function element(name, className = "", content = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...Array.isArray(content) ? content : [content]);
  return made;
}
function hue(name) {
  let hash = 1;
  for (const letter of name) hash = hash * 31 + (letter.codePointAt(0) ?? 0) >>> 0;
  return String(hash % 1e3 * 137.508 % 360);
}
export {
  byId,
  element,
  hue
};
