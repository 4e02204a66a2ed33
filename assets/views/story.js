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
setInterval(() => document.hidden || follow(), 400); // Python fills it, too
document.addEventListener("input", (event) => event.target === storyBox() && follow());
document.addEventListener("scroll", (event) => event.target === storyBox() && lay(), true);
open(() => null);
