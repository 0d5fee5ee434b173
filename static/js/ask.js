// Asking: choose, take, drop, paste, or an address; shows the photo at once and sends it, or first the part that matters.
import { clock, cookieSeconds, fitPhoto, maxBytes, resume, say, settle, texts, watch } from "./answer.js";
import { partOf, select, shade } from "./crop.js";
import { dress } from "./pictures.js";
import { shrink } from "./shrink.js";
import { follow as keepTray, offer } from "./tray.js";

const byId = (id) => document.getElementById(id);
const API = "/api/v1/searches/";
const GRACE_MS = 300;
let current = new AbortController(); // the search on screen
let followed = null; // its first JSON, once the site has it
let rest = null; // the page as it was before it
let cropFirst = false;
let shownPath = location.pathname;
// A photo that is sent from a place's page is compared with that place.
const cameFrom = document.querySelector("[data-came-from]")?.dataset.cameFrom ?? new URLSearchParams(location.search).get("place");

function tell(text) {
  byId("tell").textContent = text;
}

// Photos, by whichever way they came.
function take(files) {
  tell("");
  if (files.length < 2) return files.length && open(files[0]);
  const photos = files.filter(({ type, name }) => type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(name));
  if (!photos.length) return tell(texts.noPhotos);
  if (photos.length === 1) return open(photos[0]);
  offer(photos, (n) => texts.photo.replace("{n}", n), open);
}

async function open(file) {
  const { signal } = begin();
  let photo = file;
  if (file.size > maxBytes) {
    tell(texts.shrinking);
    photo = await shrink(file, maxBytes);
    if (signal.aborted) return;
    tell(photo ? "" : texts.tooBig);
    if (!photo) return;
  }
  leave();
  const shown = showWaiting(URL.createObjectURL(photo));
  if (!cropFirst) return sendPhoto(photo, "", signal);
  const seen = await shown;
  if (signal.aborted) return;
  if (seen) return offerCrop(photo, signal);
  tell(texts.notShown);
  sendPhoto(photo, "", signal);
}

function begin() {
  current.abort();
  current = new AbortController();
  followed = null;
  return current;
}

// Remembers the page that a cancelled search goes back to.
function leave() {
  const { state } = byId("words")?.dataset ?? { state: "done" };
  if (state === "done" || state === "failed") {
    rest = { nodes: [...byId("page").childNodes], address: location.href, title: document.title };
  }
}

function goBack(message) {
  if (!rest) return location.assign("/");
  const path = location.pathname;
  byId("page").replaceChildren(...rest.nodes);
  history.replaceState(null, "", rest.address);
  document.title = rest.title;
  shownPath = location.pathname;
  if (byId("photo")?.dataset.open !== undefined && path !== shownPath) return location.reload(); // it is still being answered
  dressForm();
  tell(message);
  byId("page").focus({ preventScroll: true });
}

async function cancel() {
  const search = followed;
  begin();
  goBack(texts.cancelled);
  if (search && !(await discard(search))) tell(texts.notDeleted);
}

// Has the site forget a search that nobody wants any more; returns whether it did.
async function discard({ url, owner_token: token }) {
  try {
    return (await fetch(url, { method: "DELETE", headers: { "X-Owner-Token": token }, keepalive: true })).ok;
  } catch {
    return false;
  }
}

// Shows the page of a search at work, with the photo at `source`; resolves with whether the browser can show that.
function showWaiting(source) {
  byId("page").replaceChildren(byId("waiting").content.cloneNode(true));
  keepTray(byId("search"));
  dressForm();
  scrollTo(0, 0);
  if (!source) return Promise.resolve(false);
  const image = new Image();
  image.alt = "";
  const blank = byId("frame").firstElementChild;
  return new Promise((resolve) => {
    image.onload = () => {
      blank.replaceWith(image);
      fitPhoto();
      resolve(true);
    };
    image.onerror = () => resolve(false); // the blank stays
    image.src = source;
  });
}

