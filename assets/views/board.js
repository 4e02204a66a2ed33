// The board: scenes of shot cards. Selecting, dragging, keys; the animatic; the same data as a shot list.

const FEW = 60; // cards of a short board, which is drawn whole; of a longer one only scenes near the screen are
let picked = [];
let last = null; // selected last by itself: a range starts there
let scene = ""; // the one that is selected
let before = null; // what Python said was selected, when it said so last
let hovered = null;
let asTable = false;
let dragged = [];
let mark = null; // { shot, after } or { scene }: where dragged shots would go
let playing = null; // index into the film while the board is played
let opener; // of the theatre; it has the focus back
let adding = 0; // scenes that there were when one more was asked for; it is selected when it is there
let leaving = null; // { gone, next }: shots that are being removed, and the one that has the focus when they are

// What is as usual is left out of what Python sends; files stand in one folder.
let [from, all, byId] = [null, [], new Map()];
const read = () => {
  if (told() === from) return;
  from = told();
  const file = (name) => name && `${from.media}${name}`;
  for (const one of from.scenes || [])
    one.shots = one.shots.map((s) => ({ status: "done", why: [], takes: 0, take: 1, ...s, video: file(s.video), poster: file(s.poster) }));
  all = (from.scenes || []).flatMap((one) => one.shots);
  byId = new Map(all.map((shot) => [shot.id, shot]));
};
const shots = () => (read(), all);
const find = (id) => (read(), byId.get(id));
const chosen = () => picked.filter(find);
const home = (id) => told().scenes.find((one) => one.shots.some((shot) => shot.id === id));

// Scenes that are near the screen.
const near = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) near[isIntersecting ? "add" : "delete"](target.dataset.scene);
  show();
}, { rootMargin: "900px 0px" });
const isDrawn = (one, number) =>
  shots().length <= FEW || near.has(one.id) || (!near.size && number < 3) || one.shots.some((shot) => shot.id === picked[0]);
const room = (one) => { // what its cards would take up
  const grid = root.querySelector(".cards"), first = grid?.querySelector(".card");
  const columns = grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 4;
  return Math.ceil(one.shots.length / columns) * ((first?.offsetHeight || 240) + 12) - 12;
};

const STATUS = {
  draft: "not made yet", queued: "queued", running: "being made", done: "", failed: "failed",
  stale: "out of date", beside: "beside other takes", sketch: "a draft", approved: "approved", locked: "locked",
};

const frame = (shot) => {
  const lively = hovered === shot.id || (picked.length === 1 && picked[0] === shot.id);
  const picture = shot.preview
    ? still(shot.preview)
    : shot.video
      ? lively && playing === null ? clip(shot) : still(shot.poster)
      : h("em", {}, shot.status === "running" ? "waiting for its first look" : STATUS.draft);
  const chip = { stale: `out of date: ${shot.why[0]}`, beside: shot.why[0], draft: "" }[shot.status] ?? STATUS[shot.status];
  return h("div", { class: `frame ${shot.status}` }, picture,
    h("span", { class: "slate" }, shot.slate, shot.shown && ` T${shot.take}`),
    h("span", { class: "length" }, `${shot.seconds.toFixed(1)} s`),
    chip && h("span", { class: "chip", title: shot.why.join("; ") }, chip, shot.why.length > 1 ? ` (+${shot.why.length - 1})` : ""));
};

const card = (shot) =>
  h("article", {
    class: `card ${chosen().includes(shot.id) ? "picked" : ""} ${shot.joined ? "joined" : ""} ${mark?.shot === shot.id ? (mark.after ? "drop-after" : "drop-before") : ""}`,
    "data-key": shot.id, "data-shot": shot.id, role: "button", tabindex: "0", draggable: "true",
    "aria-pressed": String(chosen().includes(shot.id)),
    "aria-label": `Shot ${shot.slate}, ${shot.status}. ${shot.prompt}`,
  }, frame(shot), h("p", { class: "words" }, shot.prompt || "no words yet"),
  h("div", { class: "facts" },
    h("span", {}, shot.joined ? "continues" : "cut"),
    shot.takes > 1 && h("span", {}, many(shot.takes, "take")),
    shot.seed !== undefined && h("span", {}, `seed ${shot.seed}`),
    shot.approved && shot.status !== "approved" && h("span", { class: "good" }, "✓ approved"),
    shot.locked && shot.status !== "locked" && h("span", {}, "locked")));

