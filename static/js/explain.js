// Behind an answer, and on a place's page: where the network looked, a guess beside the photo, the map.
import { dress } from "./pictures.js";

const byId = (id) => document.getElementById(id);

// Lays the heat map over the photo, or takes it away.
function toggleHeat(button) {
  const words = button.parentElement.querySelector(".looked-words");
  const frame = byId("frame");
  const shown = frame.querySelector(".heat");
  button.setAttribute("aria-pressed", String(!shown));
  words.textContent = shown ? "" : words.dataset.words;
  if (shown) return shown.remove();
  const image = new Image();
  image.className = "heat";
  image.alt = words.dataset.words;
  image.src = button.dataset.heat;
  frame.append(image);
}

// Puts the comparison that a link leads to under the guesses; a second press takes it away.
async function compare(link) {
  const list = link.closest("ol");
  const open = list.parentElement.querySelector(".compared");
  const pressed = list.querySelector("[aria-expanded=true]");
  open?.remove();
  pressed?.setAttribute("aria-expanded", "false");
  if (pressed === link) return;
  link.setAttribute("aria-expanded", "true");
  const part = await fetched(link.href).catch(() => null);
  if (!part) return location.assign(link.href); // it says what is wrong
  if (link.getAttribute("aria-expanded") !== "true" || !link.isConnected) return; // pressed again meanwhile
  const title = document.createElement("h2");
  title.textContent = part.querySelector("h1").textContent;
  title.tabIndex = -1;
  part.querySelector("h1").replaceWith(title);
  list.after(document.adoptNode(part));
  dress(part);
  title.focus({ preventScroll: true });
  part.scrollIntoView({ block: "nearest" });
}

async function fetched(url) {
  const response = await fetch(url, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.getElementById("compared");
}

function load(tag, values) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(tag), values);
    element.onload = resolve;
    element.onerror = reject;
    document.head.append(element);
  });
}

// Draws the map instead of the locator. Until this press nothing of it is loaded, from here or elsewhere.
async function showMap(button) {
  const { script, style, latitude, longitude, tiles, closer, farther, failed, map: name } = button.dataset;
  const offer = button.parentElement;
  button.disabled = true;
  try {
    await Promise.all([load("script", { src: script }), load("link", { rel: "stylesheet", href: style })]);
  } catch {
    button.disabled = false;
    return (offer.querySelector("span").textContent = failed);
  }
  const box = document.createElement("div");
  box.className = "map";
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", name);
  offer.parentElement.querySelector(".locator").replaceWith(box);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const point = [Number(latitude), Number(longitude)];
  const quiet = { fadeAnimation: !still, zoomAnimation: !still, markerZoomAnimation: !still };
  const map = L.map(box, { center: point, zoom: 15, zoomControl: false, scrollWheelZoom: false, ...quiet });
  map.attributionControl.setPrefix(false);
  L.control.zoom({ zoomInTitle: closer, zoomOutTitle: farther }).addTo(map);
  // Who serves the tiles learns which site asks, as OpenStreetMap wants, and not which page.
  const layer = L.tileLayer(tiles, { maxZoom: 19, attribution: credit(button.dataset), referrerPolicy: "origin" });
  layer.on("tileerror", () => (offer.textContent = failed)).addTo(map);
  L.circleMarker(point, { radius: 9, weight: 3, interactive: false, className: "map-point" }).addTo(map);
  offer.replaceChildren();
  box.focus({ preventScroll: true });
}

function credit({ credit: text, creditUrl }) {
  const element = document.createElement(creditUrl ? "a" : "span");
  element.textContent = text;
  if (creditUrl) Object.assign(element, { href: creditUrl, rel: "noopener noreferrer" });
  return element.outerHTML;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-compare]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    compare(link);
  }
  const heat = event.target.closest("[data-heat]");
  if (heat) toggleHeat(heat);
  const map = event.target.closest("[data-map]");
  if (map) showMap(map);
});
