// The film to look at: the player, its pieces on a line, what jumps at the seams, and what goes around the shots.

const AUDIO = "audio/*,.wav,.mp3,.flac,.ogg,.m4a,video/mp4";
const FADES = [[0, "a cut"], [0.25, "a dissolve of ¼ s"], [0.5, "a dissolve of ½ s"], [1, "a dissolve of 1 s"], [2, "a dissolve of 2 s"]];
const ASPECTS = [["", "none"], ["1:1", "1:1, square"], ["9:16", "9:16, tall"], ["16:9", "16:9, wide"], ["2.39:1", "2.39:1, cinema"]];
const options = (pairs) => pairs.map(([value, label]) => h("option", { value: String(value) }, label));
const player = () => root.querySelector("video");
const part = (part, whole) => `${((100 * part) / whole).toFixed(3)}%`;

const line = (value) =>
  h("div", { class: "line" },
    value.pieces.map((one) => button("", { class: "piece", "data-do": "seek", "data-at": one.start, "data-key": one.name, style: `left:${part(one.start, value.seconds)};width:${part(one.seconds, value.seconds)}`, "aria-label": `Go to ${one.name}`, title: one.words },
      one.poster && still(one.poster), h("span", { class: "slate" }, one.name))),
    value.seams.filter((seam) => seam.why.length).map((seam) => h("b", { class: "jump", style: `left:${part(seam.at, value.seconds)}`, title: seam.why.join("; ") })));

const seam = (one) =>
  h("li", { class: one.why.length ? "jumps" : "", "data-key": one.shot },
    button(`${one.before} → ${one.after}`, { class: "link", "data-do": "seek", "data-at": Math.max(0, one.at - 0.5) }),
    h("span", { class: one.why.length ? "warn" : "soft" }, one.why.length ? one.why.join("; ") : "the shots agree"),
    h("span", { class: "soft numbers" }, `colours ${one.palette.toFixed(2)} · light ${one.exposure > 0 ? "+" : ""}${one.exposure.toFixed(1)} stops`),
    h("select", { initial: String(one.fade), "data-fade": one.shot, "aria-label": `Seam from ${one.before} to ${one.after}` }, options(FADES)),
    one.why.length > 0 && button("Redo", { class: "small", "data-do": "redo", "data-shot": one.shot, "aria-label": `Redo shot ${one.after}` }));

const around = (finish) => [
  h("h2", {}, "Around the shots"),
  h("div", { class: "pair" },
    field("Title card", h("input", { initial: finish.title, "data-name": "title", maxlength: "120", placeholder: "none" })),
    field("Credits", h("input", { initial: finish.credits, "data-name": "credits", maxlength: "600", placeholder: "none" })),
    field("Crop", h("select", { initial: finish.aspect, "data-name": "aspect" }, options(ASPECTS)))),
  h("div", { class: "tools" },
    h("span", { class: "soft" }, finish.sound ? `Sound: ${finish.sound_name || "a file"}` : "No sound yet."),
    sender(finish.sound ? "Another sound" : "Add a sound", { "data-do": "sound" }),
    finish.sound && button("Remove", { class: "link", "data-do": "silence", "aria-label": "Remove the sound" })),
];

const DO = {
  seek: (t) => { const video = player(); video.currentTime = Number(t.dataset.at); video.play().catch(() => {}); },
  redo: (t) => act("redo", { shots: [t.dataset.shot] }),
  sound: () => send((path, name) => act("sound", { path, file: name }), AUDIO),
  silence: () => edit("set_finish", { sound: "", sound_name: "" }),
};
root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer && !twice(event, doer)) DO[doer.dataset.do](doer);
});

let behind = false; // the board has other takes than the film that is shown
let watched = 0; // seconds of it
const renew = () => {
  if (!behind || root.offsetParent === null || player()?.paused === false) return;
  [behind, watched] = [false, player()?.currentTime ?? 0];
  act("look");
};
root.addEventListener("loadedmetadata", ({ target }) => { // the place is kept, not only the film
  if (watched) target.currentTime = Math.min(watched, target.duration);
  watched = 0;
}, true);
window.addEventListener("reelboard-takes", () => { behind = true; renew(); });
root.addEventListener("pause", renew, true); // not while it is being watched; at its end, too

root.addEventListener("change", (event) => {
  const { name, fade } = event.target.dataset;
  if (name) edit("set_finish", { [name]: event.target.value });
  if (fade) edit("set_shot", { shot: fade, fade: Number(event.target.value) });
});

let shown = {}; // the newest film that Python sent
open((value) => {
  if (value.project === shown.project && value.version < shown.version) value = shown; // overtaken on the way
  if (value !== shown) [shown, behind] = [value, false];
  if (value.error) return h("p", { class: "warn", role: "status" }, `No film: ${value.error}`);
  if (!value.pieces) return h("p", { class: "empty", role: "status" }, "Putting the film together…");
  if (!value.src) return h("p", { class: "empty" }, "No shot is made yet. Make the film on the board; it plays here.");
  return [
    h("video", { src: value.src, controls: true, playsinline: true, "aria-label": "Film", "data-key": "film" },
      h("track", { kind: "subtitles", label: "Subtitles", srclang: "en", src: `data:text/vtt;charset=utf-8,${encodeURIComponent(value.words)}` })),
    value.missing > 0 && h("p", { class: "note" }, `${many(value.missing, "shot")} not made yet; the animatic shows them as cards.`),
    line(value),
    value.seams.length > 0 && [h("h2", {}, "Seams"), h("ul", { class: "seams" }, value.seams.map(seam))],
    around(value.finish),
  ];
});
