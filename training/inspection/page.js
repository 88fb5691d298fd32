"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, "vi") : a - b;
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
const filter = document.querySelector("#filter");
filter?.addEventListener("change", () => {
  let shown = 0;
  for (const row of document.querySelectorAll("#clips tbody tr")) {
    row.hidden = filter.value !== "" && !row.dataset.faults.split(" ").includes(filter.value);
    shown += !row.hidden;
  }
  document.querySelector("#shown").textContent = `${shown} shown`;
});
