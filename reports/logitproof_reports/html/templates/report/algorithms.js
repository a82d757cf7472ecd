// What two algorithms give for a row in a format: each operation is computed exactly and rounded once to the format, as
// IEEE 754 requires of +, - and ÷. A library's exp and log may be off by another ulp. Sums go from left to right.

const isNegative = (x) => x === "-inf" || (isNumber(x) && x.m < 0n);
const isZero = (x) => isNumber(x) && x.m === 0n;

function sumIn(format, a, b) {
  if (isNumber(a) && isNumber(b)) return held(add(a, b), format);
  if (a === "nan" || b === "nan" || (!isNumber(a) && !isNumber(b) && a !== b)) return "nan";
  return isNumber(a) ? b : a;
}

function quotientIn(format, a, b) {
  if (a === "nan" || b === "nan" || (!isNumber(a) && !isNumber(b)) || (isZero(a) && isZero(b))) return "nan";
  if (!isNumber(b)) return ZERO;
  const sign = isNegative(a) === isNegative(b) ? "" : "-";
  return !isNumber(a) || isZero(b) ? `${sign}inf` : held(divide0(a, b), format);
}

function expIn(format, x) {
  if (!isNumber(x)) return x === "-inf" ? ZERO : x;
  const least = exp(x.m > 0n ? negated(x) : x);
  if (x.m <= 0n) return held(least, format);
  return isZero(least) ? "inf" : held(divide(ONE, least), format);
}

// log of a number in [0, inf]: of one below 1, minus that of its reciprocal
function logIn(format, x) {
  if (!isNumber(x)) return x;
  if (isZero(x)) return "-inf";
  const below = compareNumbers(x, ONE) < 0;
  const found = log1p(add(below ? divide(ONE, x) : x, MINUS_ONE));
  return held(below ? negated(found) : found, format);
}

const differenceIn = (format, a, b) => sumIn(format, a, negated(b));
const toOneIn = (format, softmax, label) => softmax.map((p, i) => (i === label ? sumIn(format, p, MINUS_ONE) : p));

// exp(x) / sum of exp(x), as the formula is written
function naiveRow(logits, label, format) {
  const powers = logits.map((x) => expIn(format, x));
  const sum = powers.reduce((a, b) => sumIn(format, a, b));
  const softmax = powers.map((power) => quotientIn(format, power, sum));
  return { softmax, loss: negated(logIn(format, softmax[label])), gradient: toOneIn(format, softmax, label) };
}

// The same after the largest logit is subtracted, and the loss as log(sum) - (x - largest)
function shiftedRow(logits, label, format) {
  const nan = logits.includes("nan");
  const top = nan ? "nan" : logits.includes("inf") ? "inf" : logits.some(isNumber) ? largest(logits) : "-inf";
  const apart = logits.map((x) => differenceIn(format, x, top));
  const powers = apart.map((x) => expIn(format, x));
  const sum = powers.reduce((a, b) => sumIn(format, a, b));
  const softmax = powers.map((power) => quotientIn(format, power, sum));
  return { softmax, loss: differenceIn(format, logIn(format, sum), apart[label]), gradient: toOneIn(format, softmax, label) };
}

// The error in ulps of the format at the exact number; empty where one of the two is not finite and the other is
function ulpsApart(found, exact, format) {
  if (!isNumber(held(exact, format)) || !isNumber(found)) return found === held(exact, format) ? "0" : "";
  const { precision, low } = FORMATS[format];
  const top = isZero(exact) ? -Infinity : exact.e + lengthOf(exact.m);
  const difference = add(found, negated(exact));
  const ulp = Math.max(top - precision, low);
  return isZero(difference) ? "0" : digits(rounded({ m: magnitude(difference.m), e: difference.e - ulp }, 12), 3);
}
