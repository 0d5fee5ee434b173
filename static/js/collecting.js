// Keeps the page of a run up to date while it is at work: asks for its state, and takes the page over when that changed.
const EVERY_MS = 2000;
let last = "";

async function look() {
  const run = document.getElementById("run");
  if (!("open" in run.dataset)) return;
  try {
    const said = await (await fetch(run.dataset.state, { cache: "no-store" })).text();
    if (said !== last) {
      const text = await (await fetch(location.href, { cache: "no-store" })).text();
      const page = new DOMParser().parseFromString(text, "text/html");
      const pressed = run.querySelector("button:focus")?.name;
      run.replaceWith(document.adoptNode(page.getElementById("run")));
      if (pressed) document.querySelector(`#run button[name=${pressed}]`)?.focus();
      last = said;
    }
  } catch {
    // the site may be away for a moment
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