function offerCrop(photo, signal) {
  const words = byId("words");
  words.replaceChildren(byId("cropping").content.cloneNode(true));
  delete byId("photo").dataset.open;
  const form = words.querySelector("form");
  const close = select(byId("frame"), form, texts.frame);
  byId("frame").querySelector(".crop-frame").focus({ preventScroll: true });
  const send = (crop) => {
    close();
    if (crop) shade(byId("frame"), crop);
    words.replaceWith(byId("waiting").content.getElementById("words").cloneNode(true));
    byId("photo").dataset.open = "";
    sendPhoto(photo, crop, signal);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(partOf(form));
  });
  words.querySelector(".whole").addEventListener("click", () => send(""));
  words.querySelector(".remove").addEventListener("click", () => goBack(""));
}

async function sendPhoto(photo, crop, signal) {
  const body = new FormData();
  body.append("image", photo, "photo"); // names of files are nobody's business
  if (crop) body.append("crop", crop);
  const since = performance.now();
  say(texts.sending);
  clock(since, signal);
  const answer = await post(body, signal).catch(() => null);
  if (signal.aborted) return;
  byId("sent").hidden = true;
  if (answer && answer.status < 300) follow(answer.data, signal, since);
  else showFailed(answer, () => again(photo, crop));
}

async function again(photo, crop) {
  const { signal } = begin();
  const shown = showWaiting(URL.createObjectURL(photo));
  sendPhoto(photo, crop, signal);
  if ((await shown) && crop) shade(byId("frame"), crop);
}

async function sendUrl(form) {
  const wrong = form.querySelector(".wrong");
  const field = form.elements.url;
  const { signal } = begin();
  const since = performance.now();
  const body = new FormData();
  body.append("url", field.value.trim());
  tell("");
  mark(field, wrong, "");
  form.dataset.busy = "";
  wrong.dataset.state = "busy";
  wrong.textContent = texts.asking;
  const answer = await post(body, signal).catch(() => null);
  delete form.dataset.busy;
  delete wrong.dataset.state;
  if (signal.aborted) return;
  if (!answer || answer.status >= 300) return mark(field, wrong, answer?.data?.error?.message ?? texts.network);
  leave();
  showWaiting("");
  clock(since, signal);
  follow(answer.data, signal, since);
}

function mark(field, wrong, message) {
  wrong.textContent = message;
  field.toggleAttribute("aria-invalid", Boolean(message));
  if (message) field.focus();
}

// Looks at a part of the photo on screen, which the site has already.
async function askAgain(form, button) {
  const body = new FormData(form, button);
  const crop = body.has("whole") ? "" : partOf(form);
  const source = byId("frame").querySelector("img")?.src;
  const { signal } = begin();
  leave();
  const shown = showWaiting(source);
  say(texts.looking);
  clock(performance.now(), signal);
  if ((await shown) && crop) shade(byId("frame"), crop);
  try {
    const response = await fetch(form.action, { method: "POST", body, signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (signal.aborted) return;
    if (response.redirected) history.pushState(null, "", response.url);
    shownPath = location.pathname;
    document.title = page.title;
    byId("page").replaceChildren(...document.adoptNode(page.getElementById("page")).childNodes);
    dress(byId("page"));
    start();
    byId("page").querySelector("h1")?.focus({ preventScroll: true });
  } catch {
    if (!signal.aborted) goBack(texts.network);
  }
}

// Sends a form; resolves with status and JSON, rejects when the site cannot be reached.
function post(body, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    let sent = false;
    request.open("POST", API);
    request.responseType = "json";
    request.onload = () => {
      // What was cancelled after all of it had been sent is a search by now.
      if (signal.aborted && request.response?.owner_token) discard(request.response);
      resolve({ status: request.status, data: request.response });
    };
    request.onerror = request.onabort = reject;
    request.upload.onprogress = ({ loaded, total }) => signal.aborted || showSent(loaded / total);
    request.upload.onload = () => (sent = true);
    // What has just arrived could no longer be taken back by hanging up: a moment to learn of it.
    signal.addEventListener("abort", () => setTimeout(() => sent || request.abort(), GRACE_MS), { once: true });
    request.send(body);
  });
}

function showSent(part) {
  const sent = byId("sent");
  if (!sent) return;
  sent.value = part;
  sent.hidden = part >= 1;
}

