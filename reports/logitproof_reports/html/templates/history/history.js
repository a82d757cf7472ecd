// The cells of a history: unpacked from the page, filtered, and shown a hundred at a time, those that moved first.

const STEP = 100;
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

class CellTable {
  constructor(table) {
    this.table = table;
    this.filter = byId("filter");
    this.body = byId("rows").tBodies[0];
    let waiting = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.search(), 120);
    });
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    byId("more").addEventListener("click", () => this.showMore());
    byId("table").hidden = false;
  }

  search() {
    const text = this.filter.value;
    history.replaceState(null, "", text ? `#cells?${encodeURIComponent(text).replace(/%3A/g, ":")}` : "#cells");
    this.update();
  }

  // A link to a filter: #cells?framework:torch%20verdict
  follow() {
    const [section, text] = location.hash.split(/\?(.*)/s);
    if (text === undefined) return;
    this.filter.value = readable(text);
    this.update();
    byId(section.slice(1)).scrollIntoView();
  }

  update() {
    this.body.replaceChildren();
    this.shown = 0;
    try {
      this.rows = this.movedFirst(matchingRows(this.table, this.filter.value));
      byId("count").textContent = `${this.rows.length.toLocaleString("en")} of ${this.table.rows.toLocaleString("en")} cells`;
    } catch (error) {
      this.rows = [];
      byId("count").textContent = error.message;
    }
    this.showMore();
  }

  movedFirst(rows) {
    const weight = this.table.columns.moves.words.map((moves) => (/[av]/.test(moves) ? 0 : moves.includes("b") ? 1 : 2));
    const { codes } = this.table.columns.moves;
    return rows.sort((a, b) => weight[codes[a]] - weight[codes[b]] || a - b);
  }

  showMore() {
    const next = this.rows.slice(this.shown, this.shown + STEP);
    this.body.append(...next.map((row) => element("tr", {}, element("th", { scope: "row", textContent: wordAt(this.table, "cell", row) }), element("td", {}, story(this.table, row)))));
    this.shown += next.length;
    byId("more").hidden = this.shown >= this.rows.length;
  }
}

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  try {
    const cells = new CellTable(readTable(await unpack(byId("payload"))));
    cells.update();
    cells.follow();
    window.addEventListener("hashchange", () => cells.follow());
  } catch (error) {
    byId("table-fault").hidden = false;
    byId("table-fault").textContent = `The table of cells cannot be shown: ${error.message}. The releases on this page are complete.`;
  }
}

start();
