// The review grid by keyboard. Which keys there are stands on the buttons; here is only what the buttons do.
const form = document.getElementById("review");
const grid = document.getElementById("grid");
const tools = document.getElementById("tools");
const other = document.getElementById("other");
const guesses = document.getElementById("guesses");
const strokes = document.getElementById("strokes");
const large = document.getElementById("large");
const confirming = document.getElementById("confirm");
const help = document.getElementById("help");
const keysOn = document.getElementById("keys-on");
const KEYS_OFF = "review-keys-off";
const AHEAD = 5; // thumbnails that are fetched before one comes to them
let cards = [];
let at = 0;
let anchor = 0; // where a range began
let queue = Promise.resolve(); // what is sent goes one after the other, so that undo comes after what it undoes

const box = (card) => card.querySelector("input");
const waits = (card) => card && !("decided" in card.dataset) && !("pending" in card.dataset);
const selected = () => cards.filter((card) => box(card).checked);
const tell = (words) => (document.getElementById("said").textContent = words);

function begin() {
  cards = [...grid.querySelectorAll(".card")];
  for (const card of cards) for (const each of card.querySelectorAll("input, a")) each.tabIndex = -1;
  at = anchor = Math.max(0, cards.findIndex(waits));
  if (cards.length) box(cards[at]).tabIndex = 0;
  showGuesses();
}

// Goes to a picture, with the focus unless that is in the large view.
function go(index) {
  if (!cards.length) return;
  box(cards[at]).tabIndex = -1;
  at = Math.max(0, Math.min(cards.length - 1, index));
  box(cards[at]).tabIndex = 0;
  for (const next of cards.slice(at, at + AHEAD)) next.querySelector("img").loading = "eager";
  showGuesses();
  if (large.open) showLarge();
  else box(cards[at]).focus();
}

function showGuesses() {
  const own = cards[at]?.querySelectorAll(".guesses li") ?? [];
  guesses.replaceChildren(...[...own].map(guess));
}

function guess({ dataset, textContent }, index) {
  const item = document.createElement("li");
  const button = item.appendChild(document.createElement("button"));
  Object.assign(button, { type: "button", innerHTML: "<kbd></kbd> " });
  Object.assign(button.dataset, { act: "guess", key: String(index + 1), slug: dataset.slug });
  button.firstChild.textContent = index + 1;
  button.append(textContent);
  return item;
}

// How many pictures stand beside each other: so far does an arrow up or down go.
function columns() {
  const top = cards[at].offsetTop;
  const row = cards.filter((card) => card.offsetTop === top && card.parentElement === cards[at].parentElement);
  return Math.max(1, row.length);
}

function step(key) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  const to = { Home: 0, End: cards.length - 1 }[key] ?? at + steps[key];
  return to < 0 || to >= cards.length ? at : to;
}

function range(from, to) {
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  cards.forEach((card, index) => (box(card).checked = index >= first && index <= last));
  count();
}

function count() {
  tell(selected().length ? `${form.dataset.selected} ${selected().length}` : "");
}

// Sends a decision on what is selected, or else on the picture one is at, and goes on at once.
function decide(fields) {
  const chosen = selected();
  const targets = (chosen.length ? chosen : [cards[at]]).filter((card) => card && !("pending" in card.dataset));
  if (!targets.length) return;
  const pictures = targets.map((card) => box(card).value);
  for (const card of targets) {
    card.dataset.pending = "";
    delete card.dataset.refused;
    box(card).checked = false;
  }
  const next = cards.findIndex((card, index) => index > at && waits(card));
  if (next >= 0) go(next);
  else if (large.open) large.close();
  queue = queue.then(() => send({ ...fields, picture: pictures }, targets));
}

