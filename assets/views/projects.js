// All projects as cards, and what was put away.

const ago = (moment) => {
  const seconds = (Date.now() - new Date(moment)) / 1000;
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, length]) => seconds >= length) || ["", 0];
  if (!unit) return "just now";
  return seconds > 30 * 86400 ? new Date(moment).toLocaleDateString() : new Intl.RelativeTimeFormat("en").format(-Math.floor(seconds / length), unit);
};
const called = (one) => one.name || "Untitled film";

const item = (one, away) =>
  h("article", { class: `card project ${one.current ? "picked" : ""}`, "data-key": one.id, "data-project": one.id },
    h("div", { class: "frame" }, one.poster ? still(one.poster) : h("em", {}, one.shots ? "not made yet" : "empty"),
      one.current && h("span", { class: "slate" }, "open"),
      one.waiting > 0 && h("span", { class: "chip" }, `${many(one.waiting, "job")} under way`)),
    h("h3", {}, called(one)),
    h("div", { class: "facts" }, h("span", {}, `${many(one.scenes, "scene")}, ${many(one.shots, "shot")}`), h("span", {}, ago(one.touched))),
    h("div", { class: "tools" }, away
      ? button("Take back", { class: "small", "data-do": "restore", "aria-label": `Take ${called(one)} back` })
      : [button("Open", { class: "small", "data-do": "open", "aria-label": `Open ${called(one)}` }),
         button("Put away", { class: "link end", "data-do": "trash", "aria-label": `Put ${called(one)} away` })]));

root.addEventListener("click", (event) => {
  const doer = event.target.closest("[data-do]");
  if (doer) act(doer.dataset.do, { project: doer.closest("[data-project]")?.dataset.project ?? "" });
});

open((now) => {
  if (!now.projects) return h("p", { class: "empty", role: "status" }, "Looking for your projects…");
  return [
    h("div", { class: "cards wide" }, now.projects.map((one) => item(one, false))),
    now.trash.length > 0 && h("section", { class: "kind" },
      h("header", { class: "scene-head" }, h("h2", {}, "Trash"), h("span", { class: "soft" }, "Nothing leaves the disk until it is emptied."),
        button("Empty the trash", { class: "small end", "data-do": "empty" })),
      h("div", { class: "cards wide" }, now.trash.map((one) => item(one, true)))),
  ];
});
