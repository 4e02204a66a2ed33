// The story's field is gradio's own; this puts the underlined copy under it.

const field = () => document.querySelector("#story textarea");
let seen = null;

const lay = () => {
  const box = field();
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
  const box = field();
  if (!box || box.value === seen) return;
  seen = box.value;
  lay();
  look(box, lay);
};
setInterval(() => document.hidden || follow(), 400); // Python fills it, too
document.addEventListener("input", (event) => event.target === field() && follow());
document.addEventListener("scroll", (event) => event.target === field() && lay(), true);
open(() => null);
