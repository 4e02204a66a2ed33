// The settings: what can be seen, tried and let go; what is set from outside says by which variable.

const size = (count) => (count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : count >= 1e5 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.ceil(count / 1e3)} kB`);
const fact = (name, ...what) => [h("dt", {}, name), h("dd", {}, ...what)];
const group = (title, ...what) => h("section", { class: "panel setting", "data-key": title }, h("h2", {}, title), ...what);
const hint = (...what) => h("p", { class: "soft" }, ...what);
const variable = (name) => h("code", {}, name);
let trying = false;

const model = (one) =>
  h("li", { class: one.chosen ? "on" : "", "data-key": one.title },
    h("b", {}, one.title || "Models"),
    one.problem
      ? h("span", { class: "warn" }, one.problem)
      : h("span", { class: "soft" }, `${one.size[1]} × ${one.size[0]} · ${one.fps} frames a second · ${size(one.bytes)} on disk, ${size(one.memory)} in memory · ${one.methods.join(", ") || "no method runs as it is"}`),
    one.chosen
      ? h("span", { class: "end good" }, "✓ used by this project")
      : !one.problem && button("Use in this project", { class: "small end", "data-do": "use", "data-model": one.title }));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  const what = doer.dataset.do;
  if (what === "use") edit("set_options", { backbone: doer.dataset.model });
  else { trying = what === "try"; act(what, {}); }
  show();
});

let last;
open((now) => {
  if (now !== last) [last, trying] = [now, false];
  if (!now.device) return h("p", { class: "empty", role: "status" }, "Looking around…");
  return h("div", { class: "settings" },
    group("This machine", h("dl", { class: "words" },
      fact("Computes on", now.device, h("small", {}, ` because ${now.reason}`)),
      now.memory !== null && fact("Free memory", size(now.memory)),
      fact("Shots are made by", now.makers))),
    group("Models", now.models ? h("ul", { class: "models" }, now.models.map(model)) : h("p", { class: "empty", role: "status" }, "Weighing the models…"),
      hint("A folder of diffusers pipelines stands in for the pocket model; name it in ", variable("REELBOARD_MODELS"), ". Nothing is ever downloaded.")),
    group("Stories are split by", h("p", {}, now.splitter),
      now.tries
        ? h("div", { class: "tools" }, button(trying ? "Trying…" : "Try it", { class: "small", "data-do": "try", disabled: trying }), now.tried && h("span", { role: "status" }, now.tried))
        : hint("A language model does it better: name an OpenAI-compatible endpoint (Ollama, vLLM, llama.cpp, OpenAI) in ", variable("REELBOARD_LLM_BASE_URL"), " and its model in ", variable("REELBOARD_LLM_MODEL"), ", then start the studio again.")),
    group("What is kept", h("dl", { class: "words" },
      now.home && fact("Folder", h("code", {}, now.home)),
      fact("Films and pictures", size(now.kept)), fact("Exported files", size(now.exports)), fact("Free on the disk", size(now.disk))),
      h("div", { class: "tools" },
        button("Empty this project's trash", { class: "small", "data-do": "empty", title: "removed shots and their takes; starred takes stay" }),
        !now.public && button("Remove exported files", { class: "small", "data-do": "clear", disabled: !now.exports })),
      hint("Starred takes always stay. Emptying the trash ends what undo could bring back.")),
    group("Privacy", h("ul", {}, h("li", {}, now.leaves), h("li", {}, "No analytics, no run history, no account."), h("li", {}, now.guarded))),
    group("Tools for agents (MCP)", now.mcp
      ? h("p", {}, "On, at ", h("code", {}, `${window.location.origin}${now.mcp}`))
      : hint("Off. ", variable("REELBOARD_MCP=1"), " gives the studio's endpoints to agents as tools.")));
});
