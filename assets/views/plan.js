// What making this scene would take: the way, a ruler of tokens against the window, minutes, memory, what would help.

let wide = false;
const WAYS = [
  ["lct", "All together"], ["lct 2", "Two at a time"], ["lct 3", "Three at a time"], ["lct-ar", "One after the other"],
  ["lct-causal", "One after the other, history kept"], ["independent", "Each alone"],
];
const way = (value) => (value.group && value.method === "lct" ? (value.group === 1 ? "lct-ar" : `lct ${value.group}`) : value.method);
const span = (seconds) => (seconds < 90 ? `about ${Math.max(1, Math.round(seconds))} s` : `about ${Math.round(seconds / 60)} min`);
const bytes = (count) => (count >= 1e8 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(count / 1e6))} MB`);
const percent = (part, whole) => `${Math.max(0.4, (100 * part) / whole).toFixed(2)}%`;

const bar = (round, most, limit) =>
  h("div", { class: "round" }, h("span", { class: "soft" }, round.shots),
    h("div", { class: `ruler ${round.tokens > limit ? "over" : ""}`, role: "img", "aria-label": `${round.shots}: ${round.tokens} of ${limit} tokens` },
      round.blocks.map((b) => h("i", { class: b.kind, style: `width:${percent(b.tokens, most)}`, title: `${b.name}: ${b.tokens} tokens` })),
      h("b", { class: "limit", style: `left:${percent(limit, most)}`, title: `the window: ${limit} tokens` })),
    h("span", { class: "soft" }, round.tokens.toLocaleString("en")));

const details = (value) => {
  const most = Math.max(value.window * 1.04, value.tokens), now = way(value);
  const ways = WAYS.some(([key]) => key === now) ? WAYS : [...WAYS, [now, `${value.group} at a time`]];
  return h("div", { class: "plan-more" },
    field(`How scene ${value.number} is made`,
      h("select", { initial: now, "data-name": "way" }, ways.map(([key, label]) => h("option", { value: key }, label)))),
    h("div", { class: "rounds" }, value.rounds.map((round) => bar(round, most, value.window))),
    h("p", { class: "soft" }, h("i", { class: "made" }), " being made ", h("i", { class: "seen" }), " looked at ", h("i", { class: "words" }), " words · the line is the window of ", value.window.toLocaleString("en"), " tokens"));
};

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  if (doer.dataset.do === "wide") { wide = !wide; show(); }
  else if (doer.dataset.do === "fix") { const one = told().advice[Number(doer.dataset.number)]; edit(one.edit, one.values); }
  else act("make", { scene: told().scene, draft: doer.dataset.do === "draft" });
});
root.addEventListener("change", (event) => {
  if (event.target.dataset.name !== "way") return;
  const [method, group] = event.target.value.split(" ");
  edit("set_scene", { scene: told().scene, making: { method, group: group ? Number(group) : null } });
});

open((value) => {
  if (!value.scene) return null;
  const advice = value.advice.map((one, n) => h("p", { class: "warn" }, one.text, " ", one.fix && button(one.fix, { class: "small", "data-do": "fix", "data-number": n })));
  if (!value.rounds) return h("section", { class: "plan", "aria-label": `Plan of scene ${value.number}` }, advice); // there is none yet
  const facts = [many(value.shots, "shot"), (WAYS.find(([key]) => key === way(value)) || ["", `${value.group} at a time`])[1].toLowerCase(),
    `${value.tokens.toLocaleString("en")} of ${value.window.toLocaleString("en")} tokens`,
    value.seconds === null ? "time not measured yet" : span(value.seconds), value.memory !== null && bytes(value.memory)].filter(Boolean);
  return h("section", { class: "plan", "aria-label": `Plan of scene ${value.number}` },
    h("div", { class: "plan-line" },
      button("", { class: "link", "data-do": "wide", "aria-expanded": String(wide) }, wide ? "▾ Plan" : "▸ Plan", ` of scene ${value.number}`),
      h("span", { class: "soft" }, facts.join(" · ")),
      h("span", { class: "tools end" },
        button("Make a draft", { class: "small", "data-do": "draft", disabled: value.busy, title: "fewer steps; the final keeps its seeds" }),
        value.drafts > 0 && button(`Make final (${value.drafts})`, { class: "small", "data-do": "final", disabled: value.busy }))),
    advice,
    wide && details(value));
});
