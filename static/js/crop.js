// Selecting a part of the photo: a frame over it for mouse, finger and keyboard, and four numbers beside it.
const FIELDS = ["left", "top", "width", "height"]; // per cent
const START = [0.15, 0.15, 0.7, 0.7]; // fractions of the photo, as everywhere here
const SMALLEST = 0.04;
const STEP = 0.02;
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

// Puts the frame over the photo in `photo` and keeps the fields of `form` the same as it; returns what takes it away.
export function select(photo, form, label, start = START) {
  const listening = new AbortController();
  const { signal } = listening;
  const box = document.createElement("div");
  box.className = "crop-frame";
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", label);
  for (const corner of ["nw", "ne", "sw", "se"]) {
    const handle = document.createElement("span");
    handle.dataset.corner = corner;
    box.append(handle);
  }
  let part = start;
  let drag = null;

  function show(next) {
    const width = clamp(next[2], SMALLEST, 1);
    const height = clamp(next[3], SMALLEST, 1);
    part = [clamp(next[0], 0, 1 - width), clamp(next[1], 0, 1 - height), width, height];
    FIELDS.forEach((name, i) => box.style.setProperty(`--${name}`, `${part[i] * 100}%`));
  }

  function set(next) {
    show(next);
    FIELDS.forEach((name, i) => (form.elements[name].value = (part[i] * 100).toFixed(1)));
  }

  function at(event) {
    const area = photo.getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width, 0, 1), clamp((event.clientY - area.top) / area.height, 0, 1)];
  }

  // A corner is dragged against the one across, the inside as a whole, and elsewhere a new part begins.
  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    const [x, y] = at(event);
    const corner = event.target.dataset.corner;
    if (corner) {
      drag = { from: [corner.includes("w") ? part[0] + part[2] : part[0], corner.includes("n") ? part[1] + part[3] : part[1]] };
    } else if (event.target === box) drag = { by: [x - part[0], y - part[1]] };
    else drag = { from: [x, y] };
    photo.setPointerCapture(event.pointerId);
    box.focus({ preventScroll: true });
  }

  function move(event) {
    if (!drag) return;
    const [x, y] = at(event);
    if (drag.by) return set([x - drag.by[0], y - drag.by[1], part[2], part[3]]);
    const [left, top] = drag.from;
    set([Math.min(left, x), Math.min(top, y), Math.abs(x - left), Math.abs(y - top)]);
  }

  function press(event) {
    const by = ARROWS[event.key];
    if (!by) return;
    event.preventDefault();
    const [x, y, width, height] = part;
    if (!event.shiftKey) return set([x + by[0], y + by[1], width, height]);
    set([x, y, clamp(width + by[0], SMALLEST, 1 - x), clamp(height + by[1], SMALLEST, 1 - y)]);
  }

  function read() {
    const numbers = FIELDS.map((name) => form.elements[name].valueAsNumber / 100);
    if (numbers.every(Number.isFinite)) show(numbers);
  }

  photo.addEventListener("pointerdown", grab, { signal });
  photo.addEventListener("pointermove", move, { signal });
  for (const end of ["pointerup", "pointercancel"]) photo.addEventListener(end, () => (drag = null), { signal });
  box.addEventListener("keydown", press, { signal });
  form.addEventListener("input", read, { signal });
  photo.classList.add("cropping");
  photo.append(box);
  set(start);
  return () => {
    listening.abort();
    photo.classList.remove("cropping");
    box.remove();
  };
}

// The part that a form's four numbers name, as the API takes it.
export function partOf(form) {
  return FIELDS.map((name) => (form.elements[name].valueAsNumber / 100).toFixed(4)).join(",");
}

// Shades what is not looked at, as the server draws it.
export function shade(photo, crop) {
  const [left, top, width, height] = crop.split(",");
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "crop-seen");
  drawing.setAttribute("viewBox", "0 0 1 1");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(drawing.namespaceURI, "path");
  path.setAttribute("fill-rule", "evenodd");
  path.setAttribute("d", `M-1-1H2V2H-1ZM${left} ${top}h${width}v${height}h-${width}Z`);
  drawing.append(path);
  photo.querySelector(".crop-seen")?.remove();
  photo.append(drawing);
}
