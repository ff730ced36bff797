
"use strict";
// Shows what is known of a token when the pointer or the keyboard is on it. Tokens carry no data of
// their own: a token's number is its chunk's first number and its place in the chunk.
const data = JSON.parse(document.getElementById("data").textContent);
const tip = document.getElementById("tip");
let shown = null;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function numberOf(token) {
  const chunk = token.parentElement;
  return Number(chunk.dataset.i) + Array.prototype.indexOf.call(chunk.children, token);
}

function hex(bytes) {
  const list = typeof bytes === "string" ? new TextEncoder().encode(bytes) : Uint8Array.from(bytes);
  const shown = Array.from(list.slice(0, 32), (byte) => byte.toString(16).toUpperCase().padStart(2, "0"));
  return shown.join(" ") + (list.length > 32 ? ` … (${list.length} bytes)` : "");
}

function promptFacts(i) {
  const of = data.prompt;
  const spans = [].concat(of.spans[i]);
  const [start, end] = of.offsets[i];
  return [
    ["id", of.ids[i]],
    ["bytes", hex(of.bytes[i]), "mono"],
    ["origin", spans.map((span) => of.places[span]).join(" + ")],
    ["why", of.reasons[of.why[i]]],
    ["offset", `characters ${start} to ${end}, token ${i}`],
  ];
}

function replyFacts(i) {
  const of = data.reply;
  return [
    ["id", of.ids[i] + (of.exact[i] ? "" : " (inferred from the text)")],
    ["bytes", hex(of.bytes[i]), "mono"],
    ["probability", of.shares[i][0]],
  ];
}

function othersTable(others) {
  const table = element("table");
  for (const [id, piece, words, share] of others) {
    const row = table.insertRow();
    row.append(element("td", piece), element("td", words));
    const bar = element("span");
    bar.style.width = `${share * 100}%`;
    const cell = element("td", undefined, "share");
    cell.append(bar);
    row.append(cell, element("td", `id ${id}`));
  }
  return table;
}

// The token's text as it stands in the page, with its blanks made visible.
function pieceOf(token) {
  const piece = element("div", undefined, "piece");
  piece.append(...token.cloneNode(true).childNodes);
  for (const node of piece.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) node.data = node.data.replaceAll(" ", "␣").replace(/[\n\t]/g, "");
  }
  return piece;
}

function show(token) {
  shown = token;
  const of = token.closest(".flow").dataset.of;
  const i = numberOf(token);
  const list = element("dl");
  for (const [name, value, kind] of of === "prompt" ? promptFacts(i) : replyFacts(i)) {
    list.append(element("dt", name), element("dd", value, kind));
  }
  tip.replaceChildren(pieceOf(token), list);
  if (of === "reply") {
    const others = data.reply.others[i];
    list.append(element("dt", "nearly chose"), element("dd", others.length ? "" : "not reported"));
    if (others.length) tip.append(othersTable(others));
  }
  tip.hidden = false;
  place();
}

function place() {
  const at = shown.getClientRects()[0];
  if (!at || at.bottom < 0 || at.top > innerHeight) return hide();
  const size = tip.getBoundingClientRect();
  const below = at.bottom + 8;
  const top = below + size.height > innerHeight ? at.top - size.height - 8 : below;
  tip.style.top = `${Math.max(4, top)}px`;
  tip.style.left = `${Math.max(12, Math.min(at.left, innerWidth - size.width - 12))}px`;
}

function hide() {
  shown = null;
  tip.hidden = true;
}

const tokenAt = (target) => (target instanceof Element ? target.closest(".flow i") : null);

document.addEventListener("pointerover", (event) => {
  const token = tokenAt(event.target);
  if (token) show(token);
  else hide();
});
document.addEventListener("pointerleave", hide);
document.addEventListener("scroll", () => shown && place(), true);
document.addEventListener("focusin", (event) => {
  const token = tokenAt(event.target);
  if (!token) return hide();
  token.setAttribute("aria-describedby", "tip");
  show(token);
});
document.addEventListener("focusout", hide);

// One stop of the Tab key for each flow; arrows, Home and End move inside it.
function beside(token, step) {
  const next = step > 0 ? token.nextElementSibling : token.previousElementSibling;
  if (next) return next;
  const chunks = [...token.closest(".flow").querySelectorAll("p")];
  const chunk = chunks[chunks.indexOf(token.parentElement) + step];
  return chunk && (step > 0 ? chunk.firstElementChild : chunk.lastElementChild);
}

function focus(token) {
  token.closest(".flow").querySelector("[tabindex]").removeAttribute("tabindex");
  token.tabIndex = 0;
  token.focus({ preventScroll: true });
  token.scrollIntoView({ block: "nearest" });
  show(token);
}

document.addEventListener("keydown", (event) => {
  const token = tokenAt(event.target);
  if (event.key === "Escape") return hide();
  if (!token || event.ctrlKey || event.metaKey || event.altKey) return;
  const chunks = token.closest(".flow").querySelectorAll("p");
  const goal = {
    ArrowRight: () => beside(token, 1),
    ArrowLeft: () => beside(token, -1),
    Home: () => chunks[0].firstElementChild,
    End: () => chunks[chunks.length - 1].lastElementChild,
  }[event.key]?.();
  if (!goal) return;
  event.preventDefault();
  focus(goal);
});
document.addEventListener("click", (event) => {
  const copy = event.target.closest('[data-pellucid="copy"]');
  if (copy) return navigator.clipboard.writeText(document.querySelector(JSON.parse(copy.dataset.value)).innerText);
  const token = tokenAt(event.target);
  if (token && getSelection().isCollapsed) focus(token);
});

for (const flow of document.querySelectorAll(".flow")) {
  const first = flow.querySelector("i");
  if (first) first.tabIndex = 0;
}
