// Several photos at once: which one first, and the others to be picked later. None of them is sent unasked.
const MOST = 24;
const urls = new Map();
let tray = null;

// Shows `files` above what is on the page; `pick` is called with the one that is pressed.
export function offer(files, name, pick) {
  putAway();
  tray = document.getElementById("several").content.cloneNode(true).firstElementChild;
  tray.querySelector("ul").append(...files.slice(0, MOST).map((file, i) => entry(file, name(i + 1), pick)));
  tray.querySelector(".clear").addEventListener("click", putAway);
  document.getElementById("page").prepend(tray);
  tray.querySelector("h2").focus();
}

function entry(file, name, pick) {
  const item = document.createElement("li");
  const button = item.appendChild(document.createElement("button"));
  button.type = "button";
  const image = button.appendChild(new Image());
  image.alt = "";
  image.onerror = () => image.remove(); // what this browser cannot show keeps its name
  urls.set(item, (image.src = URL.createObjectURL(file)));
  const words = button.appendChild(document.createElement("span"));
  const own = document.createElement("bdi");
  own.textContent = file.name;
  words.append(`${name} `, own);
  button.addEventListener("click", () => {
    for (const other of tray.querySelectorAll("button")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    pick(file);
  });
  return item;
}

// Moves the photos that are left under the one that is searched.
export function follow(search) {
  if (tray) search.after(tray);
}

function putAway() {
  for (const url of urls.values()) URL.revokeObjectURL(url);
  urls.clear();
  tray?.remove();
  tray = null;
}
