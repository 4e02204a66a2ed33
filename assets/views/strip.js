// The line that is always in sight: now, how long, and how to stop.

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer?.dataset.do === "watch") document.querySelectorAll("#rooms [role=tab]")[1].click();
  else if (doer?.dataset.do === "stop") act("stop", { how: doer.dataset.how });
  else if (doer) for (const job of told().jobs) act("job", { what: doer.dataset.do, job });
});

open((value) => h("div", { class: `now ${value.state || "idle"}`, role: value.state === "failed" ? "alert" : "status" },
  h("span", {}, value.text || "Ready."),
  value.state === "running" && h("progress", { max: "100", value: value.share ?? null, "aria-label": "Progress" }),
  value.state === "failed" && h("span", { class: "tools" },
    value.offer && button(value.offer, { class: "small", "data-do": "smaller" }),
    button("Try again", { class: "small", "data-do": "retry" })),
  value.film && h("span", { class: "tools" }, button("Watch the film", { class: "small", "data-do": "watch" })),
  value.state === "cancelled" && h("span", { class: "tools" }, button("Go on", { class: "small", "data-do": "retry" })),
  value.state === "running" && h("span", { class: "tools" },
    button("Pause after this shot", { class: "small", "data-do": "stop", "data-how": "after" }),
    button("Stop", { class: "small", id: "stop", "data-do": "stop", "data-how": "now" }))));
