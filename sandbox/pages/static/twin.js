// Keeps the page fresh: asks for a version number and, when it changed, takes the new
// content of the same page. Typing and scroll positions are left alone.
"use strict";

const PERIOD = 1500;
let known = null;

function atEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 40;
}

function toEnd() {
  const chat = document.querySelector("[data-keep-scroll]");
  if (chat) chat.scrollTop = chat.scrollHeight;
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const chat = document.querySelector("[data-keep-scroll]");
  const list = document.querySelector(".list");
  const kept = { end: !chat || atEnd(chat), chat: chat?.scrollTop, list: list?.scrollTop };
  document.querySelector(".bar").replaceWith(fresh.querySelector(".bar"));
  document.querySelector("#content").replaceWith(fresh.querySelector("#content"));
  const now = document.querySelector("[data-keep-scroll]");
  if (now) now.scrollTop = kept.end ? now.scrollHeight : kept.chat;
  const listNow = document.querySelector(".list");
  if (listNow && kept.list) listNow.scrollTop = kept.list;
}

async function look() {
  const busy = document.activeElement?.matches("input, select, textarea");
  if (!document.hidden && !busy) {
    try {
      const { version } = await (await fetch("/version")).json();
      if (known !== null && known !== version) await refresh();
      known = version;
    } catch {
      known = null; // the twin restarts; try again
    }
  }
  setTimeout(look, PERIOD);
}

toEnd();
if (!document.querySelector(".reading, .fault-form")) look();
