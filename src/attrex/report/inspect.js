"use strict";
(() => {
  const form = document.getElementById("filters");
  const body = document.getElementById("rows");
  const shown = document.getElementById("shown");
  const rows = Array.from(body.rows, (row, place) => ({
    row,
    place,
    attribute: row.dataset.attribute,
    status: row.dataset.status,
    p: row.dataset.p === "" ? null : Number(row.dataset.p),
    text: row.textContent.toLocaleLowerCase(),
  }));
  const orders = {
    file: (a, b) => a.place - b.place,
    least: (a, b) => (a.p ?? 2) - (b.p ?? 2) || a.place - b.place,
    most: (a, b) => (b.p ?? -1) - (a.p ?? -1) || a.place - b.place,
  };
  const number = new Intl.NumberFormat("en");
  let order = "file";

  function apply() {
    const words = form.elements.search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const attribute = form.elements.attribute.value;
    const statuses = new Set(Array.from(form.querySelectorAll("input[name=status]:checked"), (box) => box.value));
    const from = form.elements.from.value === "" ? 0 : Number(form.elements.from.value);
    const to = form.elements.to.value === "" ? 1 : Number(form.elements.to.value);
    const anyProbability = from <= 0 && to >= 1;
    let count = 0;
    for (const one of rows) {
      const fits =
        (attribute === "" || one.attribute === attribute) &&
        statuses.has(one.status) &&
        (anyProbability || (one.p !== null && one.p >= from && one.p <= to)) &&
        words.every((word) => one.text.includes(word));
      one.row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    if (form.elements.order.value !== order) {
      order = form.elements.order.value;
      body.append(...[...rows].sort(orders[order]).map((one) => one.row));
    }
    shown.textContent = `Showing ${number.format(count)} of the ${number.format(rows.length)} rows on this page.`;
  }

  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 80);
  });
  form.addEventListener("reset", () => setTimeout(apply, 0));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
