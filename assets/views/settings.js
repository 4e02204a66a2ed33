// The settings: what can be seen, tried and let go; what is set from outside says by which variable.

const size = (count) => (count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : count >= 1e5 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.ceil(count / 1e3)} kB`);
const fact = (name, ...what) => [h("dt", {}, name), h("dd", {}, ...what)];
const group = (title, ...what) => h("section", { class: "panel setting", "data-key": title }, h("h2", {}, title), ...what);
const hint = (...what) => h("p", { class: "soft" }, ...what);
const variable = (name) => h("code", {}, name);
let trying = false;
const typed = {}; // what stands in the fields and is not chosen yet
const entry = (name, shape) => h("input", { initial: typed[name] ?? told().choices[name], "data-name": name, ...shape });

// Who splits stories, as far as it is chosen here; a variable has the last word.
const splitting = ({ variables, choices, tries }) => {
  const by = variables.llm_base_url || variables.llm_local;
  if (by) return hint("Set by ", variable(by), ".");
  if (!choices) return !tries && hint("A language model does it better: ", variable("REELBOARD_LLM_BASE_URL"), " names an OpenAI-compatible endpoint and ", variable("REELBOARD_LLM_MODEL"), " its model.");
  return [
    h("div", { class: "pair" },
      field("Endpoint", entry("llm_base_url", { type: "url", placeholder: "http://127.0.0.1:11434/v1", maxlength: "500" })),
      !variables.llm_model && field("Its model", entry("llm_model", { placeholder: "qwen3:8b", maxlength: "200" }))),
    h("div", { class: "tools" }, button("Use this endpoint", { class: "small", "data-do": "endpoint" }),
      choices.llm_base_url && button("Split by rules", { class: "small", "data-do": "rules" })),
    hint("A language model does it better: any OpenAI-compatible endpoint (Ollama, vLLM, llama.cpp). No key is typed here; an endpoint that asks for one is named by ", variable("REELBOARD_LLM_BASE_URL"), " with ", variable("REELBOARD_LLM_API_KEY"), "."),
  ];
};
const agents = ({ mcp, variables, choices }) => [
  mcp ? h("p", {}, "On, at ", h("code", {}, `${window.location.origin}${mcp}`)) : hint("Off. On, the studio's endpoints are tools for agents."),
  variables.mcp ? hint("Set by ", variable(variables.mcp), ".")
    : choices ? h("label", { class: "switch" }, h("input", { type: "checkbox", initial: String(choices.mcp), "data-name": "mcp" }), " On from the next start")
    : hint(variable("REELBOARD_MCP=1"), " switches it on."),
];
const PAGE = 20; // edits in the trash that are shown at first, and more at a press
let shown = PAGE;

const model = (one) =>
  h("li", { class: one.chosen ? "on" : "", "data-key": one.title },
    h("b", {}, one.title || "Models"),
    one.problem
      ? h("span", { class: "warn" }, one.problem)
      : h("span", { class: "soft" }, `${one.size[1]} × ${one.size[0]} · ${one.fps} frames a second · ${size(one.bytes)} on disk, ${size(one.memory)} in memory · ${one.methods.join(", ") || "no method runs as it is"}`),
    one.chosen
      ? h("span", { class: "end good" }, "✓ used by this project")
      : !one.problem && button("Use in this project", { class: "small end", "data-do": "use", "data-model": one.title }));

// What one edit took off the board: all of it comes back, or one shot.
const removed = (one) => {
  const where = one.number ? `of scene ${one.number}` : `of a removed scene${one.title ? `, ${one.title}` : ""}`;
  const what = one.shots.length ? `${many(one.shots.length, "shot")} ${where}` : `A removed scene, ${one.title || "without a name"}`;
  const back = (label, keys, name) => button(label, { class: "small", "data-do": "back", "data-keys": keys.join(" "), "aria-label": name });
  return h("section", { "data-key": `${one.scene} ${one.shots[0]?.id ?? ""}` },
    h("div", { class: "tools" }, h("h3", {}, what),
      (one.shots.length > 1 || !one.number) && back(one.number ? "Take all back" : "Take the scene back", [...(one.number ? [] : [one.scene]), ...one.shots.map((shot) => shot.id)])),
    h("ul", { class: "removed" }, one.shots.map((shot) =>
      h("li", { "data-key": shot.id },
        h("span", { class: "small-frame" }, shot.poster && still(shot.poster)),
        h("span", { class: "name" }, shot.prompt || "no words yet"),
        h("span", { class: "soft" }, shot.takes ? many(shot.takes, "take") : "not made yet"),
        back("Take back", [shot.id], `Take back: ${shot.prompt || "a shot without words"}`)))));
};
const trash = (edits) =>
  group("This project's trash", edits.length ? edits.slice(0, shown).map(removed) : hint("Nothing was removed."),
    edits.length > shown && h("div", { class: "tools" },
      hint(`${many(edits.length - shown, "older edit")} removed something, too.`),
      button("Show older ones", { class: "small", "data-do": "older" })),
    edits.length > 0 && h("div", { class: "tools" },
      button("Empty this project's trash", { class: "small", "data-do": "empty", title: "removed shots and their takes; starred takes stay" })),
    hint("Starred takes always stay. Emptying the trash ends what undo could bring back."));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  const what = doer.dataset.do;
  if (what === "older") shown += PAGE;
  else if (what === "endpoint") act("prefer", { ...typed });
  else if (what === "use") edit("set_options", { backbone: doer.dataset.model });
  else if (what === "rules") { typed.llm_base_url = ""; act("prefer", { llm_base_url: "" }); }
  else if (what === "back") act(what, { keys: doer.dataset.keys.split(" ") });
  else { trying = what === "try"; act(what, {}); }
  show();
});

root.addEventListener("input", ({ target }) => { if (target.type !== "checkbox") typed[target.dataset.name] = target.value; });
root.addEventListener("change", ({ target }) => {
  if (target.dataset.name === "mcp") act("prefer", { mcp: target.checked });
});

let last;
open((now) => {
  if (now !== last) [last, trying] = [now, false];
  for (const name of Object.keys(typed)) if (typed[name].trim() === now.choices?.[name]) delete typed[name];
  if (!now.device) return h("p", { class: "empty", role: "status" }, "Looking around…");
  return h("div", { class: "settings" },
    group("This machine", h("dl", { class: "words" },
      fact("Computes on", now.device, h("small", {}, ` because ${now.reason}`)),
      now.memory !== null && fact("Free memory", size(now.memory)),
      fact("Shots are made by", now.makers))),
    group("Models", now.models ? h("ul", { class: "models" }, now.models.map(model)) : h("p", { class: "empty", role: "status" }, "Weighing the models…"),
      hint("A folder of diffusers pipelines stands in for the pocket model; name it in ", variable("REELBOARD_MODELS"), ". Nothing is ever downloaded.")),
    group("Stories are split by", h("p", {}, now.splitter),
      now.tries && h("div", { class: "tools" }, button(trying ? "Trying…" : "Try it", { class: "small", "data-do": "try", disabled: trying }), now.tried && h("span", { role: "status" }, now.tried)),
      splitting(now)),
    group("What is kept", h("dl", { class: "words" },
      now.home && fact("Folder", h("code", {}, now.home)),
      fact("Films and pictures", size(now.kept)), fact("Exported files", size(now.exports)),
      fact("Encoded prompts", size(now.prompts), h("small", {}, " of big models, so that none is read twice")), fact("Free on the disk", size(now.disk))),
      !now.public && h("div", { class: "tools" }, button("Remove exported files", { class: "small", "data-do": "clear", disabled: !now.exports }),
        button("Forget encoded prompts", { class: "small", "data-do": "forget", disabled: !now.prompts }))),
    trash(now.trash),
    group("Privacy", h("ul", {}, h("li", {}, now.leaves), h("li", {}, "No analytics, no run history, no account."), h("li", {}, now.guarded))),
    group("Tools for agents (MCP)", agents(now)));
});
