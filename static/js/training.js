// Keeps what is going on up to date; when it has ended, the page is loaded anew with what came of it.
"use strict";

const EVERY_MS = 2000;

const refresh = async () => {
  const shown = document.getElementById("live");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (!fresh || !("open" in fresh.dataset)) {
      location.reload();
      return;
    }
    // What is said aloud changes only when its words do.
    if (fresh.innerHTML !== shown.innerHTML) {
      const status = shown.querySelector("[role=status]");
      const words = fresh.querySelector("[role=status]");
      if (status && words && status.textContent === words.textContent) words.replaceWith(status);
      shown.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // The site may be restarting; the next try tells.
  }
};

if (document.querySelector("#live[data-open]")) setInterval(refresh, EVERY_MS);
