// One file at a time, with the progress a browser only tells XMLHttpRequest.
const form = document.querySelector("#upload");
const zone = form?.querySelector("[data-drop]");
const input = form?.querySelector("input[type=file]");
const state = form?.querySelector("[data-state]");
const bar = state?.querySelector("progress");
const text = state?.querySelector("[data-text]");

function say(words, problem = false) {
  state.hidden = false;
  text.textContent = words;
  text.classList.toggle("danger", problem);
}

function send(file) {
  if (!form.elements.source.value.trim()) {
    say(form.dataset.wordSource, true);
    bar.hidden = true;
    form.elements.source.focus();
    return;
  }
  bar.hidden = false;
  const data = new FormData(form);
  data.set("file", file);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
  request.setRequestHeader("X-Requested-With", "upload");
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.lengthComputable ? (event.loaded / event.total) * 100 : 0;
    say(`${form.dataset.wordSending} ${file.name} ${Math.round(bar.value)}%`);
  });
  request.addEventListener("load", () => {
    const answer = JSON.parse(request.responseText || "{}");
    if (request.status === 200) {
      say(form.dataset.wordStored);
      location.assign(answer.url);
    } else {
      bar.hidden = true;
      say(answer.message ?? `${request.status}`, true);
      input.value = "";
    }
  });
  request.addEventListener("error", () => { bar.hidden = true; say(form.dataset.wordFailed, true); });
  request.send(data);
}

if (form) {
  input.addEventListener("change", () => input.files.length && send(input.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) {
    zone.addEventListener(kind, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });
}
