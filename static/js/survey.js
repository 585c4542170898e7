// Saves half-filled answers while one types. The page works without it:
// going on saves too. Nothing is kept in the browser but the server's cookie.
const form = document.querySelector("form[data-autosave]");
if (form) {
  const state = form.querySelector("[data-saved]");
  let waiting;
  const save = async () => {
    try {
      const response = await fetch(form.dataset.autosave, {
        method: "POST",
        body: new FormData(form),
        credentials: "same-origin",
      });
      state.textContent = response.ok ? state.dataset.savedText : state.dataset.unsavedText;
    } catch {
      state.textContent = state.dataset.unsavedText;
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(save, 600);
  });
  // "Can't say" beside an answer would be refused: the one takes the other away.
  form.addEventListener("change", ({ target }) => {
    if (target.type !== "checkbox" || !target.checked) return;
    for (const box of form.elements[target.name]) {
      if (box.type === "checkbox" && (box.value === "x") !== (target.value === "x")) box.checked = false;
    }
  });
  form.addEventListener("submit", () => clearTimeout(waiting));
}
