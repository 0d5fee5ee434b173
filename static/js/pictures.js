// Rows of pictures: true aspects, and what to do with those that do not come.
const RETRIES_MS = [2000, 4000]; // a picture of the web is fetched when it is first looked at

export function dress(root) {
  for (const item of root.querySelectorAll(".rows li[data-width]")) {
    shape(item, item.dataset.width / item.dataset.height);
  }
  for (const image of root.querySelectorAll(".rows img")) {
    image.tries = 0;
    image.addEventListener("error", () => retry(image));
    image.addEventListener("load", () => shape(image.closest("li"), image.naturalWidth / image.naturalHeight));
    if (image.complete && image.currentSrc) {
      if (image.naturalWidth) shape(image.closest("li"), image.naturalWidth / image.naturalHeight);
      else retry(image);
    }
  }
}

function shape(item, ratio) {
  if (ratio > 0) item.style.setProperty("--ratio", Math.min(3.2, Math.max(0.5, ratio)).toFixed(3));
}

function retry(image) {
  const pause = RETRIES_MS[image.tries++];
  if (pause === undefined) {
    image.closest("li").remove();
    return;
  }
  const url = new URL(image.src);
  url.searchParams.set("try", image.tries);
  setTimeout(() => (image.src = url), pause);
}

dress(document);
