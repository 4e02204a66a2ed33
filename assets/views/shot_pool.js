// What the selected shot remembers: picks in order, what would help, and the pool to pick from.

let filter = "all";

const shot = () => told();
const WHOLE = () => shot().whole;
const picks = () => shot().see ?? [WHOLE()];
const setPicks = (now) => set("see", now.length === 1 && now[0] === WHOLE() ? null : now);
const item = (id) => shot().pool.find((one) => one.id === id);
const FILTERS = {
  all: ["All", () => true], scene: ["This scene", (one) => one.own], alike: ["Same character", (one) => one.alike],
  starred: ["Starred", (one) => one.starred], uploads: ["Uploads", (one) => one.kind !== "shot"],
};

const toggle = (id) => {
  const now = picks(), from = item(id)?.keep;
  if (from) return act("keep", { shot: from, take: id, shots: [shot().id] }); // it is not in the pool yet
  if (now.includes(id)) return setPicks(now.filter((one) => one !== id));
  setPicks([...now.filter((one) => one !== WHOLE() || !item(id)?.own), id]); // a shot of the scene in place of all of it
};

const thumb = (one) => {
  const number = picks().indexOf(one.id) + 1;
  const whole = one.own && picks().includes(WHOLE());
  return button("", {
    class: `thumb ${number ? "on" : ""} ${whole ? "default" : ""}`, "data-do": "see", "data-shot": one.id, "data-key": one.id,
    "aria-pressed": String(number > 0), "aria-label": `Remember ${one.called}`, title: [...one.why, one.prompt].join("\n"),
  }, still(one.poster), h("span", { class: "slate" }, one.label), number > 0 && h("span", { class: "order" }, number));
};

const closeness = (id, called) => {
  const now = shot().noises[id] ?? "";
  const known = shot().closeness.some(([, level]) => level === now);
  return h("select", { initial: String(now), "data-noise": id, "aria-label": `How closely ${called} is followed` },
    !known && h("option", { value: now }, `noise ${now}`),
    shot().closeness.map(([text, level]) => h("option", { value: level }, level === "" ? text : `${text} (${level})`)));
};
const pick = (id, place, all) => {
  const one = item(id);
  const called = id === WHOLE() ? "the rest of its scene" : one ? one.called : "what is gone";
  return h("li", { "data-key": id, "data-pick": id },
    one && h("span", { class: "small-frame" }, still(one.poster)),
    h("span", { class: "name" }, h("span", { title: called }, called[0].toUpperCase() + called.slice(1)), closeness(id, called)),
    button("↑", { class: "link", "data-do": "move", "data-by": "-1", disabled: place === 0, "aria-label": `Earlier: ${called}` }),
    button("↓", { class: "link", "data-do": "move", "data-by": "1", disabled: place === all.length - 1, "aria-label": `Later: ${called}` }),
    button("✕", { class: "link", "data-do": "unpick", "aria-label": `Forget ${called}` }));
};

const advice = (id) => {
  const one = item(id);
  return h("li", { "data-key": id }, h("span", { class: "small-frame" }, still(one.poster)), h("span", { class: "name" }, h("b", {}, one.label), ` ${one.why.join(", ")}`),
    button("Use", { class: "small", "data-do": "see", "data-shot": id, "aria-label": `Use ${one.called}` }));
};

const reference = (one) =>
  h("li", { class: "reference", "data-key": one.id, "data-reference": one.id },
    h("span", { class: "small-frame" }, still(one.poster)),
    h("input", { class: "title", initial: one.label, "data-of": "name", "aria-label": `Name of ${one.called}` }),
    button("Remove", { class: "link end", "data-do": "drop-reference", "aria-label": `Remove ${one.called}` }),
    h("input", { initial: one.prompt, "data-of": "prompt", placeholder: "what it shows", "aria-label": `What ${one.called} shows` }),
    h("select", { initial: one.entry, "data-of": "entry", "aria-label": `Entry of the bible that ${one.called} shows` },
      h("option", { value: "" }, "no entry"), shot().entries.map(([id, name]) => h("option", { value: id }, name || "unnamed"))));

const remembers = () => {
  const found = shot().pool.filter(FILTERS[filter][1]);
  const advised = shot().advised.filter((id) => !picks().includes(id) && !(item(id).own && picks().includes(WHOLE()))).slice(0, 3);
  return [
    h("p", { class: "soft" }, picks().length ? "A new take looks at these, in this order." : "A new take looks at nothing."),
    h("ol", { class: "picks" }, picks().map(pick)),
    !picks().includes(WHOLE()) && button("Remember the whole scene", { class: "small", "data-do": "see-all" }),
    h("p", { class: `meter ${shot().meter.over ? "warn" : ""}` }, h("span", {}, shot().meter.text), h("progress", { max: "100", value: shot().meter.share, "aria-label": "Share of the context window" }),
      shot().meter.over && h("span", {}, "More than this model was trained on: take some off.")),
    advised.length > 0 && [h("h3", {}, "Would help"), h("ul", { class: "picks" }, advised.map(advice))],
    h("h3", {}, "Pool"),
    h("div", { class: "tools", role: "group", "aria-label": "Show of the pool" }, Object.entries(FILTERS).map(([key, [label]]) =>
      button(label, { class: `toggle ${filter === key ? "on" : ""}`, "data-do": "filter", "data-filter": key, "aria-pressed": String(filter === key) }))),
    found.length ? h("div", { class: "strip pool" }, found.map(thumb)) : h("p", { class: "empty" }, filter === "all" ? "Nothing is made yet. What is made, and what you bring, can be remembered." : "Nothing of that kind."),
    shot().hidden > 0 && h("p", { class: "soft" }, `${many(shot().hidden, "shot")} more, of other scenes, that share least with this one.`),
    filter === "uploads" && h("ul", { class: "picks" }, found.map(reference)),
    sender("Add a picture or film…", { "data-do": "upload" }),
  ];
};

const REMEMBER = {
  see: (t) => toggle(t.dataset.shot),
  unpick: (t) => setPicks(picks().filter((one) => one !== t.closest("[data-pick]").dataset.pick)),
  move: (t) => {
    const now = [...picks()], at = now.indexOf(t.closest("[data-pick]").dataset.pick), to = at + Number(t.dataset.by);
    [now[at], now[to]] = [now[to], now[at]];
    setPicks(now);
  },
  "see-all": () => set("see", null),
  filter: (t) => { filter = t.dataset.filter; show(); },
  upload: () => send((path) => act("upload", { path })),
  "drop-reference": (t) => edit("drop_reference", { reference: t.closest("[data-reference]").dataset.reference }),
};
root.addEventListener("change", (event) => {
  const { noise, of } = event.target.dataset;
  if (noise) {
    const { [noise]: _, ...rest } = shot().noises;
    set("noises", event.target.value === "" ? rest : { ...rest, [noise]: Number(event.target.value) });
  }
  if (of) edit("set_reference", { reference: event.target.closest("[data-reference]").dataset.reference, [of]: event.target.value });
});
