// Before anything is drawn: hide the answers where the classroom is on, and write large for a projector.
(() => {
  try {
    for (const name of ["classroom", "projector"]) {
      document.documentElement.classList.toggle(name, localStorage.getItem(`bench-${name}`) === "on");
    }
  } catch { /* no storage: both stay off */ }
})();
