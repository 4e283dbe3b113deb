// Small manners of every page. Pages work without it, apart from the phone's menu.
const body = document.body;

function closeMenu() {
  body.classList.remove("menu-open");
  document.querySelector("[data-menu]")?.setAttribute("aria-expanded", "false");
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const menu = target.closest("[data-menu]");
  if (menu) {
    const open = body.classList.toggle("menu-open");
    menu.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector("#side a")?.focus();
    return;
  }
  if (body.classList.contains("menu-open") && !target.closest("#side")) closeMenu();
  target.closest("[data-dismiss]")?.parentElement.remove();
  const copy = target.closest("[data-copy]");
  if (copy) copyText(copy);
  for (const drop of document.querySelectorAll("details.drop[open]")) {
    if (!drop.contains(target)) drop.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  closeMenu();
  for (const drop of document.querySelectorAll("details.drop[open]")) drop.open = false;
});

async function copyText(button) {
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
  button.textContent = button.dataset.copied;
}

// A form with data-confirm asks first; the answer "yes" submits it for good.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = form.dataset.confirm;
  if (!question || form.dataset.sure) {
    lockOnce(form, event);
    return;
  }
  event.preventDefault();
  const submitter = event.submitter;
  const dialog = document.querySelector("#confirm");
  dialog.querySelector("#confirm-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.sure = "1";
    form.requestSubmit(submitter);
    delete form.dataset.sure;
  }, { once: true });
});

// A second click while the first is under way must not send the form twice.
function lockOnce(form, event) {
  if (form.method !== "post" || form.closest("[hx-post], [data-stay]") || event.defaultPrevented) return;
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; }, 0);
}
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[disabled]:not([data-off])")) button.disabled = false;
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A draft that was sent is forgotten once its editor is no longer the page we are on.
const sent = sessionStorage.getItem("draft-sent");
if (sent && !document.querySelector("#editor")) {
  localStorage.removeItem(sent);
  sessionStorage.removeItem("draft-sent");
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-pick-all]")) return;
  for (const box of document.querySelectorAll(".pick input")) box.checked = event.target.checked;
});
