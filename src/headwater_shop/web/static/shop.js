// Niceties. Every page works without this file.

// An order's page follows the order by itself.
for (const box of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(box.dataset.live);
  let shown = box.querySelector("[data-status]")?.dataset.status;
  source.addEventListener("status", (event) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = event.data; // our own server's, escaped there
    const status = fresh.content.querySelector("[data-status]").dataset.status;
    // The first message repeats what the page shows: leave a form that is being filled in alone.
    if (status === shown && status === "payment_failed") return;
    shown = status;
    box.replaceChildren(fresh.content);
    once(box);
  });
  source.addEventListener("end", () => source.close());
  window.addEventListener("pagehide", () => source.close());
}

// A choice that stands alone in its form is sent when it is made.
for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit(field.form.querySelector("[value=set]")));
}

// An order is sent once. The server knows as well; this spares the shopper the doubt.
function once(root) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      event.submitter?.classList.add("busy");
    });
  }
}
once(document);
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll(".busy")) button.classList.remove("busy");
  }
});
