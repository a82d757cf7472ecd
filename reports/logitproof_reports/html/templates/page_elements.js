"use strict";

// What every page's script needs: elements, texts that may be broken, copying, the theme.

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Text that may be broken after what joins the parts of an identifier, and in words too long for any column
function breakable(text) {
  return text.split(/(?<![\w-])([-+]inf)\b/).flatMap((part, place) => (place % 2 ? [element("span", { className: "whole", textContent: part })] : parted(part)));
}

function parted(text) {
  return text.split(/(?<=[_=/:,])(?=\w)|(?<=\w[.-])(?<!\b0x\d\.)(?=[A-Za-z])|(?<=[^\s_.=/:,-]{13})(?<!\b0x\S*)(?=[^\s_.=/:,-])/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

function factList(facts, className) {
  const list = element("dl", { className });
  for (const [name, value] of facts) list.append(element("div", {}, element("dt", {}, ...breakable(name)), element("dd", {}, ...breakable(value))));
  return list;
}

function codeBlock(text, label = "Repro") {
  const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
  const pre = element("pre", { tabIndex: 0, ariaLabel: label }, element("code", { textContent: text }));
  return element("div", { className: "code" }, button, pre);
}

function readable(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Copying and the theme

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function announce(text) {
  byId("announcement").textContent = text;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  const block = button.parentElement.querySelector("code");
  const label = button.textContent;
  await copy(block ? block.textContent : location.href);
  button.textContent = "Copied";
  announce("Copied");
  setTimeout(() => { button.textContent = label; }, 1500);
});

const THEMES = ["auto", "light", "dark"];

function startTheme() {
  const button = byId("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "auto") + 1) % THEMES.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    button.lastElementChild.textContent = next;
  });
}
