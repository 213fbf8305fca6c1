// Puts the factors in another order. Without this script they stand by what a good choice gains.
(() => {
  const list = document.querySelector("ol.lanes");
  const group = document.querySelector(".orders");
  if (!list || !group) return;
  const buttons = [...group.querySelectorAll("button")];
  const by = {
    gain: (a, b) => b.dataset.gain - a.dataset.gain || b.dataset.cost - a.dataset.cost,
    cost: (a, b) => b.dataset.cost - a.dataset.cost || b.dataset.gain - a.dataset.gain,
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      list.append(...[...list.children].sort(by[button.dataset.order]));
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    });
  }
  group.hidden = false;
})();
