// What the judged frameworks gave for a row of the explorer. A page runs no framework: it knows the worst row of each
// judgement whose details it carries. Of another row it shows those that are most like it, and says so.

const MOST_ALIKE = 6;

let recordedRows = null; // by format and row: its logits, and the judgements whose worst row it is
let askedFor = null; // the row and format of the explorer, which may be there before the judgements are
const isSpelled = (word) => HEXADECIMAL.test(word) || /^([+-]?inf|nan)$/.test(word);
const spelledRow = (logits) => logits.map((x) => (isNumber(x) ? digits(x) : x.replace("nan", "NaN"))).join(", ");

function rememberRows(table) {
  recordedRows = new Map();
  for (const [row, { label, inputs, facts }] of Object.entries(table.details)) {
    const given = Object.fromEntries(inputs).logits;
    const format = wordAt(table, "format", row);
    if (label === null || !given || !(format in FORMATS)) continue;
    const words = given.split(" ");
    if (!words.every(isSpelled)) continue;
    const logits = words.map((word) => held(parsed(word), format));
    const key = `${format} ${spelledRow(logits)}`;
    const found = recordedRows.get(key) ?? { format, label, logits, traits: traitsOf(logits), judgements: [] };
    found.judgements.push({ table, row: Number(row), facts: Object.fromEntries(facts) });
    recordedRows.set(key, found);
  }
  if (askedFor) showRecorded(...askedFor);
}

function showRecorded(logits, format) {
  askedFor = [logits, format];
  if (!recordedRows) return;
  const found = recordedRows.get(`${format} ${spelledRow(logits)}`);
  byId("recorded").replaceChildren(...(found ? recordedHere(found) : recordedElsewhere(logits, format)));
}

function recordedHere({ judgements }) {
  const note = "These judgements have this row as their worst one. A framework that is missing here was judged by other rows.";
  return [element("p", { className: "muted", textContent: note }), recordedTable(judgements)];
}

function recordedTable(judgements) {
  const rows = judgements.map(({ table, row, facts }) => {
    const name = ["framework", "mode", "op", "quantity"].map((column) => wordAt(table, column, row)).join(" ");
    const cell = wordAt(table, "cell", row);
    return element("tr", {}, element("th", { scope: "row" }, element("a", { href: `#cell?${encodeURIComponent(cell)}` }, ...breakable(name))), element("td", {}, badge(table, wordAt(table, "verdict", row))), element("td", { textContent: facts.exact ?? facts["first answer"] ?? "" }), element("td", { textContent: facts.observed ?? facts["second answer"] ?? "" }), element("td", { textContent: `${wordAt(table, "clause", row)}, ${wordAt(table, "slack", row)}` }));
  });
  return tableOf(["Recorded", "verdict", "exact", "observed", "clause, error / bound"], rows, "Recorded answers");
}

// What makes rows alike to these functions: which of them are not finite, how many there are, how large they are, and
// how far apart. The latter three are in powers of two, so that 1,000 is as far from 500 as 10 from 5.

function traitsOf(logits) {
  const finite = logits.filter(isNumber).map((x) => Number(digits(x)));
  const [top, low] = [Math.max(...finite, -Infinity), Math.min(...finite, Infinity)];
  const power = (size) => Math.log2(1 + Math.min(size, Number.MAX_VALUE));
  const sizes = finite.length ? [power(Math.max(Math.abs(top), Math.abs(low))), power(top - low)] : [0, 0];
  return { kinds: ["nan", "inf", "-inf"].map((kind) => logits.includes(kind)), sizes: [...sizes, Math.log2(logits.length)] };
}

const KIND_APART = 1_000; // one of them has a NaN, or an infinity, and the other has not

function apart(one, other) {
  const kinds = one.kinds.filter((has, place) => has !== other.kinds[place]).length;
  return KIND_APART * kinds + one.sizes.reduce((sum, size, place) => sum + Math.abs(size - other.sizes[place]), 0);
}

function recordedElsewhere(logits, format) {
  const mine = traitsOf(logits);
  const others = [...recordedRows.values()].filter((one) => one.format === format);
  const nearest = others.sort((a, b) => apart(mine, a.traits) - apart(mine, b.traits)).slice(0, MOST_ALIKE);
  const none = "This page has no recorded result for this row.";
  if (!nearest.length) return [element("p", { className: "muted", textContent: none })];
  const note = `${none} Below are the recorded ${format} rows most like it: the same special values (NaN, inf, -inf), and a similar magnitude, spread and number of classes. On your row a framework may give something else.`;
  return [element("p", { className: "muted", textContent: note }), tableOf(["Recorded row", "logits", "classes", "judgements", "worst verdict"], nearest.map(nearLine), "Recorded rows most like this one")];
}

function nearLine({ format, label, logits, judgements }) {
  const { table, row } = judgements[0];
  const rank = (one) => table.outcomes[wordAt(table, "verdict", one.row)][2];
  const worst = judgements.reduce((a, b) => (rank(b) > rank(a) ? b : a));
  const frameworks = [...new Set(judgements.map((one) => wordAt(table, "framework", one.row)))];
  const hash = new URLSearchParams({ format, label, logits: spelledRow(logits).replaceAll(" ", "") });
  const few = `${logits.slice(0, 4).map((x) => digits(x, 4)).join(", ")}${logits.length > 4 ? ", …" : ""}`;
  return element("tr", {}, element("th", { scope: "row" }, element("a", { href: `#explorer?${hash}` }, ...breakable(wordAt(table, "regime", row)))), element("td", { className: "value" }, ...few.split(" ").flatMap((word) => [element("span", { className: "whole", textContent: word }), " "])), element("td", { textContent: logits.length }), element("td", { textContent: `${judgements.length} (${frameworks.join(", ")})` }), element("td", {}, badge(table, wordAt(table, "verdict", worst.row))));
}
