// Leading a workshop step by step. Without this file the page is all its steps, one after the other.
//
// Time is never counted: what has passed is the difference between two readings of the clock,
// so a sleeping computer or a busy browser makes nothing late. What is kept, in this tab alone,
// are the step, the times and what is shown.
{
  const root = document.querySelector("[data-facilitation]");
  const words = JSON.parse(root.dataset.words);
  const key = `facilitation.${root.dataset.facilitation}`;
  const part = (name) => root.querySelector(`[data-${name}]`);
  const steps = [...root.querySelectorAll(".lead-step")];
  const planned = steps.map((step) => 60_000 * step.dataset.minutes);
  const whole = planned.reduce((sum, time) => sum + time, 0);
  const last = steps.length - 1;

  // `since` is when the time of the present step began to run, null while it doesn't.
  const fresh = () => ({ step: 0, spent: steps.map(() => 0), since: null, note: false, remote: false });
  const kept = restored();
  let state = kept ?? fresh();
  let stage; // how far the present step's time was when it was last looked at
  let timer;

  function restored() {
    try {
      const found = JSON.parse(sessionStorage.getItem(key));
      return found?.spent?.length === steps.length && steps[found.step] ? found : null;
    } catch {
      return null;
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(key, JSON.stringify(state));
    } catch {
      // A browser that keeps nothing can still show the steps.
    }
  }

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const two = (number) => String(number).padStart(2, "0");
  const say = (...sentences) => (part("says").textContent = sentences.join(" "));
  const running = () => state.since !== null;
  const spent = (index) =>
    state.spent[index] + (running() && index === state.step ? Math.max(0, Date.now() - state.since) : 0);

  function digits(milliseconds) {
    const seconds = Math.trunc(milliseconds / 1000);
    const minutes = Math.trunc(seconds / 60);
    const hours = Math.trunc(minutes / 60);
    return `${hours ? `${hours}:${two(minutes % 60)}` : minutes}:${two(seconds % 60)}`;
  }

  function clock(time) {
    const moment = new Date(time);
    return fill(words.clock, { hours: two(moment.getHours()), minutes: two(moment.getMinutes()) });
  }

  function timeInWords(left) {
    if (!planned[state.step]) return words.spent;
    if (!running() && !spent(state.step)) return words.waiting;
    if (left > 0) return running() ? words.left : words.paused;
    return running() ? words.over : words.overPaused;
  }

  function endInWords(left) {
    if (!planned[state.step]) return "";
    if (left <= 0) return running() ? fill(words.ended, { clock: clock(Date.now() + left) }) : "";
    return fill(running() ? words.ends : words.wouldEnd, { clock: clock(Date.now() + left) });
  }

  function tick() {
    const passed = spent(state.step);
    const left = planned[state.step] - passed;
    const ahead = planned.reduce((sum, time, index) => sum + (index < state.step ? 0 : Math.max(0, time - spent(index))), 0);
    const total = steps.reduce((sum, _, index) => sum + spent(index), 0);
    const over = planned[state.step] > 0 && left <= 0;
    part("time").textContent = digits(over ? -left : planned[state.step] ? left + 999 : passed);
    part("state").textContent = timeInWords(left);
    part("ends").textContent = endInWords(left);
    part("total").textContent = fill(words.total, { passed: Math.trunc(total / 60_000), all: whole / 60_000 });
    part("done").textContent = running() && ahead ? fill(words.done, { clock: clock(Date.now() + ahead) }) : "";
    part("bar").classList.toggle("lead-over", over);
    root.style.setProperty("--passed", planned[state.step] ? Math.min(1, passed / planned[state.step]) : 0);
    announce(left);
    clearTimeout(timer);
    // While it is paused only the clock goes on.
    timer = setTimeout(tick, running() ? 1000 - (passed % 1000) : 1000);
  }

  function announce(left) {
    const time = planned[state.step];
    const now = !time || left > 60_000 ? "" : left > 0 ? (time > 60_000 ? "saysMinute" : "") : "saysOut";
    if (stage !== undefined && now !== stage && now && running()) say(words[now]);
    stage = now;
  }

  function show() {
    const [number, count] = [state.step + 1, steps.length];
    steps.forEach((step, index) => (step.hidden = index !== state.step));
    for (const aside of root.querySelectorAll("[data-kind]")) aside.hidden = !state[aside.dataset.kind];
    for (const button of root.querySelectorAll("[data-shows]")) button.setAttribute("aria-pressed", state[button.dataset.shows]);
    for (const button of root.querySelectorAll("[data-step]")) {
      button.setAttribute("aria-disabled", !steps[state.step + Number(button.dataset.step)]);
    }
    root.querySelectorAll("[data-overview] li a").forEach((link, index) => {
      if (index === state.step) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    });
    part("at").textContent = fill(words.at, { number, count });
    part("run").textContent = running() ? words.pause : spent(state.step) ? words.resume : words.start;
    keep();
    tick();
  }

  function settle() {
    state.spent[state.step] = spent(state.step);
  }

  function go(to) {
    if (!steps[to] || to === state.step) return;
    settle();
    state.step = to;
    if (running()) state.since = Date.now();
    stage = undefined;
    show();
    scrollTo(0, 0);
    const title = steps[to].querySelector("h2").textContent;
    say(fill(words.saysStep, { number: to + 1, count: steps.length, title }));
  }

  function run() {
    settle();
    state.since = running() ? null : Date.now();
    show();
    say(running() ? words.saysRunning : words.saysPaused);
    stayAwake();
  }

  function anew() {
    state = { ...fresh(), note: state.note, remote: state.remote };
    stage = undefined;
    part("overview").open = false;
    show();
    say(words.saysAnew);
    stayAwake();
  }

  // The screen stays on while the time runs, where the browser can see to it.
  let awake = Promise.resolve();
  function stayAwake() {
    awake = awake.then(async (lock) => {
      const wanted = running() && document.visibilityState === "visible";
      if (lock && !lock.released) {
        if (wanted) return lock;
        await lock.release();
      }
      // Refused where the battery is low; then the screen sleeps as it always does.
      return wanted ? navigator.wakeLock?.request("screen").catch(() => undefined) : undefined;
    });
  }

  root.addEventListener("click", (event) => {
    const { target } = event;
    const button = target.closest("button");
    const link = target.closest("[data-overview] li a");
    if (link) {
      event.preventDefault();
      const to = steps.findIndex((step) => step.id === link.hash.slice(1));
      part("overview").open = false;
      go(to);
      steps[to].querySelector("h2").focus();
    } else if (button) {
      if ("run" in button.dataset) run();
      if (button.dataset.step) go(state.step + Number(button.dataset.step));
      if (button.dataset.shows) {
        state[button.dataset.shows] = !state[button.dataset.shows];
        show();
      }
      if ("fullscreen" in button.dataset) {
        if (document.fullscreenElement) document.exitFullscreen();
        else document.documentElement.requestFullscreen().catch(() => {});
      }
      // After a click of the mouse the space bar goes on to the next step.
      if (event.detail) button.blur();
    }
  });

  const ways = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
  addEventListener("keydown", (event) => {
    const { key: pressed, target } = event;
    if (!(pressed in ways) || event.altKey || event.ctrlKey || event.metaKey) return;
    // What has the focus keeps its own key.
    if (target.closest("dialog") || (pressed === " " && target.closest("button, a, summary"))) return;
    event.preventDefault();
    if (!event.repeat) go(state.step + (pressed === " " && event.shiftKey ? -1 : ways[pressed]));
  });

  document.querySelector("[data-anew]").addEventListener("submit", anew);
  document.addEventListener("visibilitychange", () => {
    tick();
    stayAwake();
  });
  // Without a network this page couldn't be opened again.
  addEventListener("beforeunload", (event) => {
    if (running() && !navigator.onLine) event.preventDefault();
  });

  if (!kept) state.step = Math.max(0, steps.findIndex((step) => `#${step.id}` === location.hash));
  root.classList.add("leading");
  part("overview").open = false;
  for (const element of root.querySelectorAll("[data-bar], [data-at], [data-shows]")) element.hidden = false;
  part("fullscreen").hidden = !document.fullscreenEnabled;
  show();
  stayAwake();
}
