"use strict";
// What the page does by itself: actions of buttons, keys, which conversation this tab shows.
(() => {
  const KEY = "pellucid-conversation";
  const ASKS = ["say", "retry", "alone", "resend", "branch"];  // the model; others only look
  const KEYS = [
    ["i or /", "write a message"],
    ["Enter, Shift+Enter", "send it, begin a new line"],
    ["Esc", "stop the reply"],
    ["j, k", "next, previous turn"],
    ["c, e, r", "copy the reply, edit what was said, another reply"],
    ["b, u", "branch here, take the last turn back"],
    ["w", "ask the turn again without the history"],
    ["1, 2, …", "the panels of the glass"],
    ["n, l, s", "new conversation, the kept ones, settings"],
  ];
  const EVERYWHERE = [
    ["Tab, Shift+Tab", "next, previous field or button"],
    ["Enter or Space", "press it"],
    ["↑ ↓ ← →", "another of several choices"],
    ["Esc", "leave a field, close what is open"],
    ["?", "this list"],
  ];
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];

  function act(action, value = null) {
    const id = ASKS.includes(action) ? "#pellucid-action" : "#pellucid-look";
    const box = one(`${id} textarea, ${id} input`);
    if (!box) return;
    box.value = JSON.stringify({ action, value, n: performance.now() });
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // -- buttons

  const here = {
    copy: (button, value) => copy(button, one(value)),
    "copy-code": (button) => copy(button, button.closest(".code").querySelector("pre")),
    fold: (_, value) => fold(value),
    keys: () => keys(),
    earlier: () => earlier(),
    resend: (button, value) => act("resend", { value, text: one(button.dataset.from).value }),
  };

  function press(button) {
    const value = JSON.parse(button.dataset.value || "null");
    const action = button.dataset.pellucid;
    if (here[action]) return here[action](button, value);
    if (action === "open" || action === "new") fold(null);
    button.closest("[popover]")?.hidePopover();
    act(action, value);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pellucid]");
    if (button) return press(button);
    const turn = event.target.closest("article[data-turn]");
    const other = event.target.closest("a, button, textarea, summary, input, .attached");
    if (turn && !other && !String(getSelection())) look(turn);
  });

  function look(turn) {
    if (turn.getAttribute("aria-current") !== "true") act("select", turn.dataset.turn);
  }

  async function copy(button, from) {
    if (!from) return;
    const text = from.innerText;
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // no clipboard where the page is not of this machine
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const words = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = words; }, 1200);
  }

  // -- a file dropped anywhere on the conversation goes along with the message

  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.target.closest?.("#talk") || event.target.closest("#words")) return;
      event.preventDefault();
      if (kind === "dragover") return;
      const { dataTransfer } = event;
      one("#words textarea").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer }));
    });
  }

  function fold(name) {
    const open = document.body.dataset.open === name ? null : name;
    if (open) document.body.dataset.open = open;
    else delete document.body.dataset.open;
    for (const button of all("[data-pellucid=fold]")) {
      button.setAttribute("aria-expanded", String(JSON.parse(button.dataset.value) === open));
    }
    if (open === "library") act("library");
    if (open) one(`#${open} textarea, #${open} input`)?.focus();
  }

  function keys() {
    let box = one("#keys");
    if (!box) {
      box = document.createElement("dialog");
      box.id = "keys";
      box.setAttribute("aria-label", "The keys of this page");
      const list = (keys) =>
        `<dl>${keys.map(([key, what]) => `<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`).join("")}</dl>`;
      box.innerHTML = `<h2>Keys</h2><h3>In the chat</h3>${list(KEYS)}<h3>On every tab</h3>`
        + `${list(EVERYWHERE)}<form method="dialog"><button>Close</button></form>`;
      document.body.append(box);
    }
    if (box.open) box.close();
    else box.showModal();
  }

  // -- keys

  const turns = () => all("article[data-turn]");
  const current = () => one("article[aria-current=true]") || turns().at(-1);
  const tap = (action) => current()?.querySelector(`[data-pellucid=${action}]`)?.click();

  function step(by) {
    const list = turns();
    const turn = list[Math.max(0, Math.min(list.length - 1, list.indexOf(current()) + by))];
    if (!turn) return;
    look(turn);
    turn.scrollIntoView({ block: "nearest" });
  }

  const pressed = {
    "?": keys,
    i: () => one("#words textarea")?.focus(),
    "/": () => one("#words textarea")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    c: () => tap("copy"),
    e: () => tap("edit"),
    r: () => tap("retry"),
    b: () => tap("fork"),
    w: () => tap("alone"),
    u: () => one("[data-pellucid=undo]")?.click(),
    n: () => act("new"),
    l: () => fold("library"),
    s: () => fold("settings"),
  };

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.closest('[role=tablist]') && moved(event)) return;
    if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.closest(".editing")) {
      return target.closest(".editing").querySelector("[data-pellucid=resend]").click();
    }
    if (key === "Escape") return escape_(event);
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]") && key !== "?") return;
    if (target.closest("input, textarea, select, [contenteditable=true]")) return;
    if (!one("#talk")?.offsetParent) {
      if (key === "?") keys();
      return;
    }
    if (key >= "1" && key <= "9") all("#glass [role=tab]")[key - 1]?.click();
    else if (pressed[key]) pressed[key]();
    else return;
    event.preventDefault();
  });

  function escape_(event) {
    const stop = one("[data-pellucid=stop]");
    if (one("dialog[open]")) return;
    if (stop) stop.click();
    else if (one(".editing")) one(".editing [data-pellucid=edit]").click();
    else if (document.body.dataset.open) fold(null);
    else event.target.blur?.();
  }

  function moved(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tabs = [...event.target.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    if (!by || !event.target.dataset.pellucid) return false;
    const next = tabs[(tabs.indexOf(event.target) + by + tabs.length) % tabs.length];
    focusAgain = `#${next.id}`;
    next.focus();
    next.click();
    event.preventDefault();
    return true;
  }

  // -- what changes

  let focusAgain = null;
  let written = null;
  new MutationObserver(() => {
    const id = one("[data-conversation]")?.dataset.conversation;
    // The tab remembers the id of its conversation, and nothing else.
    if (id && sessionStorage.getItem(KEY) !== id) sessionStorage.setItem(KEY, id);
    if (id) {
      const at = one("article.turn[data-turn]:last-of-type")?.dataset.turn || "";
      for (const link of all("a.export")) {
        const address = `/pellucid/conversations/${id}.${link.dataset.kind}?at=${at}`;
        if (link.getAttribute("href") !== address) {
          link.setAttribute("href", address);
          link.setAttribute("download", `conversation.${link.dataset.kind}`);
        }
      }
    }
    if (focusAgain && one(focusAgain)) {
      one(focusAgain).focus({ preventScroll: true });
      focusAgain = null;
    }
    follow();
    const editor = one(".editing textarea");
    if (editor && editor !== written) editor.focus();
    written = editor;
    name();
  }).observe(document, { childList: true, subtree: true, characterData: true });

  // The end of the conversation stays in sight unless one has scrolled away from it.
  let atEnd = true;
  document.addEventListener("scroll", (event) => {
    const box = event.target;
    if (box.id === "scroll") atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  }, true);
  let seen = "";
  let below = null;  // what was in sight stays there while earlier turns come above it
  function earlier() {
    const box = one("#scroll");
    below = box.scrollHeight - box.scrollTop;
    act("earlier");
  }
  function follow() {
    const box = one("#scroll");
    if (!box) return;
    if (below !== null && box.scrollHeight > below) {
      box.scrollTop = box.scrollHeight - below;
      below = null;
    }
    const id = one("[data-conversation]")?.dataset.conversation || "";
    if (id !== seen) {
      seen = id;
      atEnd = true;
    }
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  // Parts of Gradio that have no name of their own.
  function name() {
    for (const [selector, label] of [
      ["#words textarea", "Message"],
      ["#words input[type=file]", "Files to attach"],
      ["#words .upload-button", "Attach files"],
      ["#words .submit-button", "Send"],
      ["#import input[type=file]", "A conversation to import"],
    ]) {
      const part = one(selector);
      if (part && !part.getAttribute("aria-label")) part.setAttribute("aria-label", label);
    }
    const status = one("#status");
    if (status && !status.getAttribute("role")) {
      status.setAttribute("role", "status");
      status.setAttribute("aria-live", "polite");
    }
  }
})();
