() => {
  // Words of four letters and more that stand on two lines; what is spelled for machines may break anywhere.
  const found = new Set();
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const place = text.parentElement;
    if (!place.checkVisibility() || place.closest(".unseen, pre, option, .value, .numbers, .id")) continue;
    for (const word of text.data.matchAll(/[A-Za-z]{4,}/g)) {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1) found.add(word[0]);
    }
  }
  return [...found];
}
