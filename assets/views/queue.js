// The queue: what is being made, what waits, what is over. Any page sees the same.

const WORD = { queued: "waits", held: "on hold", running: "being made", interrupted: "taken up again", done: "done", failed: "failed", cancelled: "stopped" };
const WAYS = [["lct", "together"], ["lct-ar", "one after the other"], ["lct-causal", "one after the other, history kept"], ["independent", "each alone"]];
const USUAL = "as usual"; // the model's own
let changing = ""; // the job whose options are open

const form = ({ options }) =>
  h("div", { class: "pair change" },
    field("Method", h("select", { "data-name": "method", initial: options.method }, WAYS.map(([key, label]) => h("option", { value: key }, label)))),
    field("Steps", h("input", { "data-name": "steps", type: "number", min: "1", max: "200", initial: options.steps ?? "", placeholder: USUAL })),
    field("Guidance", h("input", { "data-name": "guidance", type: "number", min: "1", max: "20", step: "0.5", initial: options.guidance ?? "", placeholder: USUAL })),
    field("Seed", h("input", { "data-name": "seed", type: "number", min: "0", initial: options.seed })),
    button("Keep", { class: "small primary", "data-do": "keep" }));
const doing = (label, what, attrs) => button(label, { class: "small", "data-do": what, ...attrs });

const item = (job) =>
  h("li", { class: `job ${job.state}`, "data-key": job.id, "data-job": job.id },
    h("span", { class: "pictures" }, job.posters.map((src) => src ? still(src) : h("i", {}))),
    h("span", { class: "what" }, h("b", {}, job.title), h("span", { class: "soft" }, `${WORD[job.state]}${job.more ? ` · ${job.more}` : ""}`),
      job.remedy && h("span", { class: "warn" }, job.remedy),
      job.log && h("details", { class: "log" }, h("summary", {}, "Log"), h("pre", {}, job.log)),
      job.state === "running" && h("progress", { max: "100", value: job.share, "aria-label": "Progress" })),
    h("span", { class: "tools" },
      job.waits && [doing("Earlier", "earlier"), doing("Later", "later"),
        doing(job.state === "held" ? "Let go" : "Hold", "hold", { "data-held": String(job.state !== "held") }),
        doing("Change", "change", { "aria-expanded": String(changing === job.id) })],
      job.open && doing("Stop", "stop"),
      job.offer && doing(job.offer, "smaller"),
      !job.open && job.state !== "done" && doing("Go on", "retry"),
      job.state === "done" && doing("The same again", "rerun", { title: "the same bytes, as a take that is not chosen" }),
      doing("Again with another seed", "duplicate")),
    job.waits && changing === job.id && form(job));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer || twice(event, doer)) return;
  if (doer.dataset.do === "pause") return act("pause", { paused: !told().paused });
  const row = doer.closest("[data-job]"), job = row.dataset.job, what = doer.dataset.do;
  if (what === "change") { changing = changing === job ? "" : job; show(); }
  else if (what === "keep") {
    const changed = Object.fromEntries([...row.querySelectorAll("[data-name]")].map((f) => [f.dataset.name, f.type !== "number" ? f.value : f.value === "" ? null : Number(f.value)]));
    const before = [...told().open].find((one) => one.id === job).options;
    if (changed.seed === before.seed) delete changed.seed; // a seed of its own would set the shots' own aside
    if (changed.method !== before.method) changed.group = null;
    act("change_job", { job, options: changed });
    changing = "";
    show();
  } else act("job", { what, job, held: doer.dataset.held === "true" });
});

open((value) => [
  h("h2", {}, "Now and next"),
  !value.shared && h("p", { class: "tools" },
    doing(value.paused ? "Let the queue go on" : "Pause the queue", "pause"),
    value.paused && h("span", { class: "warn" }, "Nothing begins until it goes on; what is being made is finished.")),
  value.open?.length ? h("ul", { class: "jobs" }, value.open.map(item)) : h("p", { class: "empty" }, "Nothing is being made."),
  h("h2", {}, "Before"),
  value.over?.length ? h("ul", { class: "jobs" }, value.over.map(item)) : h("p", { class: "empty" }, "Nothing was made yet."),
]);
