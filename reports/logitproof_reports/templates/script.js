"use strict";

// The table of all judgements: unpacked from the page, filtered, sorted, and shown a hundred rows at a time.
// Layout of the payload and of a filter: payload.py and links.py of logitproof_reports.

const STEP = 100;
const SHOWN = ["verdict", "framework", "mode", "op", "quantity", "labels", "format", "regime", "clause", "ulps", "slack"];
const NUMBERS = new Set(["ulps", "slack"]);
const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
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
  return { rows: head.rows, columns, outcomes: head.outcomes, details: head.details };
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
  if (strange) throw new Error(`no column is called ${strange.key}; there are ${Object.keys(table.columns).join(", ")}`);
  const keep = new Uint8Array(table.rows).fill(1);
  for (const term of terms) applyTerm(table, term, keep);
  const rows = [];
  for (let row = 0; row < table.rows; row++) if (keep[row]) rows.push(row);
  return rows;
}

// Order: words by alphabet, numbers and outcomes by size; equal ones worst first

function ranksOf(table, name) {
  const { words } = table.columns[name];
  if (name === "verdict") return words.map((word) => table.outcomes[word][2]);
  if (NUMBERS.has(name)) return words.map((word) => (word === "–" ? -1 : numberOf(word)));
  const order = words.map((_, place) => place).sort((a, b) => (words[a] < words[b] ? -1 : 1));
  const ranks = [];
  order.forEach((place, rank) => { ranks[place] = rank; });
  return ranks;
}

function keysOf(table, name) {
  const ranks = ranksOf(table, name);
  return Float64Array.from(table.columns[name].codes, (code) => ranks[code]);
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function sorted(table, rows, sort) {
  const main = keysOf(table, sort.name);
  const [worst, slack] = [keysOf(table, "verdict"), keysOf(table, "slack")];
  const sign = sort.descending ? -1 : 1;
  return rows.sort((a, b) => sign * compare(main[a], main[b]) || compare(worst[b], worst[a]) || compare(slack[b], slack[a]) || a - b);
}

// Rows

function badge(table, name) {
  const [glyph, label] = table.outcomes[name];
  return element("span", { className: `badge ${name}` }, element("span", { ariaHidden: "true", textContent: `${glyph} ` }), label);
}

function cellOf(table, name, row) {
  const cell = element("td", { className: NUMBERS.has(name) ? "number" : "" });
  cell.dataset.label = name;
  const word = wordAt(table, name, row);
  if (name === "verdict") {
    const opener = element("button", { type: "button", className: "open-row", ariaExpanded: "false", title: "Show details" }, badge(table, word));
    opener.addEventListener("click", () => toggleDetails(table, row, opener));
    cell.append(opener);
  } else {
    cell.textContent = word;
  }
  return cell;
}

function factList(facts, className) {
  const list = element("dl", { className });
  for (const [name, value] of facts) list.append(element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })));
  return list;
}

function codeBlock(text) {
  const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
  const pre = element("pre", { tabIndex: 0, ariaLabel: "Repro" }, element("code", { textContent: text }));
  return element("div", { className: "code" }, button, pre);
}

function detailsOf(table, row) {
  const details = table.details[row];
  const place = element("div");
  if (!details) {
    const command = `logitproof explain ${wordAt(table, "cell", row)}`;
    place.append(element("p", { className: "muted", textContent: "The page carries the details of the worst judgements. This prints the others:" }), codeBlock(command));
    return place;
  }
  if (details.reason) place.append(element("p", { className: "reason", textContent: details.reason }));
  place.append(factList(details.facts, "facts"));
  if (details.inputs.length) place.append(element("h3", { textContent: "Inputs" }), factList(details.inputs, "facts numbers"));
  if (details.repro) place.append(element("h3", { textContent: "Repro" }), codeBlock(details.repro));
  return place;
}

function toggleDetails(table, row, opener) {
  const line = opener.closest("tr");
  const open = opener.ariaExpanded === "true";
  opener.ariaExpanded = String(!open);
  if (open) {
    line.nextElementSibling.remove();
    return;
  }
  line.after(element("tr", { className: "details" }, element("td", { colSpan: SHOWN.length }, detailsOf(table, row))));
}

// The explorer

class Explorer {
  constructor(table) {
    this.table = table;
    this.sort = { name: "verdict", descending: true };
    this.filter = byId("filter");
    this.body = byId("rows").tBodies[0];
    this.rows = [];
    this.shown = 0;
    this.drawHead();
    this.listen();
    byId("explorer").hidden = false;
  }

  drawHead() {
    this.heads = SHOWN.map((name) => {
      const head = element("th", { scope: "col", className: NUMBERS.has(name) ? "number" : "" }, element("button", { type: "button", textContent: name }));
      head.firstChild.addEventListener("click", () => this.sortBy(name));
      return head;
    });
    byId("rows").tHead.rows[0].replaceChildren(...this.heads);
  }

  listen() {
    let waiting = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.search(this.filter.value), 120);
    });
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search(this.filter.value);
    });
    byId("more").addEventListener("click", () => this.showMore());
    window.addEventListener("hashchange", () => this.follow());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea")) return;
      event.preventDefault();
      this.filter.focus();
    });
  }

  // A link to a filter: #judgements?framework:torch%20clause:EXT
  follow() {
    const [section, text] = location.hash.split(/\?(.*)/s);
    if (section !== "#judgements") return;
    if (text === undefined) return;
    this.filter.value = readable(text);
    this.update();
    byId("judgements").scrollIntoView();
  }

  search(text) {
    const hash = text ? `#judgements?${encodeURIComponent(text).replace(/%3A/g, ":")}` : "#judgements";
    history.replaceState(null, "", hash);
    this.update();
  }

  sortBy(name) {
    const same = this.sort.name === name;
    this.sort = { name, descending: same ? !this.sort.descending : name === "verdict" || NUMBERS.has(name) };
    this.update();
  }

  update() {
    this.body.replaceChildren();
    this.shown = 0;
    try {
      this.rows = sorted(this.table, matchingRows(this.table, this.filter.value), this.sort);
      byId("count").textContent = `${this.rows.length.toLocaleString("en")} of ${this.table.rows.toLocaleString("en")} judgements`;
    } catch (error) {
      this.rows = [];
      byId("count").textContent = error.message;
    }
    this.heads.forEach((head, place) => {
      const active = SHOWN[place] === this.sort.name;
      head.ariaSort = active ? (this.sort.descending ? "descending" : "ascending") : null;
      head.firstChild.textContent = SHOWN[place] + (active ? (this.sort.descending ? " ↓" : " ↑") : "");
    });
    this.showMore();
    if (this.rows.length === 1) this.body.querySelector(".open-row").click();
  }

  showMore() {
    const next = this.rows.slice(this.shown, this.shown + STEP);
    this.body.append(...next.map((row) => element("tr", { className: "row" }, ...SHOWN.map((name) => cellOf(this.table, name, row)))));
    this.shown += next.length;
    byId("more").hidden = this.shown >= this.rows.length;
  }
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
  await copy(button.id === "copy-link" ? location.href : block.textContent);
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

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  try {
    const explorer = new Explorer(readTable(await unpack(byId("payload"))));
    explorer.update();
    explorer.follow();
  } catch (error) {
    byId("explorer-fault").hidden = false;
    byId("explorer-fault").textContent = `The table of all judgements cannot be shown: ${error.message}. The summaries on this page are whole.`;
  }
}

start();
