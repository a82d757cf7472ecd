// The explorer: logits and a label in; exact and rounded results, those of two algorithms, and recorded ones out.
// Arithmetic: exact.js and algorithms.js; recorded results: recorded.js.

const SHOWN_FORMATS = { exact: 17, float32: 9, bfloat16: 4, float16: 5 };
const SLIDERS = 10;
const DIGITS = { float16: 5, bfloat16: 4, float32: 9, float64: 17 };
const COMPUTED = 64;

function startExplorer() {
  const [logits, label, held_] = [byId("logits"), byId("label"), byId("held")];
  const draw = () => explore(logits.value, Number(label.value || 0), held_.value);
  const changed = () => {
    draw();
    const hash = new URLSearchParams({ format: held_.value, label: label.value, logits: logits.value });
    history.replaceState(null, "", `#explorer?${hash}`);
  };
  for (const input of [logits, label, held_]) input.addEventListener("input", changed);
  byId("explore").addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("[data-logits]")) {
    button.addEventListener("click", () => { logits.value = button.dataset.logits; changed(); });
  }
  byId("given").addEventListener("input", (event) => {
    const words = logits.value.split(",");
    words[Number(event.target.dataset.place)] = ` ${event.target.value}`;
    logits.value = words.join(",").trim();
    changed();
  });
  draw();
  return (text) => {
    const asked = new URLSearchParams(text);
    logits.value = (asked.get("logits") || "0").split(",").map((word) => word.trim()).join(", ");
    held_.value = asked.get("format") in FORMATS ? asked.get("format") : "float32";
    labelsFor(logits.value.split(",").length, Number(asked.get("label")));
    draw();
  };
}

function labelsFor(classes, wanted) {
  const label = byId("label");
  const chosen = Number.isInteger(wanted) && wanted >= 0 && wanted < classes ? wanted : 0;
  label.replaceChildren(...Array.from({ length: classes }, (_, i) => element("option", { value: i, textContent: i, selected: i === chosen })));
  return chosen;
}

function explore(text, label, format) {
  const fault = byId("explore-fault");
  fault.hidden = true;
  try {
    const words = text.split(",");
    if (words.length > 256) throw new Error("at most 256 logits can be explored");
    const logits = words.map((word) => held(parsed(word), format));
    const chosen = labelsFor(words.length, label);
    const row = exactRow(logits, chosen);
    const names = logits.map((_, i) => `class ${i}${i === chosen ? ", the true one" : ""}`);
    showGiven(logits, names, row.softmax);
    byId("explored").replaceChildren(
      grid("Loss", ["softmax cross-entropy, in nats"], [row.loss]),
      grid("Softmax", names, row.softmax),
      grid("Gradient", names, row.gradient),
    );
    byId("algorithms").replaceChildren(...algorithms(logits, names, chosen, row, format));
    askRow(logits, chosen, format);
    showRecorded(logits, format);
  } catch (error) {
    fault.hidden = false;
    fault.textContent = error.message;
  }
}

// The row as the format holds it. A slider that is being moved must stay in place: only a new row draws new ones.
function showGiven(logits, names, softmax) {
  const moving = document.activeElement.closest("#given");
  if (!moving) byId("given").replaceChildren(given(logits));
  [...byId("given").querySelector("tbody").rows].forEach((line, i) => {
    line.cells[0].textContent = names[i];
    line.cells[1].textContent = digits(logits[i]);
    line.querySelector("meter").value = isNumber(softmax[i]) ? Number(digits(softmax[i])) : 0;
  });
}

function given(logits) {
  const rows = logits.map((x, i) => {
    const number = isNumber(x) ? Number(digits(x)) : NaN;
    const meter = element("meter", { min: 0, max: 1, ariaLabel: `probability of class ${i}` });
    const movable = i < SLIDERS && Math.abs(number) <= 100;
    return element("tr", {}, element("th", { scope: "row" }), element("td", { className: "value" }), element("td", {}, meter), element("td", {}, ...(movable ? [slider(number, i)] : [])));
  });
  return tableOf(["Logits", "as rounded", "softmax", "move"], rows, "Logits");
}

function slider(number, place) {
  const [min, max] = [Math.min(-10, Math.floor(number)), Math.max(10, Math.ceil(number))];
  const made = element("input", { type: "range", min, max, step: 0.1, value: number, ariaLabel: `logit of class ${place}` });
  made.dataset.place = place;
  return made;
}

function grid(title, names, numbers) {
  const rows = numbers.map((x, i) => element("tr", {}, element("th", { scope: "row", textContent: names[i] }), ...Object.entries(SHOWN_FORMATS).map(([format, count]) => element("td", { className: "value", textContent: digits(format === "exact" ? x : held(x, format), count) }))));
  return tableOf([title, ...Object.keys(SHOWN_FORMATS)], rows, title);
}

// The naive formula and the usual algorithm, each in the chosen format and beside the exact answer rounded to it

function algorithms(logits, names, label, exact, format) {
  if (logits.length > COMPUTED) return [element("p", { className: "muted", textContent: `Shown for at most ${COMPUTED} classes.` })];
  const ways = [naiveRow(logits, label, format), shiftedRow(logits, label, format)];
  const lines = [["loss, in nats", (row) => row.loss], ...["softmax", "gradient"].flatMap((what) => names.map((name, i) => [`${what}, ${name}`, (row) => row[what][i]]))];
  const rows = lines.map(([name, of]) => {
    const cells = ways.flatMap((way) => {
      const apart = ulpsApart(of(way), of(exact), format);
      const far = apart === "" || Number(apart) > 100;
      return [element("td", { className: "value", textContent: digits(of(way), DIGITS[format]) }), element("td", { className: far ? "deviates far" : "", textContent: apart || "not finite" })];
    });
    return element("tr", {}, element("th", { scope: "row", textContent: name }), element("td", { className: "value", textContent: digits(held(of(exact), format), DIGITS[format]) }), ...cells);
  });
  return [tableOf([`In ${format}`, "exact, rounded", "exp(x) / Σ exp(x)", "error, ulps", "largest subtracted first", "error, ulps"], rows, "Two algorithms")];
}

// The command that asks the installed frameworks for this row; what the page has recorded of it is recorded.js's

function askRow(logits, label, format) {
  byId("ask-row").replaceChildren(codeBlock(`logitproof row --logits "${spelledRow(logits)}" --label ${label} --format ${format}`, "Command"));
}

function tableOf(heads, rows, label) {
  const head = element("thead", {}, element("tr", {}, ...heads.map((textContent) => element("th", { scope: "col", textContent }))));
  return element("div", { className: "scroll explored", tabIndex: 0, role: "region", ariaLabel: label }, element("table", { className: "plain" }, head, element("tbody", {}, ...rows)));
}
