// Columns sort at a click: numbers best first, then the other way; rows without a value stay at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const numeric = header.classList.contains("number");
      const descendingFirst = numeric && /%|Images/.test(header.textContent);
      const current = header.getAttribute("aria-sort");
      const descending = current ? current === "ascending" : descendingFirst;
      const value = (row) => {
        const cell = row.cells[column];
        const text = cell && cell.dataset.value;
        return text === undefined || text === "" ? null : numeric ? Number(text) : text;
      };
      const rows = [...body.rows].map((row, index) => [value(row), index, row]);
      rows.sort(([a, i], [b, j]) => {
        if (a === null || b === null) return (a === null) - (b === null) || i - j;
        const order = numeric ? a - b : a.localeCompare(b);
        return (descending ? -order : order) || i - j;
      });
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...rows.map(([, , row]) => row));
    });
  });
}
