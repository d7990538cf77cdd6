// Search, sort, filter and copy. All that the page says, it says without this.
"use strict";
const all = [...document.querySelectorAll("tbody.finding")];
const passing = document.getElementById("passing");
const find = document.getElementById("find");
const kinds = new Set();
all.forEach((body, i) => { body.dataset.order = i; });

function apply() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, hidden = false;
  for (const body of all) {
    const text = body.textContent.toLowerCase();
    const fits = (!kinds.size || kinds.has(body.dataset.kind)) && words.every((word) => text.includes(word));
    body.hidden = !fits;
    shown += fits;
    hidden ||= fits && passing && passing.contains(body);
  }
  const narrowed = words.length > 0 || kinds.size > 0;
  document.getElementById("found").textContent = narrowed ? shown + " of " + all.length : "";
  if (passing && narrowed && hidden) passing.open = true;
}

if (find) {
  document.getElementById("tools").hidden = false;
  find.addEventListener("input", apply);
  for (const item of document.querySelectorAll("#tally > li")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...item.childNodes);
    button.addEventListener("click", () => {
      const kind = item.dataset.kind;
      if (!kinds.delete(kind)) kinds.add(kind);
      button.setAttribute("aria-pressed", String(kinds.has(kind)));
      apply();
    });
    item.append(button);
  }
}

const keys = {
  order: (body) => Number(body.dataset.order),
  name: (body) => body.querySelector(".id").textContent,
  rows: (body) => -Number(body.dataset.rows),
  share: (body) => -Number(body.dataset.share),
};
for (const head of document.querySelectorAll("th[data-sort]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sort";
  button.append(head.firstChild);
  head.prepend(button);
  button.addEventListener("click", () => {
    const back = head.getAttribute("aria-sort") === "ascending";
    const table = head.closest("table"), key = keys[head.dataset.sort];
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", back ? "descending" : "ascending");
    const compare = (a, b) => { const x = key(a), y = key(b); return x < y ? -1 : x > y ? 1 : keys.order(a) - keys.order(b); };
    const bodies = [...table.tBodies].sort((a, b) => back ? compare(b, a) : compare(a, b));
    table.append(...bodies);
  });
}

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      const area = document.createElement("textarea");
      area.value = button.dataset.copy;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// A link to a finding unfolds it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.localName === "details") at.open = true;
  const own = target.querySelector("details");
  if (own && target.matches("tbody")) own.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
