"use strict";

const body = document.querySelector("#table tbody");
const rows = [...body.rows];
const heads = [...document.querySelectorAll("#table thead th")];
const filter = document.querySelector("#filter");
const state = document.querySelector("#state");
const shown = document.querySelector("#shown");
const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function sort(column) {
  const head = heads[column];
  const start = head.querySelector("button").dataset.start;
  const other = start === "ascending" ? "descending" : "ascending";
  const direction = head.getAttribute("aria-sort") === start ? other : start;
  const sign = direction === "ascending" ? 1 : -1;
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction);
  // What is not known has no value, and comes last in either direction.
  const keyed = rows.map((row) => [row.cells[column].dataset.value, row]);
  keyed.sort(([a], [b]) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * order.compare(a, b);
  });
  body.append(...keyed.map(([, row]) => row));
}

function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const right = !state.value || row.dataset.states.split(" ").includes(state.value);
    row.hidden = !right || !words.every((word) => texts.get(row).includes(word));
    count += !row.hidden;
  }
  shown.textContent = `${count} of ${rows.length} projects shown`;
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => sort(column));
});
filter.addEventListener("input", show);
state.addEventListener("change", show);
document.querySelector("#controls").addEventListener("submit", (event) => event.preventDefault());
document.querySelector("#controls").hidden = false;
show();