const heading = (one, place, count) =>
  h("header", { class: "scene-head" },
    h("h2", {}, `Scene ${one.number}`),
    h("input", { class: "title", initial: one.title, placeholder: "name this scene", "aria-label": `Name of scene ${one.number}`, "data-scene": one.id, "data-field": "title" }),
    h("span", { class: "soft about", title: one.about }, one.about),
    h("span", { class: "tools" },
      count > 1 && one.shots.length > 0 && button("Make scene", { "data-do": "make", "data-scene": one.id, class: "small" }),
      button("Add shot", { "data-do": "add", "data-scene": one.id, class: "small", "aria-label": `Add a shot to scene ${one.number}` }),
      count > 1 && [
        button("↑", { "data-do": "move-scene", "data-scene": one.id, "data-place": place - 1, class: "small icon", disabled: place === 0, "aria-label": `Move scene ${one.number} up` }),
        button("↓", { "data-do": "move-scene", "data-scene": one.id, "data-place": place + 1, class: "small icon", disabled: place === count - 1, "aria-label": `Move scene ${one.number} down` }),
        button("Remove", { "data-do": "drop-scene", "data-scene": one.id, class: "small", "aria-label": `Remove scene ${one.number}` })]));

const cards = (one, number) => {
  if (!one.shots.length) return h("p", { class: "empty" }, "Tell this scene's story and split it, or add a shot.");
  return isDrawn(one, number) ? h("div", { class: "cards" }, one.shots.map(card)) : h("div", { class: "far", style: `height:${room(one)}px` });
};
const section = (one, number, { length }) =>
  h("section", { class: `scene ${scene === one.id ? "current" : ""}`, "data-key": one.id, "data-scene": one.id, "aria-label": `Scene ${one.number}` },
    heading(one, number, length), cards(one, number));

const states = (shot) => {
  const own = [STATUS[shot.status] || "made", shot.approved && "approved", shot.locked && "locked"];
  return [...new Set(own.filter(Boolean))];
};
const row = (shot) =>
  h("tr", { "data-key": shot.id, "data-shot": shot.id, tabindex: "0", class: chosen().includes(shot.id) ? "picked" : "", "aria-current": chosen().includes(shot.id) && "true" },
    h("th", { scope: "row" }, shot.slate), h("td", {}, shot.prompt), h("td", {}, `${shot.seconds.toFixed(1)} s`),
    h("td", {}, shot.joined ? "continues" : "cut"), h("td", {}, states(shot).join(", ")), h("td", {}, shot.takes || ""));

const table = () =>
  h("div", { class: "scroll" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, ["Shot", "Words", "Length", "Starts with", "Status", "Takes"].map((n) => h("th", { scope: "col" }, n)))),
    h("tbody", {}, shots().map(row))));

const bar = () => {
  const count = chosen().length;
  const total = shots().reduce((sum, shot) => sum + shot.seconds, 0);
  return h("div", { class: "board-bar", tabindex: "-1" },
    h("span", { class: "soft" }, `${many(shots().length, "shot")} · ${total.toFixed(1)} s`),
    count > 1 && h("span", { class: "tools" }, h("span", { class: "soft" }, `${count} selected`),
      button("Redo", { "data-do": "redo", class: "small" }), button("Approve", { "data-do": "approve", class: "small" }),
      button("Lock", { "data-do": "lock", class: "small" }), button("Remove", { "data-do": "drop", class: "small" })),
    h("span", { class: "tools end" },
      button("▶ Play the board", { "data-do": "play", class: "small", disabled: !shots().length }),
      button(asTable ? "Cards" : "Shot list", { "data-do": "table", class: "small", "aria-pressed": String(asTable) })));
};

