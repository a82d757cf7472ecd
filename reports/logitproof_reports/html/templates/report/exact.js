// Exact softmax, loss and gradient of one row, in integer arithmetic; and what a format would round them to.
// A number is {m, e}: the integer m times 2^e; "nan", "inf" and "-inf" stand for themselves.

const BITS = 256;
const ZERO = { m: 0n, e: 0 };
const ONE = { m: 1n, e: 0 };
const MINUS_ONE = { m: -1n, e: 0 };
const FORMATS = {
  float16: { precision: 11, low: -24, high: 16 },
  bfloat16: { precision: 8, low: -133, high: 128 },
  float32: { precision: 24, low: -149, high: 128 },
  float64: { precision: 53, low: -1074, high: 1024 },
};

const isNumber = (x) => typeof x === "object";
const negated = (x) => (isNumber(x) ? { m: -x.m, e: x.e } : { nan: "nan", inf: "-inf", "-inf": "inf" }[x]);
const magnitude = (m) => (m < 0n ? -m : m);
const lengthOf = (m) => magnitude(m).toString(2).length;
const shifted = (m, by) => (by >= 0 ? m << BigInt(by) : m >> BigInt(-by));

// Rounds to the nearest multiple of 2^low with at most so many bits, ties to even.
function rounded(x, precision, low = -Infinity) {
  if (!isNumber(x) || x.m === 0n) return x;
  const drop = Math.max(lengthOf(x.m) - precision, low - x.e);
  if (drop <= 0) return x;
  const sign = x.m < 0n ? -1n : 1n;
  const m = magnitude(x.m);
  let kept = m >> BigInt(drop);
  const rest = m - (kept << BigInt(drop));
  const half = 1n << BigInt(drop - 1);
  if (rest > half || (rest === half && kept & 1n)) kept += 1n;
  return { m: sign * kept, e: x.e + drop };
}

const tidy = (x) => rounded(x, BITS);

function add(a, b) {
  if (a.m === 0n) return b;
  if (b.m === 0n) return a;
  const top = Math.max(a.e + lengthOf(a.m), b.e + lengthOf(b.m));
  const e = Math.max(Math.min(a.e, b.e), top - 4 * BITS);
  return { m: shifted(a.m, a.e - e) + shifted(b.m, b.e - e), e };
}

const multiply = (a, b) => tidy({ m: a.m * b.m, e: a.e + b.e });

function divide(a, b) {
  const by = BITS + Math.max(0, lengthOf(b.m) - lengthOf(a.m)) + 2;
  return tidy({ m: (a.m << BigInt(by)) / b.m, e: a.e - by - b.e });
}

const compareNumbers = (a, b) => {
  const { m } = add(a, negated(b));
  return m < 0n ? -1 : m > 0n ? 1 : 0;
};

// ln 2 in fixed point: 2 artanh(1/3)
function artanh(numerator, denominator, bits) {
  let power = (numerator << BigInt(bits)) / denominator;
  let sum = power;
  for (let k = 3n; power !== 0n; k += 2n) {
    power = (power * numerator * numerator) / (denominator * denominator);
    sum += power / k;
  }
  return sum;
}

const LN2_BITS = BITS + 1100;
const LN2 = { m: 2n * artanh(1n, 3n, LN2_BITS), e: -LN2_BITS };

// exp(x) for x <= 0: 2^k times the series of a small remainder, squared back up
function exp(x) {
  if (x.m === 0n) return ONE;
  if (x.e + lengthOf(x.m) > 40) return ZERO;
  const fixed = BITS + 64;
  const wide = shifted(x.m, x.e + fixed);
  const ln2 = shifted(LN2.m, LN2.e + fixed);
  const k = wide / ln2;
  const halvings = 12n;
  const r = (wide - k * ln2) >> halvings;
  let term = 1n << BigInt(fixed);
  let sum = term;
  for (let n = 1n; term !== 0n && n < 200n; n += 1n) {
    term = (term * r) / (n << BigInt(fixed));
    sum += term;
  }
  for (let n = 0n; n < halvings; n += 1n) sum = (sum * sum) >> BigInt(fixed);
  return tidy({ m: sum, e: Number(k) - fixed });
}

// log(1 + t) for t >= 0: the series where t is tiny, else 2 artanh of what is left of a power of two
function log1p(t) {
  if (t.m === 0n) return ZERO;
  if (t.e + lengthOf(t.m) < -100) {
    const square = multiply(t, t);
    const cube = multiply(square, t);
    return add(add(t, { m: -square.m, e: square.e - 1 }), divide(cube, { m: 3n, e: 0 }));
  }
  const y = add(ONE, t);
  const k = y.e + lengthOf(y.m) - 1;
  const fixed = BITS + 128;
  const near = shifted(y.m, y.e - k + fixed);
  const unit = 1n << BigInt(fixed);
  const series = { m: 2n * artanh(near - unit, near + unit, fixed), e: -fixed };
  return tidy(add(series, { m: LN2.m * BigInt(k), e: LN2.e }));
}

// Text: decimal or hexadecimal, infinities and NaN

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,4}))?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d{1,5}))?$/i;

