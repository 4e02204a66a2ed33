// The selected shot: its words, what it remembers, its takes.

let tab = "words";
let compared = []; // two takes, side by side
let at = 0; // seconds into the takes that are compared

const field = (label, control, help) => h("label", { class: "field" }, h("span", {}, label), control, help && h("small", {}, help));
const set = (name, value) => edit("set_shot", { shot: props.value.id, [name]: value });
const NUMBER = { frames: Number, seed: (text) => (text.trim() === "" ? null : Number(text)) };

const words = (shot) => [
  field("What happens", h("textarea", { rows: "4", initial: shot.prompt, "data-name": "prompt", spellcheck: "true" })),
  h("div", { class: "pair rewrite" }, h("input", { id: "wish", placeholder: "Write it anew: she spins around…", "aria-label": "Wish for new words", maxlength: "300" }), button("Rewrite", { class: "small", "data-do": "rewrite" })),
  shot.unknown.length > 0 && h("p", { class: "note" }, "The model does not know ", shot.unknown.map((w) => [h("mark", {}, w), " "]), "and skips over that."),
  h("div", { class: "pair" },
    field("Length", h("select", { initial: String(shot.frames), "data-name": "frames" }, shot.lengths.map(([text, n]) => h("option", { value: n }, text)))),
    field("Starts with", h("select", { initial: String(shot.cut), "data-name": "cut" }, h("option", { value: "true" }, "a cut"), h("option", { value: "false" }, "the shot before, going on"))),
    field("Seed", h("input", { type: "number", min: "0", initial: shot.seed ?? "", placeholder: "new each time", "data-name": "seed" }))),
  h("details", { class: "sent" }, h("summary", {}, "What the model reads"), h("p", { class: "soft" }, shot.scene), h("p", {}, shot.cut ? "[SHOT CUT] " : "", shot.prompt)),
];

const thumb = (item) => {
  const number = shot().see ? shot().see.indexOf(item.id) + 1 : 0;
  return button("", {
    class: `thumb ${number ? "on" : ""} ${shot().see === null && item.own ? "default" : ""}`, "data-do": "see", "data-shot": item.id, "data-key": item.id,
    "aria-pressed": String(number > 0), "aria-label": `Remember shot ${item.slate}`, title: item.why.join("; ") || item.prompt,
  }, still(item.poster), h("span", { class: "slate" }, item.slate), number > 0 && h("span", { class: "order" }, number));
};
const shot = () => props.value;
const remembers = (shot) => {
  if (!shot.pool.length) return [h("p", { class: "empty" }, "No other shot is made yet. What is made can be remembered here.")];
  const own = shot.pool.filter((i) => i.own), other = shot.pool.filter((i) => !i.own);
  const advised = shot.pool.filter((i) => i.why.length && !(shot.see || []).includes(i.id) && !(shot.see === null && i.own)).slice(0, 3);
  return [
    h("p", { class: "soft" }, shot.see === null ? "A redo remembers every made shot of its scene. Pick shots to choose for yourself, in the order you pick them." : `A redo remembers ${many(shot.see.length, "picked shot")}.`),
    own.length > 0 && h("div", { class: "strip" }, own.map(thumb)),
    other.length > 0 && [h("h3", {}, "Other scenes"), h("div", { class: "strip" }, other.map(thumb))],
    advised.length > 0 && h("p", { class: "note" }, "Also fits: ", advised.map((i) => button("", { class: "link", "data-do": "see", "data-shot": i.id }, `${i.slate} (${i.why[0]}${i.why.length > 1 ? " …" : ""})`))),
    h("p", { class: "meter" }, h("span", {}, shot.meter.text), h("progress", { max: "100", value: shot.meter.share, "aria-label": "Share of the context window" })),
    shot.see !== null && button("Remember the whole scene again", { class: "small", "data-do": "see-all" }),
  ];
};

const take = (one, number) =>
  h("div", { class: `take ${one.chosen ? "chosen" : ""}`, "data-key": one.id },
    button("", { class: "thumb", "data-do": "choose", "data-take": one.id, "aria-pressed": String(one.chosen), "aria-label": `Use take ${number}` },
      clip(one, { autoplay: false, preload: "none" }), h("span", { class: "slate" }, `T${number}`)),
    h("div", { class: "facts" },
      button(one.starred ? "★" : "☆", { class: "link", "data-do": "star", "data-take": one.id, "aria-pressed": String(one.starred), "aria-label": `Star take ${number}` }),
      button("compare", { class: "link", "data-do": "compare", "data-take": one.id, "aria-pressed": String(compared.includes(one.id)) }),
      h("span", { class: "soft" }, `seed ${one.seed}`)));

