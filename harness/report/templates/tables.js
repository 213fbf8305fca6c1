// Lets readers sort tables by a column and filter long ones. Without this script they stand in the order of the studies.
(() => {
  const LONG = 8; // rows; a shorter table is seen at a glance
  const number = (text) => {
    const found = text.replace(/\u2212/g, "-").replace(/,(?=\d{3})/g, "").match(/^[^\d\p{L}]*?(-?\d[\d.]*(?:e[+-]?\d+)?)/u);
    return found ? Number(found[1]) : null;
  };
  // Numbers by size, words by the alphabet, what is missing last whichever way.
  const compare = (one, other, back) => {
    const [a, b] = [one, other].map((text) => (text === "" || text === "–" ? null : text));
    if (a === null || b === null) return (a === null) - (b === null);
    const [x, y] = [number(a), number(b)];
    const order = x !== null && y !== null ? x - y || a.localeCompare(b) : a.localeCompare(b, "en", { numeric: true });
    return back ? -order : order;
  };
  // The text of a cell without its small print, unless that is all there is.
  const key = (row, column) => {
    const cell = row.cells[column].cloneNode(true);
    const whole = cell.textContent.trim();
    for (const small of cell.querySelectorAll("small")) small.remove();
    return cell.textContent.trim() || whole;
  };

  const sortable = (table) => {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.tagName !== "TH") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.classList.add("sorts");
      button.addEventListener("click", () => {
        const back = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", back ? "descending" : "ascending");
        body.append(...[...body.rows].sort((a, b) => compare(key(a, column), key(b, column), back)));
      });
    });
  };
  const filterable = (table) => {
    const rows = [...table.tBodies[0].rows];
    const region = table.closest(".scroll");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    input.type = "search";
    label.className = "filter";
    label.append("Only rows with ", input, count);
    region.before(label);
    const show = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word)) && !row.querySelector(":checked");
      }
      count.textContent = words.length ? ` ${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
    };
    input.addEventListener("input", show);
  };
  for (const table of document.querySelectorAll(".scroll table:not(.fixed)")) {
    if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
    sortable(table);
    if (table.tBodies[0].rows.length >= LONG) filterable(table);
  }
})();
