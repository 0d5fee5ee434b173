// Waiting for an answer: asks for the search over plain HTTP and takes over what the server has drawn.
import { remember } from "./history.js";
import { dress } from "./pictures.js";
import { offerSharing } from "./share.js";

export const { texts, maxBytes, cookieSeconds } = JSON.parse(document.getElementById("script").textContent);
const PAUSES_MS = [300, 500, 1000, 2000];
const PAUSE_MS = 3000;
const SILENT_MS = 2500;
const GIVE_UP_MS = 10 * 60 * 1000;

const byId = (id) => document.getElementById(id);
const ended = (state) => state === "done" || state === "failed";

export function say(text) {
  const status = byId("status");
  if (status && status.textContent !== text) status.textContent = text; // read out once a change
}

// Says every second how long a search has taken, once that is worth saying.
export function clock(since, signal) {
  const tick = setInterval(() => {
    const elapsed = byId("elapsed");
    if (!elapsed || signal.aborted) return clearInterval(tick);
    const seconds = Math.round((performance.now() - since) / 1000);
    if (seconds > 2) elapsed.textContent = texts.elapsed.replace("{n}", seconds);
  }, 1000);
}

// Follows a search from its first JSON until recognition and similar pictures have both ended.
export async function watch(search, signal, since = performance.now()) {
  const place = document.activeElement;
  let answered = false;
  let queue = { ahead: Infinity, since };
  for (let turn = 0; !signal.aborted; turn++) {
    try {
      const over = ended(search.state) && ended(search.similar.state);
      if (ended(search.state) && (!answered || over)) {
        await takeOver(search.page_url, answered ? ["more"] : ["words", "tools", "more"], signal);
        if (!answered) announce(place);
        answered = true;
      }
      if (over) return finish();
      queue = search.ahead < queue.ahead ? { ahead: search.ahead, since: turn ? performance.now() : since } : queue;
      say(sentence(search, performance.now() - queue.since));
    } catch {
      if (!signal.aborted) say(texts.offline);
    }
    if (performance.now() - since > GIVE_UP_MS) return say(texts.long);
    await pause(PAUSES_MS[turn] ?? PAUSE_MS, signal);
    search = (await look(search.url, signal)) ?? search;
  }
}

// Goes on with a search whose page was opened while it was still at work.
export async function resume(url, signal) {
  for (;;) {
    const search = await look(url, signal);
    if (search) return watch(search, signal);
    await pause(PAUSE_MS, signal);
    if (signal.aborted) return;
  }
}

function sentence(search, unmovedMs) {
  if (search.stage !== "waiting") return texts[search.stage] ?? "";
  if (unmovedMs > SILENT_MS) return texts.silent;
  return search.ahead ? texts.ahead.replace("{n}", search.ahead) : texts.waiting;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve, { once: true });
  });
}

async function look(url, signal) {
  try {
    const response = await fetch(url, { signal, cache: "no-store" });
    if (response.status === 404 || response.status === 410) location.reload(); // its page says why
    return response.ok ? await response.json() : null;
  } catch {
    if (!signal.aborted) say(texts.offline);
    return null;
  }
}

// Replaces parts of this page by the same parts of the search's page, which the server has drawn.
async function takeOver(url, ids, signal) {
  const asked = location.pathname === url ? url + location.search : url;
  const response = await fetch(asked, { signal, cache: "no-store" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (signal.aborted) return;
  for (const id of [...ids, ...(previewed() ? [] : ["frame"])]) byId(id).replaceWith(document.adoptNode(page.getElementById(id)));
  document.title = page.title;
  say(page.getElementById("status").textContent.trim());
  dress(byId("more"));
  settle();
}

// What an answer can do with scripts only.
export function settle() {
  fitPhoto();
  offerSharing(texts);
  remember();
}

// Tells the style sheet the photo's aspect, as soon as it is known.
export function fitPhoto() {
  const frame = byId("frame");
  const image = frame?.querySelector("img");
  if (!image) return;
  if (!image.naturalWidth) return image.addEventListener("load", fitPhoto, { once: true });
  frame.style.setProperty("--ratio", (image.naturalWidth / image.naturalHeight).toFixed(4));
  frame.style.setProperty("--natural", `${image.naturalWidth}px`);
  frame.classList.add("known");
}

function previewed() {
  const image = byId("frame").querySelector("img");
  return Boolean(image?.naturalWidth);
}

// Moves the focus to the answer, unless the visitor has moved it meanwhile.
function announce(place) {
  const now = document.activeElement;
  if (now === place || now === document.body) byId("words").querySelector("h1")?.focus({ preventScroll: true });
}

// A name that is none of the list would come back as a refusal, with the page gone.
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".feedback") || event.submitter?.value !== "no") return;
  const field = event.target.elements.place;
  const said = field.value.trim().toLowerCase();
  const listed = [...field.list.options].some(({ value, label }) => [value, label].some((name) => name.toLowerCase() === said));
  if (!said || listed) return;
  event.preventDefault();
  field.setCustomValidity(field.dataset.unknown);
  field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  field.reportValidity();
});

function finish() {
  delete byId("photo").dataset.open;
}
