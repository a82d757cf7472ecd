// The packed table of a page (columns.py) and its filter (links.py). NUMBERS, the columns that hold numbers, is the page's own.

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
  return { ...head, columns };
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
  if (strange) throw new Error(`there is no column ${strange.key}; the columns are ${Object.keys(table.columns).join(", ")}`);
  const keep = new Uint8Array(table.rows).fill(1);
  for (const term of terms) applyTerm(table, term, keep);
  const rows = [];
  for (let row = 0; row < table.rows; row++) if (keep[row]) rows.push(row);
  return rows;
}
