() => {
  // Words of four letters and more, and numbers, that stand on two lines; other text for machines may break anywhere.
  // A hexadecimal number does not fit into a column of a small screen.
  const NUMBERS = innerWidth < 1280 ? /[-+]inf\b/g : /[-+]?0x[01]\.[0-9a-f]+p[-+]\d+|[-+]inf\b/g;
  const WORDS = new RegExp(`[A-Za-z]{4,}|${NUMBERS.source}`, "g");
  const found = new Set();
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const place = text.parentElement;
    if (!place.checkVisibility() || place.closest(".unseen, pre, option")) continue;
    const words = place.closest(".value, .numbers, .id") ? NUMBERS : WORDS;
    for (const word of text.data.matchAll(words)) {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1) found.add(word[0]);
    }
  }
  // Nor may a cell of a table spill over the next one.
  for (const cell of document.querySelectorAll("main td, main th")) {
    if (cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).display === "table-cell") found.add(`spilt: ${cell.textContent.slice(0, 80)}`);
  }
  return [...found];
}
