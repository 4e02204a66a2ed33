// A split: shown while it is written; where it would put finished shots away it waits here, and can be edited.

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  const boxes = [...root.querySelectorAll("[data-words]")];
  act(doer.dataset.do, doer.dataset.do === "accept" ? { prompts: boxes.map((box) => box.value ?? box.textContent) } : {});
});

const waiting = (value) => value.kept + value.gone > 0;
const line = (value, words, n) => {
  const name = `Words of shot ${n + 1}`;
  if (!waiting(value)) return h("li", {}, words || "…");
  if (value.locked.includes(n)) return h("li", {}, h("span", { "data-words": true }, words), h("em", { class: "soft" }, " locked"));
  return h("li", {}, h("textarea", { initial: words, rows: "2", "data-words": true, "aria-label": name }));
};
const waits = (value) => [
  value.note && h("p", { class: "soft" }, value.note),
  value.scenes > 0 && h("p", { class: "soft" }, `${many(value.scenes, "more scene")} after this one`),
  value.kept > 0 && h("p", { class: "warn" }, `${many(value.kept, "finished shot")} would get other words; the takes stay, and so do the scene's own words (Bible).`),
  value.gone > 0 && h("p", { class: "warn" }, `${many(value.gone, "finished shot")} would go to the trash.`),
  h("div", { class: "tools" },
    button("Use these shots", { class: "primary", "data-do": "accept" }), button("Keep what is there", { "data-do": "drop" })),
];

open((value) => value.shots && h("section", { class: "draft", "aria-label": "Shots as they are written" },
  h("ol", waiting(value) ? {} : { role: "status" }, value.shots.map((words, n) => line(value, words, n))),
  waiting(value) ? waits(value) : h("div", { class: "tools" }, button("Stop", { class: "small", "data-do": "drop" }))));