const theatre = () => {
  const shot = shots()[playing];
  return h("div", { class: "theatre", role: "dialog", "aria-modal": "true", "aria-label": "The board as a film" },
    h("div", { class: "stage", "data-key": shot.id },
      shot.video ? clip(shot, { class: "show", loop: false, autoplay: true }) : h("div", { class: "card-text" }, shot.prompt || "no words yet"),
      h("p", {}, h("b", {}, shot.slate), ` ${shot.prompt} `, h("span", { class: "soft" }, `${playing + 1} of ${shots().length}`))),
    button("Close", { "data-do": "stop-playing", class: "small" }));
};

let held;
const next = () => {
  if (playing === null) return;
  playing = playing + 1 < shots().length ? playing + 1 : null;
  screen();
};
const screen = () => {
  clearTimeout(held);
  show();
  if (playing === null) return opener?.focus();
  const shot = shots()[playing];
  const video = root.querySelector(".theatre video");
  if (video) { video.onended = next; video.onerror = next; } else held = setTimeout(next, 1000 * shot.seconds);
  root.querySelector(".theatre button").focus();
};

window.reelboardHere = () => ({ project: told().project, scene, shot: chosen()[0] ?? "" });
const enter = (id) => { // the story's field hears of another scene before Python does
  if (id === scene) return;
  scene = id;
  window.dispatchEvent(new CustomEvent("reelboard-scene", { detail: told().scenes.find((one) => one.id === id).number }));
};
const select = (ids) => {
  const first = picked[0];
  picked = ids;
  if (picked.length === 1 || (picked.length && picked[0] !== first)) { // the panel shows the first
    enter(home(picked[0]).id);
    act("select", { shot: picked[0] });
  }
  show();
};
const pick = (id, add) => {
  last = id;
  select(add ? (picked.includes(id) ? picked.filter((p) => p !== id) : [...picked, id]) : [id]);
};
const reach = (id) => { // all from the last selected one to this one
  const ids = shots().map((shot) => shot.id), first = chosen().includes(last) ? last : chosen()[0] ?? id;
  const [start, end] = [ids.indexOf(first), ids.indexOf(id)];
  select(start < end ? ids.slice(start, end + 1) : ids.slice(end, start + 1).reverse());
};
const pickScene = (id) => {
  const first = told().scenes.find((one) => one.id === id).shots[0];
  picked = first ? [first.id] : [];
  enter(id);
  act("select", { scene: id });
  show();
};
const both = (name) => { // a mark is set on all, or taken from all that have it
  const those = target(), on = !those.every((id) => find(id)[name]);
  if (name === "approved") act("approve", { takes: Object.fromEntries(those.map((id) => [id, find(id).shown || ""])), approved: on });
  else edit("set_shots", { shots: those, [name]: on });
};
// What a key or a button is about: the selection, or the card in focus when it is not part of it.
const target = () => {
  const here = document.activeElement?.closest?.("[data-shot]")?.dataset.shot;
  return here && !chosen().includes(here) ? [here] : chosen();
};
const inOrder = (ids) => shots().map((shot) => shot.id).filter((id) => ids.includes(id));
const DO = {
  make: (t) => act("make", { scene: t.dataset.scene }),
  add: (t) => edit("add_shot", { scene: t.dataset.scene }),
  "drop-scene": (t) => edit("drop_scene", { scene: t.dataset.scene }),
  "add-scene": () => { adding = told().scenes.length; edit("add_scene", {}); },
  "move-scene": (t) => edit("move_scene", { scene: t.dataset.scene, place: Number(t.dataset.place) }),
  redo: () => act("redo", { shots: target() }),
  approve: () => both("approved"),
  lock: () => both("locked"),
  drop: () => {
    const gone = target(), ids = shots().map((shot) => shot.id), at = ids.indexOf(gone.at(-1));
    if (!gone.length) return;
    leaving = { gone, next: [...ids.slice(at), ...ids.slice(0, at).reverse()].find((id) => !gone.includes(id)) };
    edit("drop_shots", { shots: gone });
  },
  table: () => { asTable = !asTable; show(); },
  play: () => { opener = document.activeElement; playing = Math.max(0, shots().findIndex((shot) => shot.id === picked[0])); screen(); },
  "stop-playing": () => { playing = null; screen(); },
};

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (twice(event, doer)) return;
  if (doer) return DO[doer.dataset.do](doer);
  const shot = event.target.closest("[data-shot]");
  if (shot) return event.shiftKey ? reach(shot.dataset.shot) : pick(shot.dataset.shot, event.ctrlKey || event.metaKey);
  const other = event.target.closest(".scene")?.dataset.scene;
  if (other && other !== scene && !event.target.closest("input")) pickScene(other);
});
root.addEventListener("change", (event) => {
  const { scene: of, field } = event.target.dataset;
  if (field) edit("set_scene", { scene: of, [field]: event.target.value });
});
root.addEventListener("mouseover", (event) => {
  const id = event.target.closest(".card")?.dataset.shot ?? null;
  if (id !== hovered) { hovered = id; show(); }
});
root.addEventListener("mouseleave", () => { hovered = null; show(); });