async function send(fields, targets = []) {
  const body = new URLSearchParams({ csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
  for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) body.append(name, value);
  let answer;
  try {
    const response = await fetch(location.href, { method: "POST", body, headers: { Accept: "application/json" } });
    answer = await response.json();
  } catch {
    answer = { error: form.dataset.offline };
  }
  for (const card of targets) delete card.dataset.pending;
  if (answer.confirm) return ask(answer.confirm, fields, targets);
  if (answer.error) return tell(answer.error);
  settle(answer);
  if (cards.length && !cards.some((card) => waits(card) && !("refused" in card.dataset))) await fill();
}

function settle({ done, refused, said, strokes: last }) {
  for (const { id, value, told, decided } of done) {
    const card = cards.find((each) => each.dataset.id === id);
    if (!card) continue;
    box(card).value = value;
    card.querySelector(".outcome").textContent = decided ? told : "";
    card.toggleAttribute("data-decided", decided);
    delete card.dataset.refused;
  }
  for (const { id, why } of refused) {
    const card = cards.find((each) => each.dataset.id === id);
    if (!card) continue;
    card.dataset.refused = "";
    card.querySelector(".outcome").textContent = why;
  }
  tell(said);
  strokes.replaceChildren(...last.map(stroke));
  tools.querySelector("[data-act=undo]").value = last[0]?.batch ?? "";
}

function stroke({ batch, told }) {
  const item = document.createElement("li");
  item.append(`${told} `);
  const button = item.appendChild(document.createElement("button"));
  Object.assign(button, { name: "undo", value: batch, textContent: strokes.dataset.undo });
  button.dataset.act = "undo";
  return item;
}

// Shows the next pictures of the queue in place of those that are decided.
async function fill() {
  tell(form.dataset.end);
  let page;
  try {
    const response = await fetch(grid.dataset.again, { cache: "no-store" });
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return tell(form.dataset.offline);
  }
  const focused = grid.contains(document.activeElement) || document.activeElement === document.body;
  grid.replaceChildren(...document.adoptNode(page.getElementById("grid")).childNodes);
  document.querySelector(".narrowing").replaceWith(document.adoptNode(page.querySelector(".narrowing")));
  begin();
  if (focused) cards.length ? box(cards[at]).focus() : tools.querySelector("button").focus();
}

function ask(question, fields, targets) {
  document.getElementById("question").textContent = question;
  confirming.querySelector("[data-yes]").onclick = () => {
    confirming.close();
    for (const card of targets) card.dataset.pending = "";
    queue = queue.then(() => send({ ...fields, confirmed: "1" }, targets));
  };
  confirming.showModal();
}

function showLarge() {
  const image = cards[at].querySelector("img");
  large.querySelector("img").src = image.dataset.large;
  large.querySelector("p").textContent = box(cards[at]).getAttribute("aria-label");
  if (!large.open) large.showModal();
}

const acts = {
  decide: ({ value }) => decide({ decide: value }),
  guess: ({ dataset }) => decide({ decide: "approved", slug: dataset.slug }),
  // The key takes back what was decided last by the time that it is sent.
  undo: (button) => (queue = queue.then(() => button.value && send({ undo: button.value }))),
  place: () => {
    if (large.open) large.close();
    other.focus();
    other.select();
  },
  named: nameIt,
  select: () => {
    if (!cards.length) return;
    box(cards[at]).checked = !box(cards[at]).checked;
    anchor = at;
    count();
  },
  all: () => {
    const on = selected().length < cards.length;
    for (const card of cards) box(card).checked = on;
    count();
  },
  large: () => cards.length && showLarge(),
  help: () => help.showModal(),
};

function nameIt() {
  const place = other.value.trim();
  if (!place) return other.focus();
  other.value = "";
  decide({ decide: "place", place });
  if (cards.length) box(cards[at]).focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) {
    event.preventDefault();
    acts[button.dataset.act](button);
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  const stepping = event.target.closest("[data-step]");
  if (stepping) go(at + Number(stepping.dataset.step));
  const card = event.target.closest(".card");
  if (!card || event.target.closest("a") || event.target.closest("label") === null) return;
  if (event.target !== box(card)) return; // the label presses its box, too
  const index = cards.indexOf(card);
  if (event.shiftKey) range(anchor, index);
  else anchor = index;
  go(index);
  count();
});

for (const dialog of [large, confirming, help]) {
  dialog.addEventListener("close", () => cards.length && box(cards[at]).focus());
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (typing) {
    if (event.target === other && event.key === "Enter") {
      event.preventDefault();
      nameIt();
    } else if (event.target === other && event.key === "Escape" && cards.length) {
      box(cards[at]).focus();
    }
    return;
  }
  if (event.key === " " && event.target.matches(".card input")) return; // the box knows what to do
  if (event.ctrlKey || event.metaKey || event.altKey || confirming.open || help.open) return;
  const inGrid = grid.contains(event.target) || event.target === document.body;
  if (large.open) return inLarge(event);
  if (/^(Arrow|Home|End)/.test(event.key) && inGrid && cards.length) {
    event.preventDefault();
    if (!event.shiftKey) anchor = step(event.key);
    go(step(event.key));
    if (event.shiftKey) range(anchor, at);
  } else if (!/^( |Enter)$/.test(event.key) || inGrid) {
    press(event);
  }
});

// The large view has keys of its own: arrows go on, Enter closes.
function inLarge(event) {
  if (/^Arrow/.test(event.key)) {
    event.preventDefault();
    go(at + (/Left|Up/.test(event.key) ? -1 : 1));
  } else if (event.key === "Enter" && !event.target.closest("button")) {
    event.preventDefault();
    large.close();
  } else if (!/^( |Enter)$/.test(event.key)) {
    press(event);
  }
}

function press(event) {
  if (!keysOn.checked || event.repeat) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const button = tools.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!button || button.disabled || button.hidden) return;
  event.preventDefault();
  acts[button.dataset.act](button);
}

// Names of places are completed by the site, which knows all of them.
let asked = 0;
document.addEventListener("input", async ({ target }) => {
  if (!target.dataset.suggest || !target.value.trim()) return;
  const turn = ++asked;
  const url = `${target.dataset.suggest}?${new URLSearchParams({ q: target.value })}`;
  const { places } = await fetch(url).then((response) => response.json()).catch(() => ({ places: [] }));
  if (turn !== asked) return;
  const options = places.map(({ slug, name }) => Object.assign(new Option(name, slug), { label: name }));
  document.getElementById("places").replaceChildren(...options);
});

keysOn.checked = !localStorage.getItem(KEYS_OFF);
keysOn.addEventListener("change", () => {
  if (keysOn.checked) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, "1");
});
for (const hidden of document.querySelectorAll("#tools [hidden], .switch")) hidden.hidden = false;
tools.querySelector("[data-act=undo]").disabled = false;
begin();
if (cards.length) box(cards[at]).focus({ preventScroll: true });
