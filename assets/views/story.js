// The story's field is gradio's own; this puts the underlined copy under it.

const storyBox = () => document.querySelector("#story textarea");
let seen = null;

const lay = () => {
  const box = storyBox();
  if (!box) return;
  let copy = box.parentElement.querySelector(".under");
  if (!copy) {
    box.parentElement.classList.add("typed");
    box.before((copy = under("")));
  }
  copy.replaceChildren(...marked(box.value), "\n");
  copy.scrollTop = box.scrollTop;
};
const follow = () => {
  const box = storyBox();
  if (!box || box.value === seen) return;
  seen = box.value;
  lay();
  look(box, lay);
};
// Another scene was selected: until its story is here, nothing can be typed over the former one's.
let awaited = 0;
const hold = (number, until) => {
  const box = storyBox(), label = document.querySelector("#story label > span")?.textContent.trim();
  if (!box || number !== awaited) return;
  box.readOnly = label !== `Story of scene ${number}` && Date.now() < until;
  if (box.readOnly) setTimeout(() => hold(number, until), 50);
};
window.addEventListener("reelboard-scene", ({ detail }) => hold((awaited = detail), Date.now() + 3000));
setInterval(() => document.hidden || follow(), 400); // Python fills it, too
document.addEventListener("input", (event) => event.target === storyBox() && follow());
document.addEventListener("scroll", (event) => event.target === storyBox() && lay(), true);
open(() => null);
