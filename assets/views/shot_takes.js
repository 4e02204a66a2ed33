// The takes of the selected shot: choose, compare in step, keep for later, measure, note.

let beside = ""; // the take that stands beside the chosen one
let at = 0; // seconds into the takes that are looked at, wherever they are played or put

const take = (one, number) =>
  h("div", { class: `take ${one.chosen ? "chosen" : ""}`, "data-key": one.id },
    button("", { class: "thumb", "data-do": "choose", "data-take": one.id, "aria-pressed": String(one.chosen), "aria-label": `Use take ${number}` },
      clip(one, { autoplay: false, preload: "none" }), h("span", { class: "slate" }, `T${number}`)),
    h("div", { class: "facts" },
      button(one.starred ? "★" : "☆", { class: "link", "data-do": "star", "data-take": one.id, "aria-pressed": String(one.starred), "aria-label": `Star take ${number}` }),
      !one.chosen && button("compare", { class: "link", "data-do": "compare", "data-take": one.id, "aria-pressed": String(one.id === beside) }),
      h("span", { class: "soft" }, one.file ? "from a file" : `${one.draft ? "draft, " : ""}seed ${one.seed}`)));

const scrubber = () =>
  h("input", { type: "range", min: "0", max: shot().seconds - 0.125, step: "0.125", initial: at, "data-do": "scrub", "aria-label": "Moment" });
const figure = (one) =>
  h("figure", { "data-key": one.id }, clip(one, { class: "synced", autoplay: false, loop: false, preload: "auto" }),
    h("figcaption", {}, `T${shot().takes.indexOf(one) + 1} · ${one.file ? `from ${one.file}` : `seed ${one.seed}`}`), cuts(one));
const cuts = (one) => one.cuts.length > 0 && h("ul", { class: "cuts" }, one.cuts.map((cut) => h("li", { class: cut.loud ? "warn" : "soft" }, cut.text)));

const looked = () => {
  const shown = shot().takes.filter((one) => one.chosen || one.id === beside);
  return h("div", { class: "compare" },
    h("div", { class: "pair top" }, shown.map(figure)), scrubber(),
    h("div", { class: "tools" }, button(shown.length === 2 ? "▶ Play both" : "▶ Play", { class: "small", "data-do": "play-both" }),
      shown.length === 2 && button("Done comparing", { class: "small", "data-do": "compared" })));
};

const origin = (one) => {
  if (one.file) return `From the file ${one.file}; not made here.`;
  const how = one.steps && one.guidance ? ` ${one.draft ? "as a draft " : ""}in ${many(one.steps, "step")}, guidance ${one.guidance},` : "";
  return `Made${how} looking at ${one.saw.join(", ") || "nothing else"}.`;
};
const chosenTake = () => shot().takes.find((one) => one.chosen);
const chosenTools = () => {
  const one = chosenTake();
  const number = shot().takes.indexOf(one) + 1;
  return one && [
    h("h3", {}, `Take ${number}, chosen`),
    h("p", { class: "soft" }, origin(one)),
    h("div", { class: "tools" },
      button("Continue from it", { class: "small", "data-do": "continue" }),
      button("Use as reference", { class: "small", "data-do": "keep", "data-take": one.id }),
      button("Keep this frame", { class: "small", "data-do": "still", "data-take": one.id }),
      !one.file && button(shot().seed === one.seed ? "✓ Seed kept" : "Keep this seed", { class: "small", "data-do": "keep-seed", "aria-pressed": String(shot().seed === one.seed) }),
      one.steps && one.guidance && button("Its steps and guidance again", { class: "small", "data-do": "likewise" })),
    h("div", { class: "pair" },
      field("Keep it for", h("select", { id: "kept-for" }, h("option", { value: "" }, "any use"), shot().entries.map(([id, name]) => h("option", { value: id }, name || "unnamed")))),
      shot().others.length > 0 && field("Copy settings to", h("select", { "data-copy": "", initial: "" }, h("option", { value: "" }, "…"), shot().others.map(([id, slate]) => h("option", { value: id }, `shot ${slate}`))))),
  ];
};

const note = (one) =>
  h("li", { "data-key": one.id, "data-note": one.id },
    button(`T${one.number} ${one.at.toFixed(1)} s`, { class: "link", "data-do": "go-to-note", "aria-label": `Go to ${one.at.toFixed(1)} s of take ${one.number}` }), ` ${one.text} `,
    button("✕", { class: "link", "data-do": "drop-note", "aria-label": `Remove the note ${one.text}` }));

