// Loaded before the style sheets, so that no page flashes in the wrong colours.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const modes = ["system", "light", "dark"];

  function remembered() {
    try {
      return modes.includes(localStorage.mode) ? localStorage.mode : "system";
    } catch {
      return "system"; // storage may be forbidden
    }
  }

  function apply(mode) {
    root.dataset.mode = mode;
    root.dataset.bsTheme = mode === "system" ? (dark.matches ? "dark" : "light") : mode;
  }

  function next() {
    const mode = modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length];
    try {
      localStorage.mode = mode;
    } catch {
      // then it holds for this page only
    }
    apply(mode);
  }

  root.classList.add("js");
  apply(remembered());
  dark.addEventListener("change", () => apply(root.dataset.mode));
  document.addEventListener("click", (event) => event.target.closest("#mode") && next());
})();
