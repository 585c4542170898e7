// Questions and sections can be dragged to their place. Beside each stand buttons that move it
// step by step, and those need no script.
{
  let drag = null;

  const list = (moving) => moving.parentElement;
  const listUnder = (x, y) => {
    if (drag.moving.matches("section")) return list(drag.moving);
    const under = document.elementFromPoint(x, y)?.closest(".part-section");
    return under?.querySelector("[data-items]");
  };

  const show = ({ clientX, clientY }) => {
    drag.y = clientY;
    const target = listUnder(clientX, clientY);
    if (!target) return;
    const next = [...target.children].find((part) => {
      const { top, height } = part.getBoundingClientRect();
      return part.dataset.key && part !== drag.moving && clientY < top + height / 2;
    });
    target.insertBefore(drag.mark, next ?? null);
  };

  const scroll = () => {
    if (!drag) return;
    const edge = 72;
    if (drag.y < edge) scrollBy(0, -10);
    else if (drag.y > innerHeight - edge) scrollBy(0, 10);
    requestAnimationFrame(scroll);
  };

  const end = () => {
    drag?.moving.classList.remove("dragged");
    drag?.mark.remove();
    drag = null;
  };

  const drop = () => {
    const { moving, mark } = drag;
    const target = list(mark);
    const others = target ? [...target.children].filter((part) => part !== moving) : [];
    const index = others.indexOf(mark);
    const same = target === list(moving) && index === [...target.children].filter((part) => part !== mark).indexOf(moving);
    end();
    if (index < 0 || same) return;
    const { elements } = document.getElementById("order");
    elements.key.value = moving.dataset.key;
    elements.into.value = target.dataset.items ?? "";
    elements.index.value = index;
    elements.key.form.requestSubmit();
  };

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button) return;
    event.preventDefault();
    const moving = grip.closest("[data-key]");
    const mark = document.createElement(moving.matches("section") ? "div" : "li");
    mark.className = "drop-mark";
    mark.ariaHidden = "true";
    drag = { moving, mark, y: event.clientY };
    moving.classList.add("dragged");
    grip.setPointerCapture(event.pointerId);
    requestAnimationFrame(scroll);
  });
  document.addEventListener("pointermove", (event) => drag && show(event));
  document.addEventListener("pointerup", () => drag && drop());
  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => event.key === "Escape" && end());
}

// A kind that was chosen before htmx was there, or that the browser filled in when one came back.
addEventListener("pageshow", () => {
  const kind = document.querySelector("select[data-shown]");
  if (kind && kind.value !== kind.dataset.shown) kind.dispatchEvent(new Event("change", { bubbles: true }));
});
