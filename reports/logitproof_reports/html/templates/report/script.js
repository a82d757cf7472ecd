// The report's script: the table of all judgements, and what starts the page.
// Layout of the payload and of a filter: payload.py and links.py of logitproof_reports.

const SHOWN = ["verdict", "framework", "mode", "op", "quantity", "labels", "format", "regime", "clause", "ulps", "slack"];
const NUMBERS = new Set(["ulps", "slack", "row"]);
const HEADINGS = { ulps: "largest error, ulps", slack: "error / bound" };

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

function detailsOf(table, row) {
  const details = table.details[row];
  const place = element("div");
  if (!details) {
    const command = `logitproof explain ${wordAt(table, "cell", row)}`;
    place.append(element("p", { className: "muted", textContent: "This page contains the details of the worst judgements only. For this one, run:" }), codeBlock(command, "Command"), ...sideBySide(table, row));
    return place;
  }
  if (details.reason) place.append(element("p", { className: "reason", textContent: details.reason }));
  place.append(factList(details.facts, "facts"));
  if (details.inputs.length) place.append(element("h3", { textContent: "Inputs" }), factList(details.inputs, "facts numbers"));
  if (details.repro) place.append(element("h3", { textContent: "Repro" }), codeBlock(details.repro));
  place.append(linksOf(details, wordAt(table, "format", row), wordAt(table, "op", row) && wordAt(table, "cell", row)), ...sideBySide(table, row));
  return place;
}

function linksOf(details, format, cell) {
  const line = element("p", { className: "further" });
  if (cell) line.append(element("a", { href: `#cell?${encodeURIComponent(cell)}`, textContent: "This cell and related ones" }));
  if (details.label === null) return line;
  const { logits } = Object.fromEntries(details.inputs);
  const hash = new URLSearchParams({ format, label: details.label, logits: logits.split(" ").join(",") });
  line.append(" · ", element("a", { href: `#explorer?${hash}`, textContent: "Open this row in the explorer" }));
  return line;
}

// The view of the table

function judgementsView(table) {
  const sort = { name: "verdict", descending: true };
  const view = {
    section: "judgements",
    noun: "judgements",
    apart: (row) => wordAt(table, "verdict", row) === "unsupported",
    apartNoun: "not offered",
    columns: SHOWN,
    headings: HEADINGS,
    choices: ["framework", "verdict", "op", "quantity", "format", "mode"],
    label: (name, word) => (name === "verdict" ? table.outcomes[word][1] : word),
    order: (rows) => sorted(table, rows, sort),
    cell: (name, row) => (name === "verdict" ? view.table.opener(row, "Show details", badge(table, wordAt(table, name, row))) : breakable(wordAt(table, name, row))),
    details: (row) => detailsOf(table, row),
    reveal: () => {
      if (!location.hash.startsWith("#judgements")) location.hash = "#judgements";
      byId("judgements").closest(".page").hidden = false;
    },
    sortBy: (name) => Object.assign(sort, { name, descending: sort.name === name ? !sort.descending : name === "verdict" || NUMBERS.has(name) }),
    markSorted: (heads) => heads.forEach((head, place) => {
      const active = SHOWN[place] === sort.name;
      head.ariaSort = active ? (sort.descending ? "descending" : "ascending") : null;
      head.firstChild.textContent = (HEADINGS[SHOWN[place]] ?? SHOWN[place]) + (active ? (sort.descending ? " ↓" : " ↑") : "");
    }),
  };
  return view;
}

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy, .scripted")) button.hidden = false;
  const followers = { "#explorer": startExplorer() };
  startDialects();
  startMatrix();
  startFindings();
  linkFields();
  labelFields();
  startPages(followers);
  try {
    const table = readTable(await unpack(byId("payload")));
    const view = judgementsView(table);
    const judgements = new RowTable(table, view);
    view.table = judgements;
    rememberRows(table);
    startCompare(table);
    judgements.update();
    followers["#judgements"] = (text) => judgements.follow(text);
    followers["#cell"] = (text) => showCell(table, readable(text));
    suggestCells(table);
    byId("cell-wanted").hidden = false;
    byId("cell-wanted").addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = `#cell?${encodeURIComponent(byId("cell-name").value)}`;
    });
    route(followers);
  } catch (error) {
    byId("table-fault").hidden = false;
    byId("table-fault").textContent = `The table of all judgements cannot be shown: ${error.message}. The summaries on this page are complete.`;
  }
}

start();
