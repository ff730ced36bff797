"use strict";
// Many things that can be pointed at, one stop of the Tab key: the arrows, Home and End move among
// the stretches of a prompt and the tokens of a reply. Without this script every one is a stop.
(() => {
  const STOPS = ".runs i[tabindex], .said-tokens > button";
  const stopsOf = (stop) => [...stop.closest("[data-roving]").querySelectorAll(STOPS)]
    .filter((each) => each.checkVisibility());

  document.addEventListener("focusin", ({ target }) => {
    if (!target.matches(STOPS)) return;
    for (const other of target.closest("[data-roving]").querySelectorAll(STOPS)) other.tabIndex = -1;
    target.tabIndex = 0;
  });

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(STOPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const stops = stopsOf(event.target);
    const at = stops.indexOf(event.target);
    const goal = {
      ArrowRight: stops[at + 1],
      ArrowLeft: stops[at - 1],
      Home: stops[0],
      End: stops[stops.length - 1],
    }[event.key];
    if (!goal) return;
    event.preventDefault();
    goal.focus();
  });
})();
