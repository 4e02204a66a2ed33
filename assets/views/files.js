// A file goes to the server first; then an action names it.

const PICTURES = "image/png,image/jpeg,image/webp,video/mp4,video/webm,video/quicktime,.mkv";
let sending = ""; // its name, while it is on its way
let unsent = "";

const send = (then, accept = PICTURES) => {
  const input = h("input", { type: "file", accept });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    [sending, unsent] = [file.name, ""];
    show();
    try {
      then((await upload(file)).path, file.name);
    } catch {
      unsent = `${file.name} could not be sent; the most is 100 MB.`;
    }
    sending = "";
    show();
  });
  input.click();
};
const sender = (label, attrs) => [
  sending ? h("p", { class: "note", role: "status" }, `Sending ${sending}…`) : button(label, { class: "small", ...attrs }),
  unsent && h("p", { class: "note bad", role: "alert" }, unsent),
];
