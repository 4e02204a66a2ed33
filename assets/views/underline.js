// Words that the model does not know are underlined while they are typed: a copy of the text lies under the field.

const words = new Map(); // by text: which of its words are unknown
const PAUSE = 300; // milliseconds without a key after which Python is asked

const marked = (told) => {
  const unknown = new Set((words.get(told) ?? nearest(told)).map((word) => word.toLowerCase()));
  return told.split(/([\p{L}\p{N}'’-]+)/u).map((part) => (unknown.has(part.toLowerCase()) ? h("mark", {}, part) : part));
};
const nearest = (told) => [...words].reverse().find(([known]) => told.startsWith(known.slice(0, 12)))?.[1] ?? [];

// look(field, then): asks for the words of a field and calls back when they are known.
const look = (field, then) => {
  clearTimeout(field.waits);
  const told = field.value;
  if (words.has(told) || !told.trim()) return then();
  field.waits = setTimeout(async () => {
    try {
      const project = new URL(window.location).searchParams.get("project") ?? "";
      words.set(told, await server.unknown({ text: told, project }));
    } catch {
      return; // without the model's words nothing is underlined
    }
    while (words.size > 40) words.delete(words.keys().next().value);
    then();
  }, PAUSE);
};
const under = (told) => h("div", { class: "under", "aria-hidden": "true" }, marked(told), "\n");
