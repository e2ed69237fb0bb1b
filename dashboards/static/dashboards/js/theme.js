// Runs before the first paint: a remembered theme must not flash.
// A choice that equals the system's is forgotten, so the page follows the system again.
"use strict";
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const systemTheme = () => (system.matches ? "dark" : "light");
  const remembered = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const remember = (theme) => {
    try {
      if (theme) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch { /* a browser that keeps nothing still gets the theme for this page */ }
  };

  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    document.dispatchEvent(new CustomEvent("theme"));
  };

  root.classList.add("js");
  show(remembered());
  system.addEventListener("change", () => document.dispatchEvent(new CustomEvent("theme")));

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const next = (root.dataset.theme || systemTheme()) === "dark" ? "light" : "dark";
    const choice = next === systemTheme() ? null : next;
    remember(choice);
    show(choice);
  });
})();
