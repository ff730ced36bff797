"use strict";
// What the page does by itself: actions of buttons, keys, which conversation this tab shows.
(() => {
  const KEY = "pellucid-conversation";
  const one = (selector) => document.querySelector(selector);

  function act(action, value = null) {
    const box = one("#pellucid-action textarea, #pellucid-action input");
    if (!box) return;
    box.value = JSON.stringify({ action, value, n: performance.now() });
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pellucid]");
    if (!button) return;
    const value = JSON.parse(button.dataset.value || "null");
    if (button.dataset.pellucid === "copy") copy(button, value);
    else act(button.dataset.pellucid, value);
  });

  function copy(button, selector) {
    const from = one(selector);
    if (from) navigator.clipboard.writeText(from.innerText);
  }

  // The tab remembers the id of its conversation, and nothing else.
  let ready = false;
  new MutationObserver(() => {
    if (!ready && one("#pellucid-action textarea, #pellucid-action input")) {
      ready = true;
      act("open", sessionStorage.getItem(KEY));
    }
    const turns = one("[data-conversation]");
    if (turns && turns.dataset.conversation) sessionStorage.setItem(KEY, turns.dataset.conversation);
  }).observe(document, { childList: true, subtree: true });
})();
