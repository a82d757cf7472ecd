// The order of the table of all judgements: words by alphabet, numbers and outcomes by size; equal ones worst first.

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
