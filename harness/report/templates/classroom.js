// The classroom: answers are hidden until something was predicted and the study is revealed. Predictions stay in this
// browser and are exported as a file that says which were made before the reveal. Without this script nothing is hidden.
(() => {
  const root = document.documentElement, report = root.dataset.report;
  const bar = document.querySelector(".classbar");
  if (!bar) return; // in a page that was mailed
  const part = (name) => bar.querySelector(`[data-part="${name}"]`);
  const place = `bench-predictions-${report}`;
  const studies = [...document.querySelectorAll(".menu [data-study]")].map((link) => link.dataset.study);
  const selects = [...document.querySelectorAll("select[data-question]")];
  const now = () => new Date().toISOString();

  const read = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const write = (name, text) => { try { localStorage.setItem(name, text); } catch { /* kept until the page is left */ } };
  const fresh = () => ({ answers: {}, revealed: {} });
  const stored = () => { try { return { ...fresh(), ...JSON.parse(read(place)) }; } catch { return fresh(); } };
  let state = stored();
  const keep = () => { write(place, JSON.stringify(state)); draw(); };

  const on = () => root.classList.contains("classroom");
  // "*" is of all studies; what the plan doesn't have is no secret.
  const open = (study) => (study === "*" ? studies.every((one) => one in state.revealed) : study in state.revealed || !studies.includes(study));
  const draw = () => {
    for (const one of document.querySelectorAll("[data-answer]")) one.classList.toggle("revealed", open(one.dataset.answer));
    for (const one of document.querySelectorAll(".predict")) {
      const done = open(one.dataset.study);
      one.hidden = !on();
      one.querySelector(".reveal").hidden = done;
      for (const each of one.querySelectorAll(".before")) each.hidden = done;
    }
    for (const select of selects) {
      const done = open(select.dataset.study), answer = state.answers[select.dataset.question]?.answer ?? "";
      select.value = answer;
      select.disabled = done;
      const came = select.closest("li").querySelector(".came");
      came.hidden = !done;
      came.textContent = done ? `Came out: ${select.dataset.told}. ${answer ? `Your prediction: ${select.selectedOptions[0].dataset.result}.` : "Nothing was predicted."}` : "";
    }
    bar.hidden = !on();
    const answers = Object.values(state.answers);
    part("tally").textContent = `${answers.length} predicted, ${Object.keys(state.revealed).length} of ${studies.length} studies revealed.`;
    for (const button of document.querySelectorAll("[data-switch]")) button.setAttribute("aria-pressed", String(root.classList.contains(button.dataset.switch)));
  };

  const exported = () => ({
    format: 1, report, exported: now(),
    predictions: Object.entries(state.answers).map(([question, one]) => ({ question, ...one, revealed: state.revealed[one.study] ?? null })),
  });
  part("export").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([JSON.stringify(exported(), null, 1) + "\n"], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = "predictions.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
  part("anew").addEventListener("click", () => {
    if (!confirm("Forget every prediction and hide all answers again?")) return;
    state = fresh();
    keep();
  });
  for (const select of selects) {
    select.addEventListener("change", () => {
      const { question, study, words } = select.dataset;
      state = stored();
      // What another tab has revealed meanwhile is no prediction any more.
      if (study in state.revealed) return draw();
      if (select.value) state.answers[question] = { study, words, answer: select.value, predicted: now() };
      else delete state.answers[question];
      keep();
    });
  }
  for (const button of document.querySelectorAll(".predict .reveal")) {
    button.addEventListener("click", () => {
      state = stored();
      state.revealed[button.closest(".predict").dataset.study] ??= now();
      keep();
    });
  }
  for (const button of document.querySelectorAll("[data-switch]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.switch;
      write(`bench-${name}`, root.classList.toggle(name) ? "on" : "off");
      draw();
    });
  }
  addEventListener("storage", (event) => { if (event.key === place) { state = stored(); draw(); } });
  draw();
})();
