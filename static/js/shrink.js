// Photos over the limit are made smaller here, where the browser can read them.
const SIDES = [3200, 2400, 1600]; // pixels; more the site would not look at

// Returns a JPEG of at most `most` bytes, or null when the browser cannot make one.
export async function shrink(file, most) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  for (const side of SIDES) {
    const blob = await draw(bitmap, side);
    if (blob && blob.size <= most) return blob;
  }
  return null;
}

function draw(bitmap, side) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff"; // as the site does with what is transparent
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}
