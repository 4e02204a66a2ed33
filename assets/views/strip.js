// The line that is always in sight: now, how long, and how to stop.

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer) act(doer.dataset.do, { how: doer.dataset.how });
});

open((value) => h("div", { class: `now ${value.state || "idle"}`, role: value.state === "failed" ? "alert" : "status" },
  h("span", {}, value.text || "Ready."),
  value.state === "running" && h("progress", { max: "100", value: value.share ?? null, "aria-label": "Progress" }),
  value.state === "running" && h("span", { class: "tools" },
    button("Stop after this shot", { class: "small", "data-do": "stop", "data-how": "after" }),
    button("Stop", { class: "small", id: "stop", "data-do": "stop", "data-how": "now" }))));
