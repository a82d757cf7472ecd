// The cells of a history: unpacked from the page, filtered, and shown a hundred at a time, those that moved first.

const NUMBERS = new Set(["ranks", "moves"]);
const MARKS = { a: ["vb", "verdict and bits changed"], v: ["v", "verdict changed"], b: ["b", "bits changed"], "-": ["", ""] };

function story(table, row) {
  const versions = table.versions[wordAt(table, "framework", row)];
  const moves = wordAt(table, "moves", row);
  const steps = [...wordAt(table, "ranks", row)].map((rank, place) => {
    const [name, glyph, label] = rank === "." ? ["absent", "–", "not in the run"] : table.outcomes[Number(rank)];
    const [mark, meaning] = MARKS[moves[place]];
    const said = [versions[place], label, meaning].filter((word) => word).join(", ");
    return element("li", { className: name, title: said }, element("span", { ariaHidden: "true", textContent: glyph }), element("small", { ariaHidden: "true", textContent: mark }), element("span", { className: "unseen", textContent: said }));
  });
  return element("ol", { className: "story" }, ...steps);
}

// Cells whose verdict moved come first, then those whose bits did
function movedFirst(table, rows) {
  const weight = table.columns.moves.words.map((moves) => (/[av]/.test(moves) ? 0 : moves.includes("b") ? 1 : 2));
  const { codes } = table.columns.moves;
  return rows.sort((a, b) => weight[codes[a]] - weight[codes[b]] || a - b);
}

function cellsView(table) {
  return {
    section: "cells",
    noun: "cells",
    columns: ["cell", "releases"],
    rowHead: "cell",
    choices: ["framework", "op", "quantity", "format", "mode"],
    order: (rows) => movedFirst(table, rows),
    cell: (name, row) => (name === "cell" ? breakable(wordAt(table, "cell", row)) : story(table, row)),
  };
}

// A link to a filter: #cells?framework:torch%20verdict
function followLink(cells) {
  const [section, text] = location.hash.split(/\?(.*)/s);
  if (text === undefined) return;
  cells.follow(text);
  byId(section.slice(1))?.scrollIntoView();
}

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  try {
    const table = readTable(await unpack(byId("payload")));
    const cells = new RowTable(table, cellsView(table));
    cells.update();
    followLink(cells);
    window.addEventListener("hashchange", () => followLink(cells));
  } catch (error) {
    byId("table-fault").hidden = false;
    byId("table-fault").textContent = `The table of cells cannot be shown: ${error.message}. The releases on this page are complete.`;
  }
}

start();
