// What the film can be written as, a card each: a press writes it.

const card = ({ name, title, format, use }) =>
  button("", { "data-form": name, "aria-label": `Export ${name}: ${use}` },
    h("b", {}, title), h("small", {}, format), h("span", { class: "soft" }, use));

root.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-form]");
  if (chosen) act("export", { form: chosen.dataset.form });
});

open((forms) => [h("h2", {}, "Export"), h("div", { class: "forms" }, forms.map(card))]);
