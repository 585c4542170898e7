// Small comforts. Every page works without this file.
const root = document.documentElement;
root.classList.add("js");
if (window.htmx) root.classList.add("htmx");

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-dialog]");
  const dialog = link && document.getElementById(link.dataset.dialog);
  if (dialog && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    dialog.showModal();
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard?.writeText(copy.dataset.copy).then(() => {
      copy.dataset.label ??= copy.textContent;
      copy.textContent = copy.dataset.copied;
      setTimeout(() => (copy.textContent = copy.dataset.label), 2500);
    });
  }
  if (event.target.closest("[data-print]")) window.print();
  closeMenus((menu) => !menu.contains(event.target));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  closeMenus((menu) => {
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    return true;
  });
});

function closeMenus(which) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (which(menu)) menu.open = false;
}

// A second press while the first is on its way does nothing. The button keeps its focus
// and its value, which it would lose if it were disabled.
const sent = new Set();
function release() {
  for (const form of sent) form.removeAttribute("aria-busy");
  sent.clear();
}
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method === "dialog" || (event.submitter ?? form).closest("[data-switch], [data-passkey], [data-download]")) return;
    if (sent.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.setAttribute("aria-busy", "true");
    sent.add(form);
    setTimeout(release, 4000);
  },
  true,
);
window.addEventListener("pageshow", release);
document.addEventListener("htmx:finally:request", release);

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-switch][hx-post]");
  if (form && window.htmx) form.requestSubmit();
});

// Focus goes to what newly needs mending, and never to what was pointed out before.
const pointedOut = new WeakSet();
function pointOut(selector) {
  const fresh = [...document.querySelectorAll(selector)].filter((element) => !pointedOut.has(element));
  fresh.forEach((element) => pointedOut.add(element));
  fresh[0]?.focus();
}
const invalid = "main [aria-invalid='true'], main fieldset.field-invalid input";
document.querySelectorAll(invalid).forEach((element) => pointedOut.add(element));
pointOut("[data-focus]");
document.addEventListener("htmx:after:swap", () => pointOut(invalid));

// Work that the server is still at: look again, where htmx doesn't.
const waiting = document.querySelector("[data-reload]");
if (waiting && !window.htmx) setTimeout(() => location.reload(), 1000 * waiting.dataset.reload);
