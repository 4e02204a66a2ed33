// The bible: who and where, written once; which scenes and shots use it; what each scene reads.

const KINDS = { character: "Characters", place: "Places", look: "Look" };
const MOST = 24; // slates of an entry that are shown
const HINT = { character: "Ruby, a red fox with a golden crown", place: "On the beach at sunset", look: "Soft morning light" };

const kept = (one) =>
  h("figure", { "data-key": one.id, "data-still": one.id, title: one.name }, still(one.poster),
    button("✕", { class: "small", "data-do": "drop-still", "aria-label": `Remove ${one.name}` }),
    h("figcaption", {}, one.unused.length ? button(`Use in ${many(one.unused.length, "shot")}`, { class: "small", "data-do": "use-still", "aria-label": `Use ${one.name} in ${many(one.unused.length, "shot")} that name it` }) : "in use"));
const slates = ({ shots }) => [
  h("span", { class: "soft" }, shots.length ? "in" : "in no shot yet"),
  shots.slice(0, MOST).map((slate) => button(slate, { class: "link", "data-do": "go", "aria-label": `Show shot ${slate} on the board` })),
  shots.length > MOST && h("span", { class: "soft" }, `and ${shots.length - MOST} more`),
];
const entry = (one) =>
  h("article", { class: "entry", "data-key": one.id, "data-entry": one.id },
    h("input", { class: "title", initial: one.name, "data-name": "name", "aria-label": "Name" }),
    h("textarea", { rows: "2", initial: one.text, "data-name": "text", placeholder: HINT[one.kind], "aria-label": `Looks of ${one.name}` }),
    h("div", { class: "stills" }, one.stills.map(kept), sender("Add a picture…", { "data-do": "still", "aria-label": `Add a picture of ${one.name}` })),
    h("div", { class: "facts" },
      one.kind !== "look" && told().scenes.map((scene) => button("", {
        class: `toggle ${one.scenes.includes(scene.id) ? "on" : ""}`, "data-do": "use", "data-scene": scene.id, "aria-pressed": String(one.scenes.includes(scene.id)),
      }, `Scene ${scene.number}`)),
      slates(one),
      button("Remove", { class: "link end", "data-do": "drop", "aria-label": `Remove ${one.name}` })));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  const id = doer.closest("[data-entry]")?.dataset.entry;
  if (doer.dataset.do === "go") return window.dispatchEvent(new CustomEvent("reelboard-go", { detail: doer.textContent }));
  if (doer.dataset.do === "add") return edit("add_entry", { kind: doer.dataset.kind, text: "", name: `New ${doer.dataset.kind}` });
  if (doer.dataset.do === "still") return send((path) => act("upload", { path, entry: id }));
  if (doer.dataset.do === "drop-still") return edit("drop_reference", { reference: doer.closest("[data-still]").dataset.still });
  if (doer.dataset.do === "use-still") {
    const one = told().entries.flatMap((e) => e.stills).find((s) => s.id === doer.closest("[data-still]").dataset.still);
    return edit("use_reference", { reference: one.id, shots: one.unused });
  }
  if (doer.dataset.do === "drop") return edit("drop_entry", { entry: id });
  const one = told().entries.find((e) => e.id === id);
  const scene = told().scenes.find((s) => s.id === doer.dataset.scene);
  if (one.kind === "place") return edit("set_scene", { scene: scene.id, setting: scene.setting === id ? "" : id });
  edit("set_scene", { scene: scene.id, cast: scene.cast.includes(id) ? scene.cast.filter((c) => c !== id) : [...scene.cast, id] });
});
root.addEventListener("change", (event) => {
  const { name } = event.target.dataset;
  const id = event.target.closest("[data-entry]")?.dataset.entry;
  const scene = event.target.closest("[data-summary]")?.dataset.summary;
  if (scene) edit("set_scene", { scene, summary: event.target.value });
  else if (name) edit("set_entry", { entry: id, [name]: event.target.value });
});

open((value) => [
  Object.entries(KINDS).map(([kind, title]) => h("section", { class: "kind", "data-key": kind },
    h("header", { class: "scene-head" }, h("h2", {}, title), button("Add", { class: "small", "data-do": "add", "data-kind": kind, "aria-label": `Add to ${title}` })),
    h("div", { class: "entries" }, value.entries.filter((e) => e.kind === kind).map(entry)),
    !value.entries.some((e) => e.kind === kind) && h("p", { class: "empty" }, `None yet. For example: ${HINT[kind]}.`))),
  h("section", { class: "kind", "data-key": "stories" }, h("header", { class: "scene-head" }, h("h2", {}, "What each scene tells")),
    value.scenes.map((scene) => h("div", { "data-key": scene.id, "data-summary": scene.id },
      field(`Scene ${scene.number}`, h("textarea", { rows: "2", initial: scene.summary }))))),
]);
