// The table of a diff: filtered, folded, and shown a hundred rows at a time; rows stand worst first in the page.

const STEP = 100;
const NUMBERS = new Set(["ulps_before", "ulps_after", "slack_before", "slack_after"]);
const SHOWN = ["class", "framework", "mode", "op", "quantity", "format", "options", "regime", "clause", "ulps_before", "ulps_after", "ulps"];
const FOLDED = new Set(["identical", "accompanying", "not_offered"]);
const DRAWN = "http://www.w3.org/2000/svg";

// The id of a cell, as Cell.id of logitproof_reference spells it.
function cellId(table, row) {
  const word = (name) => wordAt(table, name, row);
  const words = [word("framework"), word("mode"), word("op"), word("labels"), word("quantity"), word("format")];
  const named = (name, plain) => (word(name) === plain ? "" : `${name}=${word(name)}`);
  const rest = [named("axis", "last"), named("layout", "contiguous"), named("entry", ""), named("producer", ""), word("options")];
  return [...words.filter((one) => one !== "none"), ...rest].filter(Boolean).join("-");
}

function badge(table, word) {
  const [glyph, name, , tone] = table.classes[word];
  return element("span", { className: `badge ${tone}` }, element("span", { ariaHidden: "true", textContent: `${glyph} ` }), name);
}

// One error before and after, on a line from a thousandth of an ulp to 1e9.
function placeOf(word) {
  const number = numberOf(word);
  if (Number.isNaN(number)) return null;
  return 6 + (84 * (Math.min(9, Math.max(-3, Math.log10(number))) + 3)) / 12;
}

function span(table, row) {
  const [was, came] = ["ulps_before", "ulps_after"].map((name) => placeOf(wordAt(table, name, row)));
  const drawing = document.createElementNS(DRAWN, "svg");
  drawing.setAttribute("viewBox", "0 0 96 12");
  drawing.setAttribute("class", `span ${came > was ? "deviates" : "conforms"}`);
  drawing.setAttribute("aria-hidden", "true");
  const add = (tag, attributes) => {
    const made = document.createElementNS(DRAWN, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    drawing.append(made);
  };
  add("line", { x1: 6, x2: 90, y1: 6, y2: 6 });
  if (was !== null) add("circle", { class: "was", cx: was, cy: 6, r: 4 });
  if (came !== null) add("circle", { class: "came", cx: came, cy: 6, r: 3 });
  return drawing;
}

function cellOf(table, name, row) {
  const cell = element("td", { className: NUMBERS.has(name) ? "number" : "" });
  cell.dataset.label = name.replace("_", " ");
  if (name === "ulps") {
    cell.append(span(table, row));
  } else if (name === "class") {
    const opener = element("button", { type: "button", className: "open-row", ariaExpanded: "false", title: "Show both sides" }, badge(table, wordAt(table, name, row)));
    opener.addEventListener("click", () => toggleDetails(table, row, opener));
    cell.append(opener);
  } else {
    cell.textContent = wordAt(table, name, row);
  }
  return cell;
}

function sidesOf(facts) {
  const head = element("tr", {}, ...["", "before", "after"].map((text) => element("th", { scope: "col", textContent: text })));
  const body = element("tbody");
  for (const [name, before, after] of facts) {
    const values = [before, after].map((text) => element("td", { className: "value", textContent: text || "–" }));
    body.append(element("tr", { className: before === after ? "" : "differs" }, element("th", { scope: "row", textContent: name }), ...values));
  }
  return element("table", { className: "plain sides" }, element("thead", {}, head), body);
}

function detailsOf(table, row) {
  const id = `${cellId(table, row)}/${wordAt(table, "regime", row)}`;
  const details = table.details[row];
  const place = element("div", {}, element("p", { className: "id", textContent: id }));
  if (details) {
    place.append(sidesOf(details.facts));
    if (details.inputs.length) place.append(element("h3", { textContent: "Inputs" }), factList(details.inputs, "facts numbers"));
  }
  const repro = details && details.repro;
  place.append(element("h3", { textContent: repro ? "Repro: run it with both releases" : "To reproduce it in either environment" }));
  place.append(codeBlock(repro || `logitproof explain ${id}`));
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

class Explorer {
  constructor(table) {
    this.table = table;
    this.filter = byId("filter");
    this.fold = byId("fold");
    this.body = byId("rows").tBodies[0];
    this.rows = [];
    this.shown = 0;
    const heads = SHOWN.map((name) => element("th", { scope: "col", className: NUMBERS.has(name) ? "number" : "", textContent: name.replace("_", " ") }));
    byId("rows").tHead.rows[0].replaceChildren(...heads);
    this.listen();
    byId("explorer").hidden = false;
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
    this.fold.addEventListener("change", () => this.update());
    byId("more").addEventListener("click", () => this.showMore());
    window.addEventListener("hashchange", () => this.follow());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea")) return;
      event.preventDefault();
      this.filter.focus();
    });
  }

  // A link to a filter: #judgements?class:regressed
  follow() {
    const [section, text] = location.hash.split(/\?(.*)/s);
    if (section !== "#judgements" || text === undefined) return;
    this.filter.value = readable(text);
    this.update();
    byId("judgements").scrollIntoView();
  }

  search(text) {
    history.replaceState(null, "", text ? `#judgements?${encodeURIComponent(text).replace(/%3A/g, ":")}` : "#judgements");
    this.update();
  }

  update() {
    this.body.replaceChildren();
    this.shown = 0;
    try {
      const matching = matchingRows(this.table, this.filter.value);
      // Whoever asks for a class by name sees it.
      const open = !this.fold.checked || /\bclass:/.test(this.filter.value);
      this.rows = open ? matching : matching.filter((row) => !FOLDED.has(wordAt(this.table, "class", row)));
      const folded = matching.length - this.rows.length;
      const aside = folded ? `; ${folded.toLocaleString("en")} hidden` : "";
      byId("count").textContent = `${this.rows.length.toLocaleString("en")} of ${this.table.rows.toLocaleString("en")} judgements${aside}`;
    } catch (error) {
      this.rows = [];
      byId("count").textContent = error.message;
    }
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

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  try {
    const explorer = new Explorer(readTable(await unpack(byId("payload"))));
    explorer.update();
    explorer.follow();
  } catch (error) {
    byId("explorer-fault").hidden = false;
    byId("explorer-fault").textContent = `The table of all judgements cannot be shown: ${error.message}. The findings on this page are complete.`;
  }
}

start();
