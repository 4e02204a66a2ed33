// The queue: what is being made, what waits, what is over. Any page sees the same.

const WORD = { queued: "waits", held: "on hold", running: "being made", interrupted: "taken up again", done: "done", failed: "failed", cancelled: "stopped" };
const item = (job) =>
  h("li", { class: `job ${job.state}`, "data-key": job.id, "data-job": job.id },
    h("span", { class: "pictures" }, job.posters.map((src) => src ? still(src) : h("i", {}))),
    h("span", { class: "what" }, h("b", {}, job.title), h("span", { class: "soft" }, `${WORD[job.state]}${job.more ? ` · ${job.more}` : ""}`),
      job.state === "running" && h("progress", { max: "100", value: job.share, "aria-label": "Progress" })),
    h("span", { class: "tools" },
      job.waits && button("Earlier", { class: "small", "data-do": "earlier" }),
      job.waits && button(job.state === "held" ? "Let go" : "Hold", { class: "small", "data-do": "hold", "data-held": String(job.state !== "held") }),
      job.open && button("Stop", { class: "small", "data-do": "stop" }),
      !job.open && job.state !== "done" && button("Go on", { class: "small", "data-do": "retry" }),
      button("Again with another seed", { class: "small", "data-do": "duplicate" })));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (!doer) return;
  act("job", { what: doer.dataset.do, job: doer.closest("[data-job]").dataset.job, held: doer.dataset.held === "true" });
});

open((value) => [
  h("h2", {}, "Now and next"),
  value.open?.length ? h("ul", { class: "jobs" }, value.open.map(item)) : h("p", { class: "empty" }, "Nothing is being made."),
  h("h2", {}, "Before"),
  value.over?.length ? h("ul", { class: "jobs" }, value.over.map(item)) : h("p", { class: "empty" }, "Nothing was made yet."),
]);
