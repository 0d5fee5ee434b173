// Searches of this device, kept in this browser only: nothing here is sent to the site.
const KEY = "searches";
const MOST = 50;
const THUMB_SIDE = 96; // pixels
const THUMB_MOST = 6 * 1024; // characters
const byId = (id) => document.getElementById(id);

// What is kept, newest first, without what the site has deleted by now.
function kept() {
  try {
    const all = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return all.filter((entry) => Date.parse(entry.expires) > Date.now());
  } catch {
    return []; // storage may be forbidden, or written by somebody else
  }
}

function keep(entries) {
  try {
    if (entries.length) localStorage.setItem(KEY, JSON.stringify(entries.slice(0, MOST)));
    else localStorage.removeItem(KEY);
  } catch {
    // full or forbidden: then there is no history
  }
}

export function forget(id) {
  keep(kept().filter((entry) => entry.id !== id));
}

// Remembers the search on screen, if it is this visitor's and answered.
export async function remember() {
  const { own, page, name, at, expires } = byId("words")?.dataset ?? {};
  if (!own) return;
  const image = byId("frame").querySelector("img");
  await image?.decode().catch(() => null);
  const thumb = image?.naturalWidth ? small(image) : "";
  const [before] = kept().filter((entry) => entry.id === own);
  const others = kept().filter((entry) => entry.id !== own);
  const entry = { id: own, page, name, at, expires, thumb: thumb || before?.thumb || "" };
  keep([entry, ...others].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)));
}

function small(image) {
  const scale = Math.min(1, THUMB_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.7, 0.4, 0.1]) {
    const url = canvas.toDataURL("image/jpeg", quality);
    if (url.length <= THUMB_MOST) return url;
  }
  return "";
}

function draw() {
  const entries = kept();
  byId("history").querySelector("ul").replaceChildren(...entries.map(row));
  for (const [part, shown] of [[".history-none", !entries.length], [".forget-all", entries.length], [".history-note", entries.length]]) {
    byId("history").querySelector(part).hidden = !shown;
  }
}

function row(entry) {
  const item = byId("entry").content.cloneNode(true);
  const when = new Date(entry.at);
  const time = item.querySelector("time");
  // Only our own pages: what is stored could have been written by another page of this origin.
  item.querySelector("a").href = `/s/${encodeURIComponent(entry.id)}/`;
  item.querySelector(".history-name").textContent = entry.name;
  item.querySelector("bdi").textContent = entry.name;
  time.dateTime = entry.at;
  time.textContent = when.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  if (String(entry.thumb).startsWith("data:image/jpeg")) item.querySelector("img").src = entry.thumb;
  item.querySelector("button").dataset.id = entry.id;
  return item;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".forget, .forget-all");
  if (!button || !byId("history")) return;
  if (button.dataset.id) forget(button.dataset.id);
  else keep([]);
  draw();
  (byId("history").querySelector(".forget") ?? byId("history").querySelector(".all")).focus();
});

document.addEventListener("submit", ({ target }) => {
  const deleted = target.getAttribute("action")?.match(/^\/s\/([0-9a-f-]+)\/delete\/$/);
  if (deleted) forget(deleted[1]);
});

const { gone } = document.querySelector("script[data-gone]")?.dataset ?? {};
if (gone) forget(gone);
if (byId("history")) {
  draw();
  addEventListener("storage", draw); // another tab searched or forgot
}
