// The first visit: three steps, each beside the thing that it is about. Once closed it stays away.

const KEY = "reelboard-tour";
let at = localStorage.getItem(KEY) === "done" ? -1 : 0;

// On the root, whose attributes nobody else draws anew: the parts' own classes are Gradio's.
const point = () => {
  const step = told().steps?.[at];
  if (step) document.documentElement.dataset.tour = step.target;
  else delete document.documentElement.dataset.tour;
};
const go = (to) => {
  at = to < told().steps.length ? to : -1;
  if (at < 0) localStorage.setItem(KEY, "done");
  show();
  point();
  if (at >= 0) document.querySelector(told().steps[at].target)?.scrollIntoView({ block: "nearest", behavior: moving ? "smooth" : "auto" });
};
root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer) go({ next: at + 1, back: at - 1, end: -1 }[doer.dataset.do]);
});
window.addEventListener("reelboard-tour", () => go(0));

open((now) => {
  const step = now.steps?.[at];
  if (!step) return null;
  setTimeout(point, 0);
  return h("section", { class: "tour", "aria-label": "How the studio works" },
    h("b", { class: "number" }, at + 1), h("p", { role: "status" }, h("b", {}, step.title), ` ${step.text}`),
    h("span", { class: "tools end" }, h("span", { class: "soft" }, `${at + 1} of ${now.steps.length}`),
      at > 0 && button("Back", { class: "small", "data-do": "back" }),
      button(at + 1 < now.steps.length ? "Next" : "Begin", { class: "small primary", "data-do": "next" }),
      at + 1 < now.steps.length && button("Skip", { class: "link", "data-do": "end", "aria-label": "Skip the tour" })));
});