const step = (by) => {
  const ids = shots().map((shot) => shot.id);
  const at = ids.indexOf(document.activeElement?.dataset?.shot ?? picked[0]);
  const id = ids[Math.max(0, Math.min(ids.length - 1, at + by))];
  if (!id) return;
  pick(id, false);
  root.querySelector(`[data-shot="${id}"]`).focus();
};
window.addEventListener("reelboard-go", ({ detail }) => { // to a shot, by its slate, from another screen
  const { id } = shots().find((shot) => shot.slate === detail);
  document.querySelector("#rooms [role=tab]").click(); // the board's
  pick(id, false);
  setTimeout(() => root.querySelector(`[data-shot="${id}"]`).focus()); // when it is in sight
});
const inherit = () => { // the keys go on where shots were removed
  if (!leaving || leaving.gone.some(find)) return;
  const heir = root.querySelector(`[data-shot="${leaving.next}"]`) ?? root.querySelector(".board-bar");
  if (document.activeElement === document.body) heir?.focus();
  leaving = null;
};
const shift = (by) => { // as a drag would: one place on, at the end of a scene into the next
  const moved = inOrder(target()), edge = by > 0 ? moved.at(-1) : moved[0], { scenes } = told();
  const rest = (one) => one.shots.map((s) => s.id).filter((id) => !moved.includes(id));
  const own = home(edge), ids = own.shots.map((s) => s.id);
  const place = rest({ shots: own.shots.slice(0, ids.indexOf(edge)) }).length + by;
  if (place >= 0 && place <= rest(own).length) return edit("move_shots", { shots: moved, scene: own.id, place });
  const other = scenes[scenes.indexOf(own) + by];
  if (other) edit("move_shots", { shots: moved, scene: other.id, place: by > 0 ? 0 : rest(other).length });
};
root.addEventListener("keydown", (event) => {
  if (playing !== null) {
    if (event.key === "Escape") DO["stop-playing"]();
    if (event.key === "ArrowRight") next();
    if (event.key === "ArrowLeft") { playing = Math.max(0, playing - 1); screen(); }
    return;
  }
  if (isField(event.target) || event.target.nodeName === "BUTTON") return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); return act(event.shiftKey ? "redo_edit" : "undo", {}); }
  const here = event.target.closest("[data-shot]")?.dataset.shot;
  const by = { ArrowLeft: -1, ArrowRight: 1, ...(asTable && { ArrowUp: -1, ArrowDown: 1 }) }[event.key];
  if (here && by && event.altKey) { event.preventDefault(); return event.repeat || shift(by); } // no way back in history
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!here || (event.repeat && !event.key.startsWith("Arrow"))) return;
  const keys = {
    ArrowRight: () => step(1), ArrowDown: () => step(1), ArrowLeft: () => step(-1), ArrowUp: () => step(-1),
    Enter: () => pick(here, event.shiftKey), " ": () => { pick(here, false); DO.play(); },
    r: DO.redo, a: () => both("approved"), l: () => both("locked"),
    c: () => edit("set_shots", { shots: target(), cut: Boolean(find(here).joined) }), Delete: DO.drop, Backspace: DO.drop,
  };
  const run = keys[event.key] || keys[event.key.toLowerCase()];
  if (run) { event.preventDefault(); run(); }
});

