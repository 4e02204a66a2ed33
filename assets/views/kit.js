// What every view shares: building elements, updating them in place, and telling Python what a person did.
// All text is set as text, never as markup.

const h = (tag, attrs, ...kids) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
    if (name === "muted") node.muted = true;
  }
  for (const kid of kids.flat(Infinity)) {
    if (kid === null || kid === undefined || kid === false) continue;
    node.append(kid instanceof Node ? kid : String(kid));
  }
  return node;
};

// A field keeps what is being typed; everything else follows the fresh tree. `initial` carries a field's value.
const isField = (node) => /^(INPUT|TEXTAREA|SELECT)$/.test(node.nodeName);

const fill = (field) => {
  const wanted = field.getAttribute("initial");
  if (wanted === null || field === document.activeElement) return;
  if (field.type === "checkbox") field.checked = wanted === "true";
  else if (field.value !== wanted) field.value = wanted;
};

const same = (one, two) =>
  one.nodeName === two.nodeName && (one.dataset?.key ?? "") === (two.dataset?.key ?? "");

const morph = (old, fresh) => {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    const opened = name === "open" && old.nodeName === "DETAILS"; // by a person
    if (!fresh.hasAttribute(name) && !opened) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old.nodeName !== "TEXTAREA") {
    const stays = new Set([...fresh.children].map((c) => c.dataset.key));
    const keyed = new Map([...old.children].filter((c) => c.dataset.key).map((c) => [c.dataset.key, c]));
    for (const [key, gone] of keyed) if (!stays.has(key)) gone.remove(); // first, so that no other has to move
    let here = old.firstChild;
    for (const kid of [...fresh.childNodes]) {
      const match = kid.dataset?.key ? keyed.get(kid.dataset.key) : here && same(here, kid) ? here : null;
      if (match && same(match, kid)) {
        if (match !== here) old.insertBefore(match, here);
        morph(match, kid);
        here = match.nextSibling;
      } else {
        old.insertBefore(kid, here);
        if (kid.nodeType === Node.ELEMENT_NODE) [kid, ...kid.querySelectorAll("*")].filter(isField).forEach(fill);
      }
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  }
  if (isField(old)) fill(old);
};

// draw(value) gives the tree; it is drawn anew when Python sends a value or the view's own state changes.
const root = element.querySelector(".view");
let [text, value] = ["", {}];
const told = () => { // what Python sent last; it comes as one text
  if (props.value !== text) [text, value] = [props.value, props.value ? JSON.parse(props.value) : {}];
  return value;
};
// What is done says where: Python may not have heard yet what the board has selected.
const act = (name, data) => trigger("act", { name, here: window.reelboardHere?.(), ...data });
const TAKES = ["redo", "rerun", "duplicate"]; // what asks for another take
const twice = (event, doer) => TAKES.includes(doer?.dataset.do) && event.detail > 1; // a double click asks for one
const edit = (name, values) => act("edit", { edit: name, values });
let draw = () => h("div");
const show = () => {
  const fresh = h("div", { class: "view" }, draw(told()));
  const focused = document.activeElement, key = root.contains(focused) && focused.dataset.key;
  morph(root, fresh);
  if (key && document.activeElement !== focused) // what was moved has lost the focus
    root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
};
const open = (how) => {
  draw = how;
  watch("value", show);
  show();
};

const moving = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const lost = new Set(); // addresses where there is nothing any more
root.addEventListener("error", ({ target }) => {
  lost.add(target.getAttribute("src"));
  show();
}, true);
const missing = () => h("em", { class: "missing" }, "file missing");
const clip = (shot, attrs) =>
  shot.video && !lost.has(shot.video)
    ? h("video", { src: shot.video, poster: shot.poster || null, muted: true, loop: true, autoplay: moving, playsinline: true, tabindex: "-1", "aria-hidden": "true", ...attrs })
    : missing();
const still = (src) => (src && !lost.has(src) ? h("img", { src, alt: "", loading: "lazy", draggable: "false" }) : missing());
const button = (label, attrs, ...kids) => h("button", { type: "button", ...attrs }, ...(kids.length ? kids : [label]));
const field = (label, control, help) => h("label", { class: "field" }, h("span", {}, label), control, help && h("small", {}, help));
const many = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
