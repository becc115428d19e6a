"use strict";
(() => {
  const stops = [...document.querySelectorAll("[data-stop]")];
  const first = document.getElementById("first");
  const at = document.getElementById("at");
  let now = -1;
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function show(number, behavior) {
    if (!stops.length) return;
    now = (number + stops.length) % stops.length;
    const stop = stops[now];
    for (let above = stop.parentElement; above; above = above.parentElement) {
      if (above.tagName === "DETAILS") above.open = true;
    }
    stop.focus({ preventScroll: true });
    stop.scrollIntoView({ block: stop.offsetHeight > innerHeight * 0.8 ? "start" : "center", behavior: quiet ? "auto" : behavior });
    at.textContent = `${now + 1} of ${stops.length}`;
  }

  const actions = {
    n: () => show(now + 1, "smooth"),
    p: () => show(now < 0 ? -1 : now - 1, "smooth"),
    f: () => first && show(stops.indexOf(first), "smooth"),
    e: () => {
      const all = [...document.querySelectorAll("details")];
      const open = all.some((each) => !each.open);
      for (const each of all) each.open = open;
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  for (const button of document.querySelectorAll("button[data-key]")) {
    button.addEventListener("click", () => actions[button.dataset.key]());
  }
  document.addEventListener("focusin", (event) => {
    const found = stops.indexOf(event.target);
    if (found >= 0) { now = found; at.textContent = `${now + 1} of ${stops.length}`; }
  });
  at.textContent = stops.length === 1 ? "1 place" : `${stops.length} places`;
  // Where the summary stands beside the timeline, the page opens at the first divergence; else at its top.
  if (first && first.dataset.stop === "open" && !location.hash && matchMedia("(min-width: 70rem)").matches) show(stops.indexOf(first), "instant");
})();
