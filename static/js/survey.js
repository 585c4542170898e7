// Saves half-filled answers while one types. The page works without it: every button that
// leaves the page saves too. Nothing is kept in the browser but the server's cookie.
{
  const form = document.querySelector("form[data-autosave]");
  const state = form?.querySelector("[data-saved]");
  // Each save says where it stands among this page's own, so that one which another
  // has overtaken on its way doesn't bring old answers back.
  const page = Math.random().toString(36).slice(2, 14);
  let number = 0;
  let waiting;
  let unsaved = false;
  const save = async (leaving) => {
    clearTimeout(waiting);
    unsaved = false;
    const saved = await fetch(form.dataset.autosave, {
      method: "POST",
      body: new FormData(form),
      keepalive: leaving,
    }).then(
      (response) => response.ok,
      () => false,
    );
    unsaved ||= !saved;
    if (state) state.textContent = saved ? state.dataset.savedText : state.dataset.unsavedText;
  };
  const leave = () => unsaved && save(true);
  form?.addEventListener("formdata", ({ formData }) => formData.set("edit", `${page}-${++number}`));
  form?.addEventListener("input", () => {
    unsaved = true;
    clearTimeout(waiting);
    waiting = setTimeout(save, 600, false);
  });
  // "Can't say" beside an answer would be refused: the one takes the other away.
  form?.addEventListener("change", ({ target }) => {
    if (target.type !== "checkbox" || !target.checked) return;
    for (const box of form.elements[target.name]) {
      if (box.type === "checkbox" && (box.value === "x") !== (target.value === "x")) box.checked = false;
    }
  });
  form?.addEventListener("submit", () => {
    clearTimeout(waiting);
    unsaved = false;
  });
  if (form) {
    addEventListener("pagehide", leave);
    addEventListener("visibilitychange", () => document.hidden && leave());
    addEventListener("online", leave);
  }
}
