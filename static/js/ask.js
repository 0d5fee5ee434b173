// Asking: choose, drop, paste, or an address; shows the photo at once and sends it.
import { cookieSeconds, fitPhoto, maxBytes, resume, say, texts, watch } from "./answer.js";

const byId = (id) => document.getElementById(id);
const API = "/api/v1/searches/";
let current = new AbortController(); // the search on screen
let shownPath = location.pathname;

function tell(text) {
  byId("tell").textContent = text;
}

// A photo, by whichever way it came.
function take(files) {
  tell("");
  if (files.length > 1) return tell(texts.oneOnly);
  const [file] = files;
  if (!file) return;
  if (file.size > maxBytes) return tell(texts.tooBig);
  begin();
  showWaiting(file);
  sendPhoto(file, current.signal);
}

function begin() {
  current.abort();
  current = new AbortController();
}

function showWaiting(file) {
  byId("page").replaceChildren(byId("waiting").content.cloneNode(true));
  offerPaste();
  scrollTo(0, 0);
  if (!file) return;
  const image = new Image();
  image.alt = "";
  const blank = byId("frame").firstElementChild;
  image.onload = () => {
    blank.replaceWith(image);
    fitPhoto();
  };
  image.src = URL.createObjectURL(file); // what the browser cannot show keeps the blank
}

async function sendPhoto(file, signal) {
  const body = new FormData();
  body.append("image", file, "photo"); // names of files are nobody's business
  const since = performance.now();
  say(texts.sending);
  let answer;
  try {
    answer = await post(body, signal);
  } catch {
    answer = null;
  }
  if (signal.aborted) return;
  byId("sent").hidden = true;
  if (answer && answer.status < 300) follow(answer.data, signal, since);
  else showFailed(answer, () => again(file));
}

function again(file) {
  begin();
  showWaiting(file);
  sendPhoto(file, current.signal);
}

async function sendUrl(form) {
  const wrong = form.querySelector(".wrong");
  const field = form.elements.url;
  begin();
  const { signal } = current;
  const since = performance.now();
  const body = new FormData();
  body.append("url", field.value.trim());
  tell("");
  mark(field, wrong, "");
  form.dataset.busy = "";
  wrong.dataset.state = "busy";
  wrong.textContent = texts.asking;
  let answer = null;
  try {
    answer = await post(body, signal);
  } catch {
    // told below
  }
  delete form.dataset.busy;
  delete wrong.dataset.state;
  if (signal.aborted) return;
  if (!answer || answer.status >= 300) return mark(field, wrong, answer?.data?.error?.message ?? texts.network);
  showWaiting(null);
  follow(answer.data, signal, since);
}

function mark(field, wrong, message) {
  wrong.textContent = message;
  field.toggleAttribute("aria-invalid", Boolean(message));
  if (message) field.focus();
}

// Sends a form; resolves with status and JSON, rejects when the site cannot be reached.
function post(body, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    request.open("POST", API);
    request.responseType = "json";
    request.onload = () => resolve({ status: request.status, data: request.response });
    request.onerror = request.onabort = reject;
    request.upload.onprogress = ({ loaded, total }) => showSent(loaded / total);
    signal.addEventListener("abort", () => request.abort(), { once: true });
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
  // Only the search's own page is told who owns it, for GPS, feedback and deleting.
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const scope = `path=${search.page_url}; max-age=${cookieSeconds}; SameSite=Lax${secure}`;
  document.cookie = `owner_${search.id}=${search.owner_token}; ${scope}`;
  history.pushState(null, "", search.page_url);
  shownPath = location.pathname;
  watch(search, signal, since);
}

function showFailed(answer, retry) {
  const words = byId("words");
  words.replaceChildren(byId("failed").content.cloneNode(true));
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
  else if (isAddress(text)) takeAddress(text);
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

function offerPaste() {
  if (!navigator.clipboard?.read) return;
  for (const button of document.querySelectorAll("main .paste")) button.hidden = false;
}

document.addEventListener("change", (event) => {
  if (event.target.name !== "image") return;
  const files = [...event.target.files];
  event.target.value = ""; // the same photo may be chosen again
  take(files);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.ask")) return;
  event.preventDefault();
  if (event.target.elements.url.value.trim()) sendUrl(event.target);
  else event.target.elements.url.focus();
});

document.addEventListener("click", (event) => event.target.closest(".paste") && takeClipboard());

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

offerPaste();
fitPhoto();
const { url } = byId("search")?.dataset ?? {};
if (url) resume(url, current.signal);
