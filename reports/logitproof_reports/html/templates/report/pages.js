// Pages: one is shown at a time, by the link's target; without script all stand one below the other.

const TITLE = document.title;

function startPages(followers) {
  document.documentElement.classList.add("paged");
  window.addEventListener("hashchange", () => route(followers));
  route(followers);
}

function route(followers) {
  const [section, text] = location.hash.split(/\?(.*)/s);
  const target = byId(readable(section.slice(1))) || byId("verdict");
  const page = target.closest(".page") || byId("verdict").closest(".page");
  for (const other of document.querySelectorAll(".page")) other.hidden = other !== page;
  for (const link of document.querySelectorAll(".top nav a")) {
    const here = page.contains(document.querySelector(link.hash));
    link.ariaCurrent = here ? "page" : null;
    if (here) link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 40;
  }
  const heading = page.querySelector("h2");
  document.title = page.firstElementChild.id === "verdict" || !heading ? TITLE : `${heading.textContent} · ${TITLE}`;
  if (text !== undefined && followers[section]) followers[section](text);
  if (target.tagName === "DETAILS") {
    target.open = true;
    target.hidden = false;
    const group = target.closest(".finding-group");
    if (group) group.hidden = false;
  }
  if (page.firstElementChild === target) window.scrollTo(0, 0);
  else target.scrollIntoView();
}

// Findings: those that fit every choice

function startFindings() {
  const form = byId("finding-filter");
  if (!form) return;
  const show = () => {
    const chosen = [...new FormData(form)].filter(([, word]) => word);
    const fits = (finding) => chosen.every(([name, word]) => finding.dataset[name].split(" ").includes(word));
    const all = [...document.querySelectorAll("details.finding[id]")];
    for (const finding of all) finding.hidden = !fits(finding);
    for (const group of document.querySelectorAll(".finding-group")) group.hidden = !group.querySelector("details.finding:not([hidden])");
    byId("finding-count").value = chosen.length ? `${all.filter((finding) => !finding.hidden).length} of ${all.length} findings` : "";
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
}

// A field of a table leads to its judgements: the terms of its table, its row and its column are their filter

function linkFields() {
  for (const link of document.querySelectorAll("table[data-terms] tbody a")) {
    const [cell, row, table] = [link.closest("td, th"), link.closest("tr"), link.closest("table")];
    const head = table.tHead.rows[table.tHead.rows.length - 1].cells[cell.cellIndex];
    const terms = [head, row, table].map((part) => part.dataset.terms).filter((text) => text);
    link.title ||= cell.classList[0] || "";
    link.href = `#judgements?${encodeURIComponent(terms.join(" ")).replace(/%3A/g, ":")}`;
  }
}

// In a narrow window a line of a table stands as a block, in which each field needs the name of its column
function labelFields() {
  for (const table of document.querySelectorAll(".labelled")) {
    const heads = table.tHead.rows[0].cells;
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, place) => { if (place) cell.dataset.label = heads[place].textContent; });
  }
}

// The matrix shows all modes together until asked for each

function startMatrix() {
  const button = byId("modes");
  const rows = document.querySelectorAll(".matrix tr.mode");
  if (!button) return;
  button.hidden = rows.length === 0;
  const show = (each) => {
    for (const row of rows) row.hidden = !each;
    button.ariaPressed = String(each);
  };
  show(false);
  button.addEventListener("click", () => show(button.ariaPressed !== "true"));
}

// Dialects: what differs between two columns of the table

function startDialects() {
  const [from, to] = [byId("port-from"), byId("port-to")];
  if (!from) return;
  const show = () => byId("ported").replaceChildren(...differences(Number(from.value), Number(to.value)));
  from.addEventListener("change", show);
  to.addEventListener("change", show);
  show();
}

function differences(from, to) {
  const options = [...byId("dialect-table").tBodies[0].rows].filter((row) => !row.classList.contains("linked"));
  const rows = options.filter((row) => row.cells[from].textContent !== row.cells[to].textContent);
  if (rows.length === 0) return [element("p", { className: "same", textContent: "✓ No documented difference: all options mean the same." })];
  const count = element("p", { textContent: `${rows.length} of ${options.length} differ:` });
  const list = element("dl", { className: "facts wide" });
  for (const row of rows) {
    const name = element("dt", { textContent: row.cells[0].firstChild.textContent });
    list.append(element("div", {}, name, element("dd", {}, ...breakable(`${row.cells[from].textContent} → ${row.cells[to].textContent}`))));
  }
  return [count, list];
}