function follow(search, signal, since) {
  followed = search;
  // Only the search's own page is told who owns it, for GPS, feedback and deleting.
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const scope = `path=${search.page_url}; max-age=${cookieSeconds}; SameSite=Lax${secure}`;
  document.cookie = `owner_${search.id}=${search.owner_token}; ${scope}`;
  history.pushState(null, "", search.page_url + (cameFrom ? `?place=${encodeURIComponent(cameFrom)}` : ""));
  shownPath = location.pathname;
  watch(search, signal, since);
}

function showFailed(answer, retry) {
  const words = byId("words");
  words.replaceChildren(byId("failed").content.cloneNode(true));
  words.dataset.state = "failed";
  const known = answer?.data?.error?.message;
  words.querySelector(".failed-why").textContent = known ?? (answer ? texts.broken : texts.network);
  const worthIt = !answer || answer.status === 429 || answer.status >= 500;
  const button = words.querySelector(".retry");
  if (worthIt) button.addEventListener("click", retry);
  else button.remove();
  delete byId("photo").dataset.open;
  say("");
  words.querySelector("h1").focus({ preventScroll: true });
}

function isAddress(text) {
  return /^https?:\/\/\S+$/i.test(text.trim());
}

function takeAddress(text) {
  const form = document.querySelector("main form.ask");
  form.elements.url.value = text.trim();
  sendUrl(form);
}

function takeTransfer(transfer) {
  const files = [...transfer.files];
  const text = transfer.getData("text/uri-list") || transfer.getData("text/plain");
  if (files.length) take(files);
  else if (isAddress(text) && document.querySelector("main form.ask")) takeAddress(text);
  else return false;
  return true;
}

async function takeClipboard() {
  tell("");
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((name) => name.startsWith("image/"));
      if (type) return take([await item.getType(type)]);
      const text = item.types.includes("text/plain") ? await (await item.getType("text/plain")).text() : "";
      if (isAddress(text)) return takeAddress(text);
    }
  } catch {
    // not allowed to look, or nothing there: the sentence is the same
  }
  tell(texts.nothingPasted);
}

// What a form can do with scripts only.
function dressForm() {
  for (const field of document.querySelectorAll("main input[name=image]:not([capture])")) field.multiple = true;
  for (const tick of document.querySelectorAll("main .crop-first input")) tick.checked = cropFirst;
  if (!navigator.clipboard?.read) return;
  for (const button of document.querySelectorAll("main .paste")) button.hidden = false;
}

document.addEventListener("change", ({ target }) => {
  if (target.closest(".crop-first")) cropFirst = target.checked;
  if (target.name !== "image") return;
  const files = [...target.files];
  target.value = ""; // the same photo may be chosen again
  take(files);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches(".part-form")) {
    event.preventDefault();
    askAgain(form, event.submitter);
  }
  if (!form.matches("form.ask")) return;
  event.preventDefault();
  if (form.elements.url.value.trim()) sendUrl(form);
  else form.elements.url.focus();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest(".paste")) takeClipboard();
  if (target.closest(".cancel")) cancel();
});

let closeCrop = null; // of the answer on screen
document.addEventListener("toggle", toggled, true); // it does not bubble
function toggled({ target }) {
  if (!target.matches?.("details.part")) return;
  closeCrop?.();
  const form = target.querySelector("form");
  const shown = target.open && byId("frame").querySelector("img")?.naturalWidth;
  closeCrop = shown ? select(byId("frame"), form, texts.frame, form.dataset.crop?.split(",").map(Number)) : null;
}

document.addEventListener("paste", (event) => {
  const typing = event.target.closest?.("input, textarea");
  if (typing && !event.clipboardData.files.length) return;
  if (takeTransfer(event.clipboardData)) event.preventDefault();
});

let dragging = 0; // how deep: every element that is crossed enters and leaves
document.addEventListener("dragenter", () => document.documentElement.classList.toggle("dragging", ++dragging > 0));
document.addEventListener("dragleave", () => document.documentElement.classList.toggle("dragging", --dragging > 0));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dragging = 0;
  document.documentElement.classList.remove("dragging");
  takeTransfer(event.dataTransfer);
});

addEventListener("popstate", () => location.pathname !== shownPath && location.reload());

// Takes up a page as the server has drawn it.
function start() {
  dressForm();
  settle();
  const search = byId("search");
  if (search) keepTray(search);
  if (search?.dataset.url) resume(search.dataset.url, current.signal);
}

start();
