// Rows of pictures: true aspects, orders at once, and what to do with those that do not come.
const RETRIES_MS = [2000, 4000]; // a picture of the web is fetched when it is first looked at
const LOOKS_MS = [3000, 5000, 10000, 20000]; // until pictures that were not looked at yet have scores

export function dress(root) {
  for (const tile of root.querySelectorAll(".rows [data-width]")) {
    shape(tile, tile.dataset.width / tile.dataset.height);
  }
  for (const image of root.querySelectorAll(".rows img")) {
    image.tries = 0;
    image.addEventListener("error", () => retry(image));
    image.addEventListener("load", () => shape(tileOf(image), image.naturalWidth / image.naturalHeight));
    if (image.complete && image.currentSrc) {
      if (image.naturalWidth) shape(tileOf(image), image.naturalWidth / image.naturalHeight);
      else retry(image);
    }
  }
  // The page that was taken over may have been drawn in another order than its address has.
  const wanted = new URLSearchParams(location.search).get("order");
  const link = [...root.querySelectorAll(".orders a:not([aria-current])")].find((each) => each.dataset.order === wanted);
  if (link) order(link);
  const pictures = root.querySelector("[data-waiting]");
  if (pictures) setTimeout(() => takeUp(pictures, 0), LOOKS_MS[0]);
}

const tileOf = (image) => image.closest(".tile, li");

function shape(tile, ratio) {
  if (ratio > 0) tile?.style.setProperty("--ratio", Math.min(3.2, Math.max(0.5, ratio)).toFixed(3));
}

function retry(image) {
  const pause = RETRIES_MS[image.tries++];
  if (pause === undefined) return drop(tileOf(image));
  const url = new URL(image.src);
  url.searchParams.set("try", image.tries);
  setTimeout(() => (image.src = url), pause);
}

// Takes away a picture that has vanished; the next of its near-copies stands for it.
function drop(tile) {
  const pack = tile?.closest("li");
  tile?.remove();
  pack?.querySelector(".tile")?.classList.remove("folded");
  if (pack && !pack.querySelector("img")) pack.remove();
}

// Draws the pictures anew as the server arranges them at `url`.
async function redraw(pictures, url) {
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok || !pictures.isConnected) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const drawn = page.getElementById("pictures");
  if (!drawn || !pictures.isConnected) return null;
  pictures.replaceWith(document.adoptNode(drawn));
  return drawn;
}

// Asks again for pictures that were not looked at yet; never moves any under the visitor's hand.
async function takeUp(pictures, turn) {
  if (!pictures.isConnected) return;
  const busy = document.hidden || pictures.matches(":hover, :focus-within");
  const drawn = busy ? null : await redraw(pictures, location.href).catch(() => null);
  if (drawn) {
    delete drawn.dataset.waiting; // this goes on here
    dress(drawn);
  }
  const now = drawn ?? pictures;
  if (turn + 1 < LOOKS_MS.length && (busy || now.querySelector(unseen) || !now.querySelector("li"))) {
    setTimeout(() => takeUp(now, turn + 1), LOOKS_MS[turn + 1]);
  }
}

const unseen = "[data-look='']";

function order(link) {
  const name = link.dataset.order;
  const score = (pack) => (pack.dataset[name] === "" ? -2 : Number(pack.dataset[name]));
  const rows = link.closest("section").querySelector("[data-packs]");
  rows.append(...[...rows.children].sort((a, b) => score(b) - score(a)));
  for (const other of link.parentElement.children) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  const kept = link.closest("section").querySelector(".narrow");
  if (kept) setField(kept, "order", name);
  history.replaceState(history.state, "", link.href);
}

function setField(form, name, value) {
  const field = form.elements[name] ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
  field.value = value;
}

async function narrow(select) {
  const url = new URL(location.href);
  url.search = new URLSearchParams([...new FormData(select.form)].filter(([, value]) => value));
  url.hash = "similar";
  const drawn = await redraw(select.closest(".pictures"), url).catch(() => null);
  if (!drawn) return location.assign(url);
  history.replaceState(history.state, "", url);
  dress(drawn);
  drawn.querySelector(`[name="${select.name}"]`)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".orders a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  order(link);
});
document.addEventListener("change", (event) => event.target.matches(".narrow select") && narrow(event.target));

dress(document);
