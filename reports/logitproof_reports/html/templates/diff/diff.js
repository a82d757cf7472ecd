// The table of a diff: filtered, folded, and shown a hundred rows at a time; rows stand worst first in the page.

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

function sidesOf(facts) {
  const head = element("tr", {}, ...["fact", "before", "after"].map((text) => element("th", { scope: "col", textContent: text })));
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

function changesView(table) {
  const fold = byId("fold");
  const view = {
    section: "judgements",
    noun: "judgements",
    apart: (row) => wordAt(table, "class", row) === "not offered",
    apartNoun: "not offered",
    columns: SHOWN,
    choices: ["class", "framework", "op", "quantity", "format", "mode"],
    label: (name, word) => (name === "class" ? table.classes[word][1] : word),
    order: (rows) => rows,
    // A class that is named in the filter is shown.
    kept: (text) => (fold.checked && !/\bclass:/.test(text) ? (row) => !FOLDED.has(wordAt(table, "class", row)) : () => true),
    cell: (name, row) => {
      if (name === "ulps") return span(table, row);
      if (name === "class") return view.table.opener(row, "Show both sides", badge(table, wordAt(table, name, row)));
      return breakable(wordAt(table, name, row));
    },
    details: (row) => detailsOf(table, row),
  };
  fold.addEventListener("change", () => view.table.update());
  return view;
}

// A link to a filter: #judgements?class:regressed
function followLink(rows) {
  const [section, text] = location.hash.split(/\?(.*)/s);
  if (section !== "#judgements" || text === undefined) return;
  rows.follow(text);
  byId("judgements").scrollIntoView();
}

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  try {
    const table = readTable(await unpack(byId("payload")));
    const view = changesView(table);
    const rows = new RowTable(table, view);
    view.table = rows;
    rows.update();
    followLink(rows);
    window.addEventListener("hashchange", () => followLink(rows));
  } catch (error) {
    byId("table-fault").hidden = false;
    byId("table-fault").textContent = `The table of all judgements cannot be shown: ${error.message}. The findings on this page are complete.`;
  }
}

start();
