// Two runs compared in the page: this one, and the judgements that another report saved as JSON.

const MOST_COMPARED = 200;
const NAMED_BY = ["cell", "regime", "clause"];

function startCompare(table) {
  const input = byId("other-run");
  input.addEventListener("change", async () => {
    if (!input.files.length) return;
    try {
      byId("compared").replaceChildren(...compared(table, otherRun(table, await input.files[0].text()), input.files[0].name));
    } catch (error) {
      byId("compared").replaceChildren(element("p", { className: "warning", role: "alert", textContent: error.message }));
    }
    announce("Compared");
  });
}

function otherRun(table, text) {
  let records;
  try {
    records = JSON.parse(text);
  } catch {
    throw new Error("This file is no JSON: choose one that “Save as JSON” wrote.");
  }
  const isRow = (one) => one && [...NAMED_BY, "verdict", "slack", "framework"].every((name) => typeof one[name] === "string") && one.verdict in table.outcomes;
  if (!Array.isArray(records) || !records.length || !records.every(isRow)) throw new Error("This file holds no judgements: choose one that “Save as JSON” wrote.");
  return records;
}

// Judgements go by their cell. Where each run has one framework and they differ, by the cell without its name.
function compared(table, others, file) {
  const names = [[...new Set(table.columns.framework.codes)].map((code) => table.columns.framework.words[code]), [...new Set(others.map((one) => one.framework))]];
  const ported = names.every((own) => own.length === 1) && names[0][0] !== names[1][0];
  const keyOf = (framework, words) => [ported ? words[0].slice(framework.length) : words[0], ...words.slice(1)].join("\n");
  const before = new Map(others.map((one) => [keyOf(one.framework, NAMED_BY.map((name) => one[name])), one]));
  const found = { worse: [], better: [], larger: [], smaller: [], same: [], here: [] };
  for (let row = 0; row < table.rows; row++) {
    const key = keyOf(wordAt(table, "framework", row), NAMED_BY.map((name) => wordAt(table, name, row)));
    const was = before.get(key);
    before.delete(key);
    found[movement(table, row, was)].push([row, was]);
  }
  return [summaryOf(found, before.size, file), ...listOf(table, "Worse verdict", found.worse), ...listOf(table, "Larger error", found.larger), ...listOf(table, "Better verdict", found.better)];
}

function movement(table, row, was) {
  if (!was) return "here";
  const by = table.outcomes[wordAt(table, "verdict", row)][2] - table.outcomes[was.verdict][2];
  if (by) return by > 0 ? "worse" : "better";
  const [now, then] = [wordAt(table, "slack", row), was.slack].map(numberOf);
  return now > then ? "larger" : now < then ? "smaller" : "same";
}

function summaryOf(found, gone, file) {
  const lines = [
    ["worse verdict", found.worse.length],
    ["better verdict", found.better.length],
    ["same verdict, larger error / bound", found.larger.length],
    ["same verdict, smaller error / bound", found.smaller.length],
    ["same verdict, same error / bound to three digits", found.same.length],
    ["in this run alone", found.here.length],
    [`in ${file} alone`, gone],
  ];
  return factList(lines.map(([name, number]) => [name, number.toLocaleString("en")]), "facts wide");
}

function listOf(table, title, pairs) {
  if (!pairs.length) return [];
  const far = ([row]) => numberOf(wordAt(table, "slack", row)) || 0;
  const shown = pairs.sort((a, b) => far(b) - far(a)).slice(0, MOST_COMPARED);
  const rows = shown.map(([row, was]) => {
    const terms = NAMED_BY.map((name) => spelledTerm({ not: false, key: name, operator: ":", values: [wordAt(table, name, row)] }));
    const link = element("a", { href: `#judgements?${encodeURIComponent(terms.join(" "))}` }, ...breakable(wordAt(table, "cell", row)));
    return element("tr", {}, element("th", { scope: "row" }, link), element("td", {}, ...breakable(`${wordAt(table, "regime", row)} ${wordAt(table, "clause", row)}`)), element("td", {}, badge(table, was.verdict)), element("td", {}, badge(table, wordAt(table, "verdict", row))), element("td", { className: "number", textContent: was.slack }), element("td", { className: "number", textContent: wordAt(table, "slack", row) }));
  });
  const heads = ["Cell", "regime, clause", "verdict before", "after", "error / bound before", "after"].map((textContent, i) => element("th", { scope: "col", textContent, className: i > 3 ? "number" : "" }));
  const made = element("table", { className: "plain compared" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  const more = pairs.length > shown.length ? [element("p", { className: "muted", textContent: `${(pairs.length - shown.length).toLocaleString("en")} more.` })] : [];
  return [element("h3", { textContent: `${title}: ${pairs.length.toLocaleString("en")}` }), element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: title }, made), ...more];
}
