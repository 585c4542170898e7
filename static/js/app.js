// Small comforts on top of pages that work without them.
document.documentElement.classList.add("js");

// A second press while the first is under way does nothing; coming back re-enables.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  if (form.hasAttribute("hx-post") || form.method === "get" || form.hasAttribute("data-download")) return;
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 4000);
});
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

// A switch saves itself; without scripts its own button does.
document.addEventListener("change", (event) => {
  event.target.closest("form[data-switch]")?.requestSubmit();
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.lastChild.textContent = copy.dataset.copied;
  }
  if (event.target.closest("[data-print]")) print();
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// After an answer with errors, begin where the errors are named.
const toErrors = () => document.querySelector("[data-focus]")?.focus();
document.addEventListener("htmx:after:swap", toErrors);
toErrors();
