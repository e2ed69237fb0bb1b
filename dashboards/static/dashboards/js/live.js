// Asks for the newest numbers every 15 seconds, unless that would pull something from under a reader.
"use strict";
(() => {
  const EVERY_MS = 15000;
  const live = document.querySelector("#live[data-live]");
  if (!live) return;
  const regions = ["#cards", "#cost-figure", "#unit-costs"].map((id) => document.querySelector(id));

  const inUse = () => regions.some((region) => {
    const now = region && document.querySelector(`#${region.id}`);
    return now && (now.querySelector("details[open]") || now.contains(document.activeElement) || now.matches(":hover"));
  });

  setInterval(() => {
    if (!document.hidden && !inUse()) live.dispatchEvent(new Event("refresh"));
  }, EVERY_MS);
})();
