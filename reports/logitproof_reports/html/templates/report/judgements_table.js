// The report's table of all judgements: its columns, rows and details; sort_judgements.js has its order.
// Layout of the payload and of a filter: payload.py and links.py of logitproof_reports.

const SHOWN = ["verdict", "framework", "mode", "op", "quantity", "labels", "format", "regime", "clause", "ulps", "slack"];
const NUMBERS = new Set(["ulps", "slack", "row"]);
const HEADINGS = { ulps: "largest error, ulps", slack: "error / bound" };

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