// The cell page: all judgements on a cell, and the same question in other formats, modes and frameworks

const ALIKE = ["op", "labels", "quantity", "options", "entry", "producer", "axis", "layout"];

function showCell(table, name) {
  byId("cell-name").value = name;
  const { words, codes } = table.columns.cell;
  const code = words.indexOf(name);
  if (code < 0) {
    byId("cell-shown").replaceChildren(element("p", { className: "warning", textContent: `There is no cell ${name}.` }));
    return;
  }
  const rows = [];
  for (let row = 0; row < table.rows; row++) if (codes[row] === code) rows.push(row);
  const worst = sorted(table, rows, { name: "verdict", descending: true });
  byId("cell-shown").replaceChildren(
    element("h3", { textContent: name }),
    element("p", {}, badge(table, wordAt(table, "verdict", worst[0])), ` ${rows.length} judgements. `, element("a", { href: `#judgements?cell:"${encodeURIComponent(name.replace(/[\\"]/g, "\\$&"))}"`, textContent: "Filter them" })),
    element("h3", { textContent: "The same function in other formats, modes and frameworks" }),
    itsLike(table, worst[0]),
    element("h3", { textContent: "Judgements, worst first" }),
    ...worst.slice(0, STEP).map((row) => unfolding(table, row)),
  );
}

// Before a cell is chosen: those whose verdicts are most severe
function suggestCells(table) {
  const rows = sorted(table, Array.from({ length: table.rows }, (_, row) => row), { name: "verdict", descending: true });
  const names = [...new Set(rows.slice(0, 10 * STEP).filter((row) => wordAt(table, "op", row)).map((row) => wordAt(table, "cell", row)))].slice(0, 12);
  const links = names.map((name) => element("li", {}, element("a", { href: `#cell?${encodeURIComponent(name)}`, textContent: name })));
  if (links.length) byId("cell-shown").replaceChildren(element("p", { textContent: "Type the name of a cell, follow a link from a finding or judgement, or start with the worst:" }), element("ul", {}, ...links));
}

function unfolding(table, row) {
  const [regime, clause, slack] = ["regime", "clause", "slack"].map((name) => wordAt(table, name, row));
  const far = /^[∞–]$/.test(slack) ? "" : `error / bound ${slack}`;
  const head = element("summary", {}, badge(table, wordAt(table, "verdict", row)), element("b", { textContent: regime || "the whole cell" }), element("span", { className: "id", textContent: clause }), element("span", { className: "how-far", textContent: far }));
  const made = element("details", { className: `finding ${wordAt(table, "verdict", row)}` }, head);
  made.addEventListener("toggle", () => {
    if (made.children.length < 2) made.append(element("div", { className: "body" }, detailsOf(table, row)));
  });
  return made;
}

function itsLike(table, row) {
  const alike = ALIKE.map((name) => table.columns[name].codes).filter((codes) => codes);
  const worst = new Map();
  for (let other = 0; other < table.rows; other++) {
    if (!alike.every((codes) => codes[other] === codes[row])) continue;
    const own = table.columns.framework.codes[other] === table.columns.framework.codes[row] ? "" : wordAt(table, "framework", other);
    const key = [own, wordAt(table, "mode", other), wordAt(table, "format", other)].join(" ").trim();
    const seen = worst.get(key);
    const rank = (place) => table.outcomes[wordAt(table, "verdict", place)][2];
    const slack = (place) => numberOf(wordAt(table, "slack", place)) || 0;
    if (seen === undefined || rank(other) > rank(seen) || (rank(other) === rank(seen) && slack(other) > slack(seen))) worst.set(key, other);
  }
  const lines = [...worst].sort().map(([key, other]) => {
    const cell = wordAt(table, "cell", other);
    const here = table.columns.cell.codes[other] === table.columns.cell.codes[row];
    const name = here ? element("b", { textContent: `${key} (this one)` }) : element("a", { href: `#cell?${encodeURIComponent(cell)}`, textContent: key });
    return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, badge(table, wordAt(table, "verdict", other))), element("td", { textContent: wordAt(table, "ulps", other), className: "number" }), element("td", { textContent: wordAt(table, "slack", other), className: "number" }));
  });
  const heads = ["Where", "worst verdict", "largest error, ulps", "error / bound"].map((textContent, i) => element("th", { scope: "col", textContent, className: i > 1 ? "number" : "" }));
  const made = element("table", { className: "plain" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines));
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "The same function in other formats, modes and frameworks" }, made);
}
