// The table of all judgements: unpacked from the page, filtered, sorted, and shown a hundred rows at a time.
// Layout of the payload and of a filter: payload.py and links.py of logitproof_reports.

const STEP = 100;
const SHOWN = ["verdict", "framework", "mode", "op", "quantity", "labels", "format", "regime", "clause", "ulps", "slack"];
const NUMBERS = new Set(["ulps", "slack"]);
const HEADINGS = { slack: "slack = error / bound" };

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
    cell.append(...breakable(word));
  }
  return cell;
}

function detailsOf(table, row) {
  const details = table.details[row];
  const place = element("div");
  if (!details) {
    const command = `logitproof explain ${wordAt(table, "cell", row)}`;
    place.append(element("p", { className: "muted", textContent: "This page contains the details of the worst judgements only. For this one, run:" }), codeBlock(command));
    return place;
  }
  if (details.reason) place.append(element("p", { className: "reason", textContent: details.reason }));
  place.append(factList(details.facts, "facts"));
  if (details.inputs.length) place.append(element("h3", { textContent: "Inputs" }), factList(details.inputs, "facts numbers"));
  if (details.repro) place.append(element("h3", { textContent: "Repro" }), codeBlock(details.repro));
  place.append(linksOf(details, wordAt(table, "format", row), wordAt(table, "cell", row)));
  return place;
}

function linksOf(details, format, cell) {
  const line = element("p", { className: "further" }, element("a", { href: `#cell?${encodeURIComponent(cell)}`, textContent: "This cell and related ones" }));
  if (details.label === null) return line;
  const { logits } = Object.fromEntries(details.inputs);
  const hash = new URLSearchParams({ format, label: details.label, logits: logits.split(" ").join(",") });
  line.append(" · ", element("a", { href: `#explorer?${hash}`, textContent: "Open this row in the explorer" }));
  return line;
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

// The table

class JudgementTable {
  constructor(table) {
    this.table = table;
    this.sort = { name: "verdict", descending: true };
    this.filter = byId("filter");
    this.body = byId("rows").tBodies[0];
    this.rows = [];
    this.shown = 0;
    this.drawHead();
    this.listen();
    byId("table").hidden = false;
  }

  drawHead() {
    this.heads = SHOWN.map((name) => {
      const head = element("th", { scope: "col", className: NUMBERS.has(name) ? "number" : "" }, element("button", { type: "button", textContent: HEADINGS[name] ?? name }));
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
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea")) return;
      event.preventDefault();
      if (!location.hash.startsWith("#judgements")) location.hash = "#judgements";
      byId("judgements").closest(".page").hidden = false;
      this.filter.focus();
      this.filter.select();
    });
  }

  // A link to a filter: #judgements?framework:torch%20clause:EXT
  follow(text) {
    this.filter.value = readable(text);
    this.update();
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
      head.firstChild.textContent = (HEADINGS[SHOWN[place]] ?? SHOWN[place]) + (active ? (this.sort.descending ? " ↓" : " ↑") : "");
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
    const judgements = new JudgementTable(table);
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