function parsed(text) {
  const word = text.trim().toLowerCase().replace("−", "-").replace("∞", "inf").replace("infinity", "inf");
  if (/^[+-]?nan$/.test(word)) return "nan";
  if (/^[+-]?inf$/.test(word)) return word.startsWith("-") ? "-inf" : "inf";
  const hex = HEXADECIMAL.exec(word);
  if (hex && hex[2] + hex[3]) return signed(hex[1], { m: BigInt(`0x${hex[2]}${hex[3]}`), e: Number(hex[4] || 0) - 4 * hex[3].length });
  const plain = DECIMAL.exec(word);
  if (!plain || !(plain[2] + plain[3])) throw new Error(`"${text.trim()}" is not a number: write 1.5, -inf, nan or 0x1.8p+0`);
  const ten = Number(plain[4] || 0) - plain[3].length;
  const digits = { m: BigInt(plain[2] + plain[3]), e: 0 };
  const power = { m: 10n ** BigInt(Math.abs(ten)), e: 0 };
  if (digits.m === 0n) return ZERO;
  return signed(plain[1], ten >= 0 ? { m: digits.m * power.m, e: 0 } : rounded({ m: (digits.m << 4096n) / power.m, e: -4096 }, 1200));
}

const signed = (sign, x) => (sign === "-" ? negated(x) : x);

// A number as a format holds it: rounded, infinite past its largest, with gradual underflow
function held(x, name) {
  const { precision, low, high } = FORMATS[name];
  const found = rounded(x, precision, low);
  if (!isNumber(found) || found.m === 0n) return found;
  return found.e + lengthOf(found.m) > high ? (found.m < 0n ? "-inf" : "inf") : found;
}

// Decimal digits of a number, correctly rounded, as 1.234e-5 or 0.0123
function digits(x, count = 17) {
  if (!isNumber(x)) return { nan: "NaN", inf: "+inf", "-inf": "-inf" }[x];
  if (x.m === 0n) return "0";
  const m = magnitude(x.m);
  let ten = Math.floor((x.e + lengthOf(m) - 1) * Math.LOG10E * Math.LN2);
  let found = scaled(m, x.e, count - 1 - ten);
  if (found.toString().length > count) found = scaled(m, x.e, count - 1 - ++ten);
  const text = found.toString().padEnd(count, "0");
  return (x.m < 0n ? "-" : "") + placed(text, text.length > count ? ten + 1 : ten);
}

// m 2^e 10^power, to the nearest integer
function scaled(m, e, power) {
  const ten = 10n ** BigInt(Math.abs(power));
  const top = (power >= 0 ? m * ten : m) << BigInt(Math.max(0, e) + 1);
  const bottom = (power >= 0 ? 1n : ten) << BigInt(Math.max(0, -e));
  return (top / bottom + 1n) >> 1n;
}

function placed(text, ten) {
  const trimmed = text.replace(/0+$/, "") || "0";
  if (ten >= -5 && ten < 0) return `0.${"0".repeat(-ten - 1)}${trimmed}`;
  if (ten >= 0 && ten < 17) {
    const whole = trimmed.padEnd(ten + 1, "0");
    return whole.length > ten + 1 ? `${whole.slice(0, ten + 1)}.${whole.slice(ten + 1)}` : whole;
  }
  return `${trimmed[0]}${trimmed.length > 1 ? `.${trimmed.slice(1)}` : ""}e${ten < 0 ? "" : "+"}${ten}`;
}

// One row. Infinite logits have the limit where there is one, else NaN; a NaN logit makes its row NaN.

function exactRow(logits, label) {
  if (logits.includes("nan") || logits.every((x) => x === "-inf")) return all(logits, "nan");
  if (logits.includes("inf")) return atInfinity(logits, label);
  const softmax = logits.map((x) => share(logits, x));
  const ruledOut = logits[label] === "-inf";
  return {
    softmax,
    loss: ruledOut ? "inf" : logLoss(logits, label),
    gradient: softmax.map((p, i) => (i !== label ? p : ruledOut ? MINUS_ONE : toOne(logits, label))),
  };
}

const all = (logits, word) => ({ softmax: logits.map(() => word), loss: word, gradient: logits.map(() => word) });

// One infinite logit is certain; how several share is not decided; the others have nothing either way.
function atInfinity(logits, label) {
  const certain = logits.filter((x) => x === "inf").length === 1;
  const [share, loss, gradient] = certain ? [ONE, ZERO, ZERO] : ["nan", "nan", "nan"];
  const right = logits[label] === "inf";
  const softmax = logits.map((x) => (x === "inf" ? share : ZERO));
  return { softmax, loss: right ? loss : "inf", gradient: softmax.map((p, i) => (i !== label ? p : right ? gradient : MINUS_ONE)) };
}

const largest = (logits) => logits.filter(isNumber).reduce((a, b) => (compareNumbers(a, b) < 0 ? b : a));
const ratio = (x, top) => (x === "-inf" ? ZERO : exp(add(x, negated(top))));

function share(logits, x) {
  const top = largest(logits);
  const sum = logits.map((other) => ratio(other, top)).reduce(add, ZERO);
  return divide0(ratio(x, top), sum);
}

const divide0 = (a, b) => (a.m === 0n ? ZERO : divide(a, b));

// loss = (m - x_label) + log(sum exp(x - m)): both terms are >= 0, so nothing cancels
function logLoss(logits, label) {
  const top = largest(logits);
  const first = logits.findIndex((x) => isNumber(x) && compareNumbers(x, top) === 0);
  const rest = logits.filter((_, i) => i !== first).map((x) => ratio(x, top)).reduce(add, ZERO);
  return add(add(top, negated(logits[label])), log1p(tidy(rest)));
}

// p - 1 at the label, as minus the share of all the others
function toOne(logits, label) {
  const top = largest(logits);
  const weights = logits.map((x) => ratio(x, top));
  const others = weights.filter((_, i) => i !== label).reduce(add, ZERO);
  return negated(divide0(tidy(others), weights.reduce(add, ZERO)));
}