const takes = () => [
  shot().takes.length ? h("div", { class: "strip" }, shot().takes.map((one, n) => take(one, n + 1))) : h("p", { class: "empty" }, "No take yet."),
  sender(shot().takes.length ? "Replace with a file…" : "Bring a take from a file…", { "data-do": "replace", disabled: shot().locked }),
  shot().takes.length > 0 && [
    looked(), chosenTools(),
    h("h3", {}, "Notes"),
    h("ul", { class: "notes" }, shot().notes.map(note)),
    h("div", { class: "pair" }, h("input", { id: "remark", placeholder: "A note on this take", "aria-label": "Note", maxlength: "500" }),
      h("input", { id: "remark-at", type: "number", min: "0", step: "0.1", max: shot().seconds, initial: at.toFixed(1), "data-do": "scrub", "aria-label": "At which second" }),
      button("Add", { class: "small", "data-do": "note" })),
  ],
];

const synced = () => root.querySelectorAll("video.synced");
const seek = (to) => {
  at = to;
  synced().forEach((v) => { v.pause(); v.currentTime = at; });
  show();
};
const noted = (t) => shot().notes.find((one) => one.id === t.closest("[data-note]").dataset.note);
const keptFor = () => root.querySelector("#kept-for").value;
const TAKE = {
  choose: (t) => {
    if (t.dataset.take === beside) beside = chosenTake()?.id ?? ""; // the two stay beside each other
    act("choose", { shot: shot().id, take: t.dataset.take });
  },
  star: (t) => act("star", { shot: shot().id, take: t.dataset.take, starred: t.getAttribute("aria-pressed") !== "true" }),
  compare: (t) => {
    beside = t.dataset.take === beside ? "" : t.dataset.take;
    show();
  },
  compared: () => { beside = ""; show(); },
  scrub: () => {},
  "keep-seed": () => set("seed", shot().seed === chosenTake().seed ? null : chosenTake().seed),
  likewise: () => {
    const { steps, guidance } = chosenTake();
    [own, tab, asked.redo] = [{ steps, guidance }, "words", null]; // for the next take
    show();
    root.querySelector("[data-own=steps]").focus();
  },
  "play-both": () => synced().forEach((v) => { v.currentTime = 0; v.play().catch(() => {}); }),
  continue: () => edit("continue_shot", { shot: shot().id }),
  keep: (t) => act("keep", { shot: shot().id, take: t.dataset.take, entry: keptFor() }),
  still: (t) => act("still", { shot: shot().id, take: t.dataset.take, at, entry: keptFor() }),
  replace: () => send((path) => act("replace", { shot: shot().id, path })),
  note: () => {
    const text = root.querySelector("#remark");
    if (text.value.trim()) act("note", { shot: shot().id, take: chosenTake()?.id ?? "", at, text: text.value });
    text.value = "";
  },
  "go-to-note": (t) => {
    const { take, at: moment } = noted(t);
    if (take !== chosenTake()?.id) beside = take;
    seek(moment);
  },
  "drop-note": (t) => act("drop_note", { note: noted(t).id }),
};

root.addEventListener("change", (event) => {
  if (event.target.dataset.copy === undefined || !event.target.value) return;
  edit("copy_settings", { shot: shot().id, to: [event.target.value] });
  event.target.value = "";
});
root.addEventListener("input", (event) => {
  if (event.target.dataset.do !== "scrub") return;
  seek(Number(event.target.value));
});
root.addEventListener("timeupdate", ({ target }) => {
  if (target !== synced()[0]) return;
  at = Math.min(target.currentTime, shot().seconds - 0.125); // a film ends after its last picture
  show();
}, true);
root.addEventListener("loadedmetadata", ({ target }) => { // another take goes on at the same moment
  if (target.matches(".synced")) target.currentTime = at;
}, true);
root.addEventListener("mouseover", (event) => {
  const video = event.target.closest(".take")?.querySelector("video");
  if (video && moving) video.play().catch(() => {}); // it may be stopped before it began
});
root.addEventListener("mouseout", (event) => event.target.closest(".take")?.querySelector("video")?.pause());
