// Frameworks side by side: the judgements of every framework and mode on the same rows, by the same clause.

const SAME_ROWS = ["op", "labels", "quantity", "format", "options", "producer", "axis", "layout", "regime", "clause"];

function rowsAlike(table, row) {
  const columns = SAME_ROWS.map((name) => table.columns[name].codes);
  const found = [];
  for (let other = 0; other < table.rows; other++) if (columns.every((codes) => codes[other] === codes[row])) found.push(other);
  return found;
}

function sideBySide(table, row) {
  const alike = rowsAlike(table, row);
  if (alike.length < 2 || !wordAt(table, "regime", row)) return [];
  const lines = alike.map((other) => {
    const name = ["framework", "mode", "entry"].map((column) => wordAt(table, column, other)).filter((word) => word).join(" ");
    const shown = other === row ? element("b", { textContent: `${name} (this one)` }) : element("a", { href: `#cell?${encodeURIComponent(wordAt(table, "cell", other))}` }, ...breakable(name));
    const { exact = "", observed = "" } = Object.fromEntries(table.details[other]?.facts ?? []);
    return element("tr", {}, element("th", { scope: "row" }, shown), element("td", {}, badge(table, wordAt(table, "verdict", other))), element("td", { className: "number", textContent: wordAt(table, "slack", other) }), element("td", { className: "number", textContent: wordAt(table, "ulps", other) }), element("td", { className: "number", textContent: wordAt(table, "row", other) }), element("td", { textContent: observed ? `${observed}, exact ${exact}` : "" }));
  });
  const heads = ["Framework", "verdict", "error / bound", "largest error, ulps", "worst row", "observed there"].map((textContent, i) => element("th", { scope: "col", textContent, className: i > 1 && i < 5 ? "number" : "" }));
  const made = element("table", { className: "plain alike" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines));
  return [
    element("h3", { textContent: "Side by side: the same rows, the same clause" }),
    element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `The same rows in other frameworks and modes: ${["cell", "regime", "clause"].map((name) => wordAt(table, name, row)).join(" ")}` }, made),
  ];
}
