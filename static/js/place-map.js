// In the admin: moves a place on a map. The two number fields stay the truth, and do without this.

const UNITS = 4; // of our map of the world a degree; its corner is at 180° west and 84° north
const NORTH = 84;
const WORLD = { width: 1440, height: 568 };
const CLOSEST = 256;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const box = document.getElementById("place-map");
const fields = { latitude: document.getElementById("id_latitude"), longitude: document.getElementById("id_longitude") };
if (box && fields.latitude && fields.longitude) begin();

function begin() {
  const land = box.querySelector(".place-map-land");
  const svg = land.querySelector("svg");
  const point = land.querySelector(".place-map-point");
  const said = box.querySelector(".place-map-at");
  let zoom = 1;
  let view = { x: 0, y: 0, ...WORLD };
  const followers = [];
  box.hidden = false;

  // Where the fields say it is; the middle of nowhere as long as they say nothing.
  function here() {
    const [latitude, longitude] = [fields.latitude, fields.longitude].map((field) => parseFloat(field.value));
    return { latitude: latitude || 0, longitude: longitude || 0 };
  }

  function look(again) {
    const { latitude, longitude } = here();
    const at = { x: (longitude + 180) * UNITS, y: Math.min(Math.max((NORTH - latitude) * UNITS, 0), WORLD.height) };
    const outside = at.x < view.x || at.y < view.y || at.x > view.x + view.width || at.y > view.y + view.height;
    if (again || outside) {
      const [width, height] = [WORLD.width / zoom, WORLD.height / zoom];
      const x = Math.min(Math.max(at.x - width / 2, 0), WORLD.width - width);
      view = { x, y: Math.min(Math.max(at.y - height / 2, 0), WORLD.height - height), width, height };
      svg.setAttribute("viewBox", `${view.x} ${view.y} ${width} ${height}`);
    }
    point.style.setProperty("left", `${(100 * (at.x - view.x)) / view.width}%`);
    point.style.setProperty("top", `${(100 * (at.y - view.y)) / view.height}%`);
    said.textContent = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
    followers.forEach((follow) => follow(latitude, longitude));
  }

  function put(latitude, longitude) {
    fields.latitude.value = Number(Math.min(Math.max(latitude, -90), 90).toFixed(5));
    fields.longitude.value = Number(Math.min(Math.max(longitude, -180), 180).toFixed(5));
    look();
  }

  function putAt(event) {
    const frame = svg.getBoundingClientRect();
    const x = Math.min(Math.max((event.clientX - frame.left) / frame.width, 0), 1);
    const y = Math.min(Math.max((event.clientY - frame.top) / frame.height, 0), 1);
    put(NORTH - (view.y + y * view.height) / UNITS, (view.x + x * view.width) / UNITS - 180);
  }

  // A key moves it by a pixel of what is seen.
  function step(event, degrees) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? degrees * 20 : degrees;
    const { latitude, longitude } = here();
    put(latitude + move[1] * far, longitude + move[0] * far);
  }

  svg.addEventListener("click", putAt);
  point.addEventListener("pointerdown", (event) => point.setPointerCapture(event.pointerId));
  point.addEventListener("pointermove", (event) => point.hasPointerCapture(event.pointerId) && putAt(event));
  point.addEventListener("keydown", (event) => step(event, view.width / svg.clientWidth / UNITS));
  Object.values(fields).forEach((field) => field.addEventListener("input", () => look()));
  box.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.zoom) {
      zoom = Math.min(Math.max(zoom * Number(button.dataset.zoom), 1), CLOSEST);
      look(true);
    }
    if (button?.dataset.tiles) showTiles(button, { here, put, step, followers });
  });
  look();
}

// Until this press nothing is loaded from whoever serves the tiles.
async function showTiles(button, { here, put, step, followers }) {
  const { script, style, tiles, closer, farther, point: label, failed } = button.dataset;
  const told = button.nextElementSibling;
  button.disabled = true;
  try {
    await Promise.all([load("script", { src: script }), load("link", { rel: "stylesheet", href: style })]);
  } catch {
    button.disabled = false;
    return (told.textContent = failed);
  }
  const frame = document.createElement("div");
  frame.className = "place-map-tiles";
  box.append(frame);
  const { latitude, longitude } = here();
  const known = document.getElementById("id_latitude").value !== "";
  const map = L.map(frame, { center: [latitude, longitude], zoom: known ? 15 : 2, zoomControl: false, scrollWheelZoom: false });
  map.attributionControl.setPrefix(false);
  L.control.zoom({ zoomInTitle: closer, zoomOutTitle: farther }).addTo(map);
  const layer = L.tileLayer(tiles, { maxZoom: 19, attribution: credit(button.dataset), referrerPolicy: "origin" });
  layer.on("tileerror", () => (told.textContent = failed)).addTo(map);
  const icon = L.divIcon({ className: "place-map-pin", iconSize: [24, 24] });
  const pin = L.marker([latitude, longitude], { icon, draggable: true, alt: label, title: label }).addTo(map);
  pin.on("drag", () => put(pin.getLatLng().lat, pin.getLatLng().lng));
  pin.getElement().setAttribute("aria-label", label);
  pin.getElement().addEventListener("keydown", (event) => step(event, 360 / 256 / 2 ** map.getZoom()));
  map.on("click", (event) => put(event.latlng.lat, event.latlng.wrap().lng));
  followers.push((lat, lng) => {
    pin.setLatLng([lat, lng]);
    if (!map.getBounds().contains([lat, lng])) map.panTo([lat, lng]);
  });
  button.remove();
}

function load(name, about) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(name), about, { onload: resolve, onerror: reject });
    document.head.append(element);
  });
}

function credit({ credit: text, creditUrl }) {
  const element = document.createElement(creditUrl ? "a" : "span");
  element.textContent = text;
  if (creditUrl) Object.assign(element, { href: creditUrl, rel: "noopener noreferrer" });
  return element.outerHTML;
}
