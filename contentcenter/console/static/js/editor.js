// The editor: a draft is never lost, pictures are pasted or dropped, Markdown files opened.
const form = document.querySelector("#editor");
const body = document.querySelector("#body");
const key = `draft:${form.dataset.draft}`;
const note = form.querySelector("[data-note]");
const saved = document.querySelector("[data-saved]");
const kept = ["title", "summary", "body", "tags", "books", "author"];
const token = form.elements.csrf_token.value;

function snapshot() {
  return Object.fromEntries(kept.map((name) => [name, form.elements[name]?.value ?? ""]));
}
const opened = JSON.stringify(snapshot());

function restore() {
  const text = localStorage.getItem(key);
  if (!text || text === opened) return;
  for (const [name, value] of Object.entries(JSON.parse(text))) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  saved.textContent = form.dataset.wordRestored + " ";
  const drop = document.createElement("button");
  drop.type = "button";
  drop.className = "quiet-btn";
  drop.textContent = form.dataset.wordDiscard;
  drop.addEventListener("click", () => { localStorage.removeItem(key); location.reload(); });
  saved.append(drop);
}
if (!document.querySelector(".flash.bad")) restore();

let timer;
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    localStorage.setItem(key, JSON.stringify(snapshot()));
    saved.textContent = form.dataset.wordSaved;
  }, 600);
});
// The draft goes only after the server took the text: the next page, not this one, is proof.
form.addEventListener("submit", () => {
  clearTimeout(timer);
  localStorage.setItem(key, JSON.stringify(snapshot()));
  sessionStorage.setItem("draft-sent", key);
});

function insert(text) {
  body.focus();
  body.setRangeText(text, body.selectionStart, body.selectionEnd, "end");
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

function wrap(before, after) {
  const { selectionStart: from, selectionEnd: to } = body;
  body.setRangeText(before + body.value.slice(from, to) + after, from, to, "select");
  body.setSelectionRange(from + before.length, to + before.length);
  body.focus();
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

function prefix(mark) {
  const start = body.value.lastIndexOf("\n", body.selectionStart - 1) + 1;
  body.setRangeText(mark, start, start, "end");
  body.focus();
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-wrap], [data-prefix]");
  if (!button) return;
  if (button.dataset.wrap) wrap(...button.dataset.wrap.split("|"));
  else prefix(button.dataset.prefix);
});

async function upload(file) {
  const data = new FormData();
  data.append("file", file);
  note.textContent = form.dataset.wordUploading;
  const answer = await fetch(form.dataset.pictures, { method: "POST", body: data, headers: { "X-CSRFToken": token } });
  const told = await answer.json().catch(() => ({ message: answer.statusText }));
  note.textContent = answer.ok ? "" : told.message;
  return answer.ok ? told.url : null;
}

async function place(files) {
  for (const file of files) {
    if (!file.type.startsWith("image/")) continue;
    const url = await upload(file);
    if (url) insert(`\n![${file.name.replace(/\.\w+$/, "")}](${url})\n`);
  }
}

body.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) { event.preventDefault(); place(files); }
});
body.addEventListener("dragover", (event) => event.preventDefault());
body.addEventListener("drop", (event) => {
  const files = [...event.dataTransfer.files];
  if (files.length) { event.preventDefault(); place(files); }
});
form.querySelector("[data-picture]").addEventListener("change", (event) => place([...event.target.files]));
form.querySelector("[data-open]").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const text = await file.text();
  const heading = text.match(/^#\s+(.+)\n+/);
  if (heading && !form.elements.title.value) form.elements.title.value = heading[1].trim();
  body.value = heading ? text.slice(heading[0].length) : text;
  body.dispatchEvent(new Event("input", { bubbles: true }));
});
form.querySelector("[data-cover-file]").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  const url = file && await upload(file);
  if (!url) return;
  form.elements.cover.value = url;
  const shown = form.querySelector("[data-cover]");
  shown.src = url;
  shown.hidden = false;
});
