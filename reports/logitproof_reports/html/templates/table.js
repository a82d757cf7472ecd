"use strict";

// What every page's script needs: the packed table and its filter (columns.py, links.py), elements, copying, the theme.
// NUMBERS, the columns that hold numbers, is the page's own.

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Text that may be broken after what joins the parts of an identifier, and in words too long for any column
function breakable(text) {
  return text.split(/(?<![\w-])([-+]inf)\b/).flatMap((part, place) => (place % 2 ? [element("span", { className: "whole", textContent: part })] : parted(part)));
}

function parted(text) {
  return text.split(/(?<=[_=/:,])(?=\w)|(?<=\w[.-])(?<!\b0x\d\.)(?=[A-Za-z])|(?<=[^\s_.=/:,-]{13})(?<!\b0x\S*)(?=[^\s_.=/:,-])/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

// Payload

async function unpack(node) {
  const packed = Uint8Array.from(atob(node.textContent.trim()), (char) => char.charCodeAt(0));
  if (node.dataset.encoding === "identity") return packed;
  if (!("DecompressionStream" in window)) throw new Error("this browser is too old to unpack the table (it lacks DecompressionStream)");
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function readTable(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let offset = 4 + length;
  const columns = {};
  for (const [name, words, width] of head.columns) {
    const codes = new Uint32Array(head.rows);
    for (let byte = 0; byte < width; byte++, offset += head.rows) {
      for (let row = 0; row < head.rows; row++) codes[row] |= bytes[offset + row] << (8 * byte);
    }
    columns[name] = { words, codes };
  }
  return { ...head, columns };
}

const wordAt = (table, name, row) => table.columns[name].words[table.columns[name].codes[row]];

// Filter

const TERM = /(-?)(?:(\w+)(:|>=|<=|>|<))?((?:"(?:\\.|[^"\\])*"|[^\s",]+)(?:,(?:"(?:\\.|[^"\\])*"|[^\s",]+))*)/g;
const VALUE = /"((?:\\.|[^"\\])*)"|([^",]+)/g;
const COMPARISONS = {
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

function numberOf(word) {
  if (word === "∞") return Infinity;
  return word === "–" ? NaN : Number(word);
}

function parseFilter(text) {
  return [...text.matchAll(TERM)].map(([, minus, key, operator, rest]) => ({
    not: minus === "-",
    key,
    operator,
    values: [...rest.matchAll(VALUE)].map(([, quoted, plain]) => (quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1"))),
  }));
}

function matcher(term, name) {
  const wanted = term.values.map((value) => value.toLowerCase());
  if (COMPARISONS[term.operator]) {
    const limit = wanted[0] === "inf" ? Infinity : Number(wanted[0]);
    return (word) => COMPARISONS[term.operator](numberOf(word), limit);
  }
  if (!term.key) return (word) => wanted.some((value) => word.toLowerCase().includes(value));
  const family = name === "clause" ? (word, value) => word.toLowerCase().startsWith(`${value}-`) : () => false;
  return (word) => wanted.some((value) => word.toLowerCase() === value || family(word, value));
}

function applyTerm(table, term, keep) {
  const names = term.key ? [term.key] : Object.keys(table.columns).filter((name) => !NUMBERS.has(name));
  const hits = names.map((name) => {
    const column = table.columns[name];
    const accepts = matcher(term, name);
    return { codes: column.codes, good: Uint8Array.from(column.words, (word) => (accepts(word) ? 1 : 0)) };
  });
  for (let row = 0; row < table.rows; row++) {
    if (keep[row] && hits.some(({ codes, good }) => good[codes[row]]) === term.not) keep[row] = 0;
  }
}

function matchingRows(table, text) {
  const terms = parseFilter(text);
  const strange = terms.find((term) => term.key && !(term.key in table.columns));
  if (strange) throw new Error(`there is no column ${strange.key}; the columns are ${Object.keys(table.columns).join(", ")}`);
  const keep = new Uint8Array(table.rows).fill(1);
  for (const term of terms) applyTerm(table, term, keep);
  const rows = [];
  for (let row = 0; row < table.rows; row++) if (keep[row]) rows.push(row);
  return rows;
}

function factList(facts, className) {
  const list = element("dl", { className });
  for (const [name, value] of facts) list.append(element("div", {}, element("dt", {}, ...breakable(name)), element("dd", {}, ...breakable(value))));
  return list;
}

function codeBlock(text, label = "Repro") {
  const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
  const pre = element("pre", { tabIndex: 0, ariaLabel: label }, element("code", { textContent: text }));
  return element("div", { className: "code" }, button, pre);
}

function readable(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Copying and the theme

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function announce(text) {
  byId("announcement").textContent = text;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  const block = button.parentElement.querySelector("code");
  const label = button.textContent;
  await copy(block ? block.textContent : location.href);
  button.textContent = "Copied";
  announce("Copied");
  setTimeout(() => { button.textContent = label; }, 1500);
});

const THEMES = ["auto", "light", "dark"];

function startTheme() {
  const button = byId("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "auto") + 1) % THEMES.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    button.lastElementChild.textContent = next;
  });
}
