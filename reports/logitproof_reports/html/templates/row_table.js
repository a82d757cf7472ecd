// The table of rows that every page has: filtered, shown a hundred at a time, linked to, exported.
// A page says in `view` what its rows are called (`noun`), the section that links name, its columns, how one cell and
// the details of one row are made, the column that heads a row, the order, which rows to leave out, and which to count
// apart (`apart`, which tells of a row whether it is one, and `apartNoun`).

const STEP = 100;

class RowTable {
  constructor(table, view) {
    Object.assign(this, { table, view, rows: [], shown: 0, filter: byId("filter"), body: byId("rows").tBodies[0] });
    this.heads = view.columns.map((name) => this.head(name));
    this.total = this.counted(Array.from({ length: table.rows }, (_, row) => row)).length;
    byId("rows").tHead.rows[0].replaceChildren(...this.heads);
    this.drawChips();
    this.listen();
    byId("table").hidden = false;
  }

  head(name) {
    const className = NUMBERS.has(name) ? "number" : "";
    const text = this.view.headings?.[name] ?? name.replace("_", " ");
    if (!this.view.sortBy) return element("th", { scope: "col", className, textContent: text });
    const button = element("button", { type: "button", textContent: text });
    button.addEventListener("click", () => {
      this.view.sortBy(name);
      this.update();
    });
    return element("th", { scope: "col", className }, button);
  }

  listen() {
    let waiting = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.search(this.filter.value), 120);
    });
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(waiting); // or it would put this text's address over that of a link followed meanwhile
      this.search(this.filter.value);
    });
    byId("more").addEventListener("click", () => this.showMore());
    for (const button of document.querySelectorAll("#exports button")) button.addEventListener("click", () => this.download(button.value));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
      event.preventDefault();
      this.view.reveal?.();
      this.filter.focus();
      this.filter.select();
    });
  }

  // A list to choose from for each column with few words; what is chosen is a term of the filter

  drawChips() {
    const place = byId("choices");
    if (!place) return;
    this.chips = (this.view.choices ?? []).map((name) => {
      const words = [...this.table.columns[name].words].filter((word) => word);
      const select = element("select", { name }, element("option", { value: "", textContent: "all" }), ...words.map((word) => element("option", { value: word, textContent: this.view.label?.(name, word) ?? word })));
      select.addEventListener("change", () => this.choose(name, select.value));
      return select;
    });
    place.replaceChildren(...this.chips.map((select) => element("label", {}, `${select.name} `, select)));
  }

  choose(name, word) {
    const others = parseFilter(this.filter.value).filter((term) => !(term.key === name && term.operator === ":" && !term.not));
    const chosen = word ? [{ not: false, key: name, operator: ":", values: [word] }] : [];
    this.filter.value = [...others, ...chosen].map(spelledTerm).join(" ");
    this.search(this.filter.value);
  }

  showChosen() {
    const terms = parseFilter(this.filter.value);
    for (const select of this.chips ?? []) {
      const term = terms.find(({ not, key, operator, values }) => key === select.name && operator === ":" && !not && values.length === 1);
      select.value = term ? term.values[0] : "";
      if (select.selectedIndex < 0) select.value = "";
    }
  }

  // A link to a filter: #judgements?framework:torch%20clause:EXT

  follow(text) {
    this.filter.value = readable(text);
    this.update();
  }

  search(text) {
    const { section } = this.view;
    history.replaceState(null, "", text ? `#${section}?${encodeURIComponent(text).replace(/%3A/g, ":")}` : `#${section}`);
    this.update();
  }

  counted(rows) {
    return this.view.apart ? rows.filter((row) => !this.view.apart(row)) : rows;
  }

  // How many rows match, of how many; those counted apart and those left out beside them
  countOf(matching) {
    const counted = this.counted(this.rows).length;
    const beside = [[this.rows.length - counted, this.view.apartNoun], [matching.length - this.rows.length, "hidden"]];
    const words = beside.filter(([number]) => number).map(([number, noun]) => `; ${number.toLocaleString("en")} ${noun}`);
    return `${counted.toLocaleString("en")} of ${this.total.toLocaleString("en")} ${this.view.noun}${words.join("")}`;
  }

  update() {
    this.body.replaceChildren();
    this.shown = 0;
    try {
      const matching = matchingRows(this.table, this.filter.value);
      this.rows = this.view.order(this.view.kept ? matching.filter(this.view.kept(this.filter.value)) : matching);
      byId("count").textContent = this.countOf(matching);
    } catch (error) {
      this.rows = [];
      byId("count").textContent = error.message;
    }
    this.showChosen();
    this.view.markSorted?.(this.heads);
    this.showMore();
    if (this.rows.length === 1) this.body.querySelector(".open-row")?.click();
  }

  showMore() {
    const next = this.rows.slice(this.shown, this.shown + STEP);
    this.body.append(...next.map((row) => this.line(row)));
    this.shown += next.length;
    byId("more").hidden = this.shown >= this.rows.length;
  }

  line(row) {
    const cells = this.view.columns.map((name) => {
      const head = name === this.view.rowHead;
      const cell = element(head ? "th" : "td", head ? { scope: "row" } : { className: NUMBERS.has(name) ? "number" : "" });
      cell.dataset.label = this.view.headings?.[name] ?? name.replace("_", " ");
      cell.append(...[this.view.cell(name, row)].flat());
      return cell;
    });
    return element("tr", { className: "row" }, ...cells);
  }

  // The button of a row that unfolds its details below it

  opener(row, title, content) {
    const button = element("button", { type: "button", className: "open-row", ariaExpanded: "false", title }, content);
    button.addEventListener("click", () => {
      const line = button.closest("tr");
      const open = button.ariaExpanded === "true";
      button.ariaExpanded = String(!open);
      if (open) line.nextElementSibling.remove();
      else line.after(element("tr", { className: "details" }, element("td", { colSpan: this.view.columns.length }, this.view.details(row))));
    });
    return button;
  }

  // The rows that match, with every column, as a file

  download(kind) {
    const names = Object.keys(this.table.columns);
    const records = this.rows.map((row) => names.map((name) => wordAt(this.table, name, row)));
    const text = kind === "json" ? JSON.stringify(records.map((words) => Object.fromEntries(words.map((word, place) => [names[place], word]))), null, 1) : [names, ...records].map((words) => words.map(csvField).join(",")).join("\r\n");
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: kind === "json" ? "application/json" : "text/csv" })), download: `${this.view.section}.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    announce(`${records.length} rows saved`);
  }
}

// A spreadsheet would compute a field that begins like a formula; numbers stay numbers
function csvField(word) {
  const text = /^[=+@\t\r]/.test(word) || /^-(?![\d.∞])/.test(word) ? `'${word}` : word;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

const spelledValue = (value) => (/^[\w.=-]+$/.test(value) ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`);
const spelledTerm = ({ not, key, operator, values }) => `${not ? "-" : ""}${key ? key + operator : ""}${values.map(spelledValue).join(",")}`;
