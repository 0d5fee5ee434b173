// Sharing an answer's own address: by the system where it can, else by copying it.
async function share(button, texts) {
  const url = location.origin + location.pathname;
  const said = button.parentElement.querySelector(".shared");
  said.textContent = "";
  if (navigator.share) {
    try {
      return await navigator.share({ title: document.title, url });
    } catch (error) {
      if (error.name === "AbortError") return; // the visitor thought better of it
    }
  }
  try {
    await navigator.clipboard.writeText(url);
    said.textContent = texts.linkCopied;
  } catch {
    // plain HTTP has no clipboard: then the address is there to be copied by hand
    const field = document.createElement("input");
    Object.assign(field, { className: "form-control", readOnly: true, value: url, ariaLabel: texts.copyLink });
    said.replaceChildren(`${texts.copyLink} `, field);
    field.select();
  }
}

export function offerSharing(texts) {
  for (const button of document.querySelectorAll("main .share[hidden]")) {
    button.hidden = false;
    button.addEventListener("click", () => share(button, texts));
  }
}
