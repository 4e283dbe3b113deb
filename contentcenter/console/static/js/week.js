// On a phone one day is shown at a time; the tabs choose it.
document.addEventListener("click", (event) => {
  const tab = event.target.closest(".day-tabs [data-day]");
  if (!tab) return;
  document.querySelector(".week").dataset.show = tab.dataset.day;
  for (const other of tab.parentElement.children) {
    other.setAttribute("aria-selected", String(other === tab));
  }
});
