// The selected shot: its words, and the tabs of what it remembers and of its takes.

let tab = "words";
let typed = null; // what is being typed
let wanted = null; // the shot that the board has selected; until it is shown here, nothing can be done to the former one
let asking; // for the wanted shot once more, when what came is another

// What is typed for the next take and for new words, by shot, stays until it worked: the server may refuse.
let typedFor = "";
let [own, wish] = [{}, ""];
let asked = {}; // what the shot was when a take, or new words, were asked for
const settle = (value) => {
  if (value.id !== typedFor) [typedFor, own, wish, asked, at] = [value.id, {}, "", {}, 0];
  const { redo, rewrite } = asked;
  if (redo && (value.takes.length > redo.takes.length || value.busy > redo.busy)) [own, asked.redo] = [{}, null];
  if (rewrite && value.prompt !== rewrite.prompt) [wish, asked.rewrite] = ["", null];
};

const PATIENCE = 2000; // milliseconds

const set = (name, value) => edit("set_shot", { shot: told().id, [name]: value });
const NUMBER = { frames: Number, seed: (text) => (text.trim() === "" ? null : Number(text)) };

const wording = (shot) => h("fieldset", { class: "plain", disabled: shot.locked }, [
  field("What happens", h("span", { class: "typed" }, under(typed ?? shot.prompt), h("textarea", { rows: "4", initial: shot.prompt, "data-name": "prompt", spellcheck: "true" }))),
  field("Subtitle", h("input", { initial: shot.said, "data-name": "said", maxlength: "300", placeholder: "what is spoken, or to be read" })),
  h("div", { class: "pair rewrite" }, h("input", { id: "wish", initial: wish, placeholder: "Write it anew: she spins around…", "aria-label": "Wish for new words", maxlength: "300" }), button("Rewrite", { class: "small", "data-do": "rewrite", disabled: shot.busy, title: shot.busy && "The scene is being made; its words can be written anew after that." })),
  shot.unknown.length > 0 && h("p", { class: "note" }, "The model does not know ", shot.unknown.map((w) => [h("mark", {}, w), " "]), "and skips over that."),
  h("div", { class: "pair" },
    field("Length", h("select", { initial: String(shot.frames), "data-name": "frames" }, shot.lengths.map(([text, n]) => h("option", { value: n }, text)))),
    field("Starts with", h("select", { initial: String(shot.cut), "data-name": "cut" }, h("option", { value: "true" }, "a cut"), h("option", { value: "false" }, "the shot before, going on"))),
    field("Seed", h("input", { type: "number", min: "0", initial: shot.seed ?? "", placeholder: "random", "data-name": "seed" }))),
  h("details", { class: "sent", "data-key": "own", open: Object.values(own).some(Boolean) }, h("summary", {}, "For the next take only"), h("div", { class: "pair" },
    field("Steps", h("input", { type: "number", min: "1", max: "200", initial: own.steps ?? "", placeholder: "as the film", "data-own": "steps" })),
    field("How strictly to follow the words", h("input", { type: "number", min: "1", max: "20", step: "0.5", initial: own.guidance ?? "", placeholder: "as the film", "data-own": "guidance" })))),
  h("details", { class: "sent", "data-key": "read" }, h("summary", {}, "What the model reads"), h("p", { class: "soft" }, shot.scene), h("p", {}, shot.cut ? "[SHOT CUT] " : "", shot.prompt)),
]);

const TABS = { words: ["Words", wording], remembers: ["Remembers", remembers], takes: ["Takes", takes] };
const DO = {
  ...REMEMBER,
  ...TAKE,
  tab: (t) => { tab = t.dataset.tab; show(); },
  rewrite: () => {
    asked.rewrite = shot();
    act("rewrite", { shot: shot().id, wish });
  },
  redo: () => {
    asked.redo = shot();
    const named = Object.entries(own).filter(([, text]) => text !== "");
    act("redo", { shots: [shot().id], ...Object.fromEntries(named.map(([name, text]) => [name, Number(text)])) });
  },
  approve: () => act("approve", { takes: { [shot().id]: chosenTake().id }, approved: !shot().approved }),
  lock: () => set("locked", !shot().locked),
};

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (twice(event, doer)) return;
  if (doer) DO[doer.dataset.do](doer);
});
root.addEventListener("input", ({ target }) => { // what is typed after a press was not part of it
  const { own: part, name } = target.dataset;
  if (part) [own[part], asked.redo] = [target.value, null];
  if (target.id === "wish") [wish, asked.rewrite] = [target.value, null];
  if (name !== "prompt") return;
  asked.rewrite = null;
  typed = target.value;
  show();
  look(target, show);
});
root.addEventListener("scroll", ({ target }) => { if (target.dataset?.name === "prompt") target.previousSibling.scrollTop = target.scrollTop; }, true);
root.addEventListener("change", (event) => {
  const name = event.target.dataset.name;
  if (!name) return;
  const value = event.target.value;
  set(name, name === "cut" ? value === "true" : (NUMBER[name] || String)(value));
});

window.addEventListener("reelboard-shot", ({ detail }) => {
  if (detail === wanted) return;
  wanted = detail;
  show();
});
const late = ({ id = "" }) => wanted !== null && wanted !== id;

open((value) => {
  clearTimeout(asking);
  if (wanted && late(value)) asking = setTimeout(() => act("select", { shot: wanted }), PATIENCE);
  settle(value);
  if (value.id) words.set(value.prompt, value.unknown);
  if (document.activeElement?.dataset.name !== "prompt") typed = null;
  if (!value.id) return h("p", { class: "empty" }, "Select a shot to see its words, what it remembers, and its takes.");
  const count = { remembers: value.see?.length, takes: value.takes.length };
  return h("div", { class: "shot", "data-key": value.id, inert: late(value), "aria-busy": String(late(value)) },
    h("h2", {}, `Shot ${value.slate}`), value.why.length > 0 && h("p", { class: value.beside ? "soft" : "warn" }, `${value.beside ? "Made beside other takes" : "Out of date"}: ${value.why.join("; ")}.`),
    value.locked && h("p", { class: "soft" }, "Locked: nothing changes or makes it again."),
    h("div", { class: "tabs", role: "tablist", "aria-label": "About this shot" }, Object.entries(TABS).map(([key, [label]]) =>
      button("", { role: "tab", id: `tab-${key}`, "aria-selected": String(tab === key), "aria-controls": "tab-panel", "data-do": "tab", "data-tab": key }, label, count[key] ? ` ${count[key]}` : ""))),
    h("div", { role: "tabpanel", id: "tab-panel", "aria-labelledby": `tab-${tab}`, "data-key": tab }, TABS[tab][1](value)),
    h("div", { class: "tools foot" },
      button(value.takes.length ? "Redo this shot" : "Make this shot", { class: "primary", "data-do": "redo", disabled: value.locked }),
      button(value.approved ? "✓ Approved" : "Approve", { "data-do": "approve", "aria-pressed": String(value.approved), disabled: !chosenTake() }),
      button(value.locked ? "Unlock" : "Lock", { "data-do": "lock", "aria-pressed": String(value.locked) })));
});
