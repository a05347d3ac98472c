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

// What trends moves by itself: things that stay are moved to their new places, so that eyes can follow.
for (const box of document.querySelectorAll("[data-trending]")) {
  const source = new EventSource(box.dataset.trending);
  source.addEventListener("trending", (event) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = event.data; // our own server's, escaped there
    const before = new Map();
    for (const each of box.querySelectorAll("[data-key]")) before.set(each.dataset.key, each);
    const places = new Map([...before].map(([key, each]) => [key, each.getBoundingClientRect()]));
    for (const each of fresh.content.querySelectorAll("[data-key]")) {
      const picture = before.get(each.dataset.key)?.querySelector("img");
      if (picture) each.querySelector("img").replaceWith(picture); // shown already: no flicker
    }
    const focused = box.contains(document.activeElement) && document.activeElement.getAttribute("href");
    box.replaceChildren(fresh.content);
    if (focused) box.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    for (const each of box.querySelectorAll("[data-key]")) move(each, places.get(each.dataset.key));
  });
  window.addEventListener("pagehide", () => source.close());
}

function move(element, from) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const to = element.getBoundingClientRect();
  const path = from
    ? [{ translate: `${from.left - to.left}px ${from.top - to.top}px` }, { translate: "0 0" }]
    : [{ opacity: 0 }, { opacity: 1 }];
  if (!from || from.left !== to.left || from.top !== to.top) element.animate(path, { duration: 450, easing: "ease-out" });
}

// A choice that stands alone in its form is sent when it is made.
for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit(field.form.querySelector("[value=set]")));
}

// A menu shuts when the shopper turns to something else.
for (const menu of document.querySelectorAll("[data-shuts]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
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