root.addEventListener("dragstart", (event) => {
  const id = event.target.closest?.("[data-shot]")?.dataset.shot;
  if (!id) return;
  dragged = chosen().includes(id) ? inOrder(picked) : [id];
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", id);
});
root.addEventListener("dragover", (event) => {
  if (!dragged.length) return;
  const over = event.target.closest(".card");
  const under = event.target.closest(".scene");
  if (!under) return;
  event.preventDefault();
  const box = over?.getBoundingClientRect();
  const fresh = over ? { shot: over.dataset.shot, after: event.clientX > box.left + box.width / 2 } : { scene: under.dataset.scene };
  if (JSON.stringify(fresh) !== JSON.stringify(mark)) { mark = fresh; show(); }
});
root.addEventListener("drop", (event) => {
  event.preventDefault();
  const goal = mark && told().scenes.find((s) => s.id === mark.scene || s.shots.some((one) => one.id === mark.shot));
  if (goal && !dragged.includes(mark.shot)) {
    const rest = goal.shots.map((s) => s.id).filter((id) => !dragged.includes(id));
    const place = mark.shot ? rest.indexOf(mark.shot) + (mark.after ? 1 : 0) : rest.length;
    edit("move_shots", { shots: dragged, scene: goal.id, place });
  }
});
root.addEventListener("dragend", () => { dragged = []; mark = null; show(); });

// The inspector hears which shot is selected before Python does, and the address names it with the project, so that a
// link or a reload comes back here.
const remember = (shot) => {
  window.dispatchEvent(new CustomEvent("reelboard-shot", { detail: shot ?? "" }));
  const url = new URL(window.location);
  url.searchParams.set("project", told().project);
  if (shot) url.searchParams.set("shot", shot);
  else url.searchParams.delete("shot");
  if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
};
// What is selected is this window's own, until what it was is gone or Python says otherwise.
const settle = (now) => {
  const said = `${now.project} ${now.scene} ${now.selected}`;
  if (said !== before || (picked.length && !chosen().length)) {
    if (!chosen().length && find(now.selected)) picked = [now.selected];
    if (!now.scenes.some((one) => one.id === scene) || said !== before) scene = home(picked[0])?.id ?? now.scene;
  }
  before = said;
};

const welcome = () =>
  h("div", { class: "welcome" }, h("h2", {}, "Your board is empty"),
    h("p", {}, "Tell a story above, or take one of the examples; it becomes shots here."),
    h("div", { class: "ghosts", "aria-hidden": "true" }, ["1A", "1B", "1C", "1D"].map((slate) => h("i", {}, slate))));

const tellOf = (id) => { // a new scene: its story is what comes next
  if (!adding) return;
  adding = 0;
  pickScene(id);
  document.querySelector("#story textarea")?.focus();
};

let filmed = ""; // the takes that the film is made of
open((now) => {
  read();
  if (now.project) {
    settle(now);
    remember(chosen()[0]);
    const takes = [now.project, ...shots().map((s) => s.shown)].join();
    const busy = shots().some((s) => s.status === "running" || s.status === "queued");
    if (filmed && takes !== filmed && !busy) window.dispatchEvent(new Event("reelboard-takes"));
    if (!filmed || !busy) filmed = takes; // one new film when all is made, not one for each take
  }
  if (playing !== null && !shots()[playing]) playing = null;
  queueMicrotask(inherit);
  if (adding && now.scenes?.length > adding) queueMicrotask(() => tellOf(now.scenes.at(-1).id));
  queueMicrotask(() => { for (const one of shots().length > FEW ? root.querySelectorAll(".scene") : []) watcher.observe(one); });
  if (!now.scenes?.length) return now.project && welcome();
  const more = button("Add scene", { "data-do": "add-scene", class: "small" });
  return [bar(), asTable ? table() : now.scenes.map(section), more, playing !== null && shots()[playing] && theatre()];
});