const comparison = (shot) => {
  const two = compared.map((id) => shot.takes.find((t) => t.id === id)).filter(Boolean);
  if (two.length < 2) return two.length === 1 ? h("p", { class: "soft" }, "Pick a second take to compare with.") : null;
  return h("div", { class: "compare" }, h("div", { class: "pair" }, two.map((t) =>
    h("figure", {}, clip(t, { class: "synced", autoplay: false, loop: false, preload: "auto" }), h("figcaption", {}, `T${shot.takes.indexOf(t) + 1} · seed ${t.seed}`)))),
    h("input", { type: "range", min: "0", max: shot.seconds - 0.125, step: "0.125", initial: at, "data-do": "scrub", "aria-label": "Moment" }),
    button("▶ Play both", { class: "small", "data-do": "play-both" }));
};

const takes = (shot) => {
  if (!shot.takes.length) return [h("p", { class: "empty" }, "No take yet.")];
  return [
    h("div", { class: "strip" }, shot.takes.map((one, n) => take(one, n + 1))),
    comparison(shot),
    h("h3", {}, "Notes"),
    h("ul", { class: "notes" }, shot.notes.map((n) => h("li", {}, h("b", {}, `T${n.take} ${n.at.toFixed(1)} s`), ` ${n.text}`))),
    h("div", { class: "pair" }, h("input", { id: "remark", placeholder: "A note on the chosen take…", "aria-label": "Note", maxlength: "500" }),
      h("input", { id: "remark-at", type: "number", min: "0", step: "0.1", max: shot.seconds, placeholder: "at second", "aria-label": "At which second" }),
      button("Add", { class: "small", "data-do": "note" })),
  ];
};

const TABS = { words: ["Words", words], remembers: ["Remembers", remembers], takes: ["Takes", takes] };
const DO = {
  tab: (t) => { tab = t.dataset.tab; show(); },
  rewrite: () => {
    const wish = root.querySelector("#wish");
    act("rewrite", { shot: shot().id, wish: wish.value });
    wish.value = "";
  },
  redo: () => act("redo", { shots: [shot().id] }),
  approve: () => act("approve", { shots: [shot().id], approved: !shot().approved }),
  lock: () => set("locked", !shot().locked),
  see: (t) => {
    const id = t.dataset.shot, now = shot().see || [];
    set("see", now.includes(id) ? now.filter((s) => s !== id) : [...now, id]);
  },
  "see-all": () => set("see", null),
  choose: (t) => act("choose", { shot: shot().id, take: t.dataset.take }),
  star: (t) => act("star", { shot: shot().id, take: t.dataset.take, starred: t.getAttribute("aria-pressed") !== "true" }),
  compare: (t) => {
    const id = t.dataset.take;
    compared = compared.includes(id) ? compared.filter((c) => c !== id) : [...compared, id].slice(-2);
    show();
  },
  scrub: () => {},
  "play-both": () => root.querySelectorAll("video.synced").forEach((v) => { v.currentTime = 0; v.play(); }),
  note: () => {
    const text = root.querySelector("#remark"), when = root.querySelector("#remark-at");
    if (text.value.trim()) act("note", { shot: shot().id, at: Number(when.value || 0), text: text.value });
    text.value = "";
  },
};

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer) DO[doer.dataset.do](doer);
});
root.addEventListener("change", (event) => {
  const name = event.target.dataset.name;
  if (!name) return;
  const value = event.target.value;
  set(name, name === "cut" ? value === "true" : (NUMBER[name] || String)(value));
});
root.addEventListener("input", (event) => {
  if (event.target.dataset.do !== "scrub") return;
  at = Number(event.target.value);
  root.querySelectorAll("video.synced").forEach((v) => { v.pause(); v.currentTime = at; });
});
root.addEventListener("mouseover", (event) => {
  const video = event.target.closest(".take")?.querySelector("video");
  if (video && moving) video.play();
});
root.addEventListener("mouseout", (event) => event.target.closest(".take")?.querySelector("video")?.pause());

open((value) => {
  if (!value.id) return h("p", { class: "empty" }, "Select a shot to see its words, what it remembers, and its takes.");
  const count = { remembers: value.see?.length, takes: value.takes.length };
  return h("div", { class: "shot", "data-key": value.id },
    h("h2", {}, `Shot ${value.slate}`), value.why.length > 0 && h("p", { class: "warn" }, `Out of date: ${value.why.join("; ")}.`),
    h("div", { class: "tabs", role: "tablist", "aria-label": "About this shot" }, Object.entries(TABS).map(([key, [label]]) =>
      button("", { role: "tab", id: `tab-${key}`, "aria-selected": String(tab === key), "aria-controls": "tab-panel", "data-do": "tab", "data-tab": key }, label, count[key] ? ` ${count[key]}` : ""))),
    h("div", { role: "tabpanel", id: "tab-panel", "aria-labelledby": `tab-${tab}`, "data-key": tab }, TABS[tab][1](value)),
    h("div", { class: "tools foot" },
      button(value.takes.length ? "Redo this shot" : "Make this shot", { class: "primary", "data-do": "redo", disabled: value.busy || value.locked }),
      button(value.approved ? "✓ Approved" : "Approve", { "data-do": "approve", "aria-pressed": String(value.approved), disabled: !value.takes.length }),
      button(value.locked ? "Unlock" : "Lock", { "data-do": "lock", "aria-pressed": String(value.locked) })));
});
