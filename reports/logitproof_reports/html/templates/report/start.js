// What starts the report's page, once all of its scripts are there.

async function start() {
  startTheme();
  for (const button of document.querySelectorAll(".copy, .scripted")) button.hidden = false;
  const followers = { "#explorer": startExplorer() };
  startDialects();
  startMatrix();
  startFindings();
  linkFields();
  labelFields();
  startPages(followers);
  try {
    const table = readTable(await unpack(byId("payload")));
    const view = judgementsView(table);
    const judgements = new RowTable(table, view);
    view.table = judgements;
    rememberRows(table);
    startCompare(table);
    judgements.update();
    followers["#judgements"] = (text) => judgements.follow(text);
    followers["#cell"] = (text) => showCell(table, readable(text));
    suggestCells(table);
    byId("cell-wanted").hidden = false;
    byId("cell-wanted").addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = `#cell?${encodeURIComponent(byId("cell-name").value)}`;
    });
    route(followers);
  } catch (error) {
    byId("table-fault").hidden = false;
    byId("table-fault").textContent = `The table of all judgements cannot be shown: ${error.message}. The summaries on this page are complete.`;
  }
}

start();
